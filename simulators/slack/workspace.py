"""What happens in the simulated workspace: people and the app write, edit, delete, react; events follow."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from simulators.people import Person
from simulators.slack import payloads, rich_text
from simulators.slack.config import Channel, Json, SlackConfig
from simulators.slack.state import Message, SlackState, with_message

Emit: TypeAlias = Callable[[Json], str]
Elements: TypeAlias = list[Json]
PERSONS_TEXT_LIMIT = 40_000


class Refused(Exception):
    """Something that Slack's own client would not let a person do; the text says what and what would work."""


@dataclass(frozen=True)
class Happened:
    """A message as it is now, and the ids of the events that the app is told about it."""

    message: Message
    event_ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class Post:
    """What an app asks Slack to post, already checked against the limits."""

    text: str
    blocks: list[Json] | None = None
    metadata: Json | None = None
    thread_ts: str | None = None
    broadcast: bool = False
    extra: Json | None = None


class Workspace:
    def __init__(
        self, config: SlackConfig, state: SlackState, *, now: Callable[[], datetime], emit: Emit
    ) -> None:
        self.config = config
        self.state = state
        self._now = now
        self.emit = emit
        self.statuses: dict[tuple[str, str], str] = {}
        """What the app shows as its status ("is thinking...") by channel and thread."""
        for channel in config.channels:
            state.put_channel(channel, overwrite=False)

    def timestamp(self) -> float:
        return self._now().timestamp()

    # Looking things up

    def people(self) -> tuple[Person, ...]:
        known = {p.slack_user_id for p in self.config.people}
        return self.config.people + tuple(p for p in self.state.users() if p.slack_user_id not in known)

    def person(self, ref: str) -> Person | None:
        """By name or by user id; only people who already exist."""
        wanted = ref.removeprefix("@").casefold()
        return next(
            (p for p in self.people() if wanted in (p.name.casefold(), p.slack_user_id.casefold())), None
        )

    def bot(self) -> Person:
        return Person(self.config.bot_name, self.config.bot_user_id, "America/Los_Angeles", "Saywhen")

    def channel(self, ref: str) -> Channel | None:
        """By id, name or #name; never opens a DM."""
        name = ref.removeprefix("#").casefold()
        named = (c for c in self.state.channels() if c.kind != "im" and c.name.casefold() == name)
        return self.state.channel(ref) or next(named, None)

    def dm_with(self, user_id: str) -> Channel:
        """The direct message channel of the app and this user, opened when it is not there yet."""
        channel_id = "D" + user_id[1:]
        if channel := self.state.channel(channel_id):
            return channel
        channel = Channel(channel_id, "", "im", (user_id, self.config.bot_user_id))
        self.state.put_channel(channel)
        return channel

    def bot_is_in(self, channel: Channel) -> bool:
        return self.config.bot_user_id in channel.members

    def user_of_dm(self, channel: Channel) -> str:
        return next(member for member in channel.members if member != self.config.bot_user_id)

    # People write

    def say(
        self,
        person: Person,
        text: str,
        channel: Channel,
        *,
        thread: str | None = None,
        files: Sequence[Json] = (),
    ) -> Happened:
        root = self._root(channel, thread)
        with self.state.together():
            ts = self.state.next_ts(self.timestamp())
            message = self._typed(person, text, channel, ts=ts, root=root)
            if files:
                message = with_message(
                    message, subtype="file_share", files=list(files), upload=False, display_as_bot=False
                )
            self.state.put_message(message)
            return Happened(message, self._tell(message, channel, mentions=True))

    def _typed(
        self, person: Person, text: str, channel: Channel, *, ts: str, root: Message | None
    ) -> Message:
        elements = self._elements(text)
        body = {
            "user": person.slack_user_id,
            "type": "message",
            "ts": ts,
            "client_msg_id": str(uuid.uuid4()),
            "text": rich_text.text_of(elements)[:PERSONS_TEXT_LIMIT],
            "team": self.config.team_id,
            **_thread_fields(root),
            **({"assistant_thread": {"action_token": _block_id()}} if _is_assistant(root) else {}),
            "blocks": [rich_text.rich_text_block(elements, _block_id())],
        }
        return Message(channel.id, ts, person.slack_user_id, body, root.ts if root else None)

    def _elements(self, text: str) -> Elements:
        return rich_text.typed_elements(text, self._user_id_of)

    def _user_id_of(self, name: str) -> str | None:
        if name.casefold() == self.config.bot_name.casefold():
            return self.config.bot_user_id
        person = self.person(name)
        return person.slack_user_id if person else None

    def edit(self, message: Message, text: str) -> Happened:
        """A person changes the text of a message; nothing happens when it stays the same."""
        elements = self._elements(text)
        new_text = rich_text.text_of(elements)[:PERSONS_TEXT_LIMIT]
        if new_text == message.message.get("text"):
            return Happened(message)
        blocks = [rich_text.rich_text_block(elements, _block_id())]
        after = with_message(message, text=new_text, blocks=blocks, edited=self._edited(message.sender))
        return self._change(message, after)

    # The app writes

    def post(self, post: Post, channel: Channel) -> Happened:
        root = self._root(channel, post.thread_ts)
        with self.state.together():
            ts = self.state.next_ts(self.timestamp())
            message = self._posted(post, channel, ts=ts, root=root)
            self.state.put_message(message)
            if "ephemeral_to" in message.extra:
                return Happened(message)
            self.statuses.pop((channel.id, root.ts if root else ""), None)
            return Happened(message, self._tell(message, channel, mentions=False))

    def put(self, post: Post, channel: Channel, **more: object) -> Message:
        """Slack itself writes in the app's name, and tells nobody."""
        ts = self.state.next_ts(self.timestamp())
        message = with_message(self._posted(post, channel, ts=ts, root=None), **more)
        self.state.put_message(message)
        return message

    def _posted(self, post: Post, channel: Channel, *, ts: str, root: Message | None) -> Message:
        body: Json = {
            "user": self.config.bot_user_id,
            "type": "message",
            "ts": ts,
            "bot_id": self.config.bot_id,
            "app_id": self.config.app_id,
            "text": post.text,
            "team": self.config.team_id,
            "bot_profile": payloads.bot_profile(self.config),
            **_thread_fields(root),
            **(
                {"subtype": "thread_broadcast", "root": self.with_replies(root)}
                if post.broadcast and root
                else {}
            ),
            "blocks": self.blocks_for(post.text, post.blocks),
            **({"metadata": post.metadata} if post.metadata else {}),
        }
        extra = post.extra or {}
        return Message(channel.id, ts, self.config.bot_user_id, body, root.ts if root else None, extra=extra)

    def blocks_for(self, text: str, blocks: list[Json] | None) -> list[Json]:
        """Slack gives every message blocks, and every block an id."""
        if blocks:
            return [{**block, "block_id": block.get("block_id") or _block_id()} for block in blocks]
        elements = rich_text.typed_elements(rich_text.unescape(text), lambda _name: None)
        return [rich_text.rich_text_block(elements, _block_id())]

    def update(self, message: Message, **changes: object) -> Happened:
        return self._change(
            message, with_message(message, **changes, edited=self._edited(self.config.bot_id))
        )

    # Both

    def delete(self, message: Message) -> Happened:
        channel = self._channel_of(message)
        before = self.with_replies(message)
        gone = Message(
            message.channel,
            message.ts,
            message.sender,
            message.message,
            message.thread_ts,
            True,
            message.extra,
        )
        with self.state.together():
            self.state.put_message(gone)
            ts = self.state.next_ts(self.timestamp())
            if before.get("reply_count"):
                event = payloads.message_changed(payloads.tombstone(before), before, channel, ts=ts)
            else:
                event = payloads.message_deleted(before, channel, ts=ts)
            return Happened(gone, self._emit_message_event(channel, event))

    def unfurl(self, message: Message) -> Happened:
        """Slack adds a preview of a link: message_changed although nobody edited anything."""
        links = [e["url"] for block in message.message["blocks"] for e in _links(block)]
        if not links:
            raise Refused("that message has no link to unfurl")
        attachment = {
            "from_url": links[0],
            "original_url": links[0],
            "title": links[0],
            "fallback": links[0],
            "id": 1,
        }
        return self._change(message, with_message(message, attachments=[attachment]))

    def react(self, message: Message, name: str, user: str, *, add: bool) -> Happened:
        reactions = {r["name"]: list(r["users"]) for r in message.message.get("reactions", [])}
        users = reactions.setdefault(name, [])
        if add == (user in users):
            raise Refused("already_reacted" if add else "no_reaction")
        users.append(user) if add else users.remove(user)
        shown = [{"name": n, "users": u, "count": len(u)} for n, u in reactions.items() if u]
        after = with_message(message, reactions=shown or None)
        kind = "reaction_added" if add else "reaction_removed"
        with self.state.together():
            self.state.put_message(after)
            ts = self.state.next_ts(self.timestamp())
            event = payloads.reaction(kind, user=user, name=name, message=message, ts=ts)
            told = self.bot_is_in(self._channel_of(message)) and kind in self.config.subscriptions
            return Happened(after, (self.emit(event),) if told else ())

    def with_replies(self, message: Message) -> Json:
        """A message as the Web API returns it: a root also counts its replies."""
        shown = {key: value for key, value in message.message.items()}
        replies = [] if message.is_reply else self._live_replies(message)
        if replies:
            users = list(dict.fromkeys(reply.sender for reply in replies))
            shown |= {
                "thread_ts": message.ts,
                "reply_count": len(replies),
                "reply_users_count": len(users),
                "latest_reply": replies[-1].ts,
                "reply_users": users,
                "is_locked": False,
                "subscribed": False,
            }
        return payloads.tombstone(shown) | _counts(shown) if message.deleted else shown

    def _live_replies(self, message: Message) -> list[Message]:
        replies = self.state.replies_to(message.channel, message.ts)
        return [r for r in replies if not r.deleted and "ephemeral_to" not in r.extra]

    def _change(self, before: Message, after: Message) -> Happened:
        channel = self._channel_of(before)
        with self.state.together():
            self.state.put_message(after)
            ts = self.state.next_ts(self.timestamp())
            event = payloads.message_changed(
                self.with_replies(after), self.with_replies(before), channel, ts=ts
            )
            ids = self._emit_message_event(channel, event)
            if self._mentions_bot(after) and not self._mentions_bot(before):
                ids += self._emit_mention(after, channel)
            return Happened(after, ids)

    def _tell(self, message: Message, channel: Channel, *, mentions: bool) -> tuple[str, ...]:
        ids = self._emit_mention(message, channel) if mentions and self._mentions_bot(message) else ()
        return self._emit_message_event(channel, payloads.placed(message, channel)) + ids

    def _mentions_bot(self, message: Message) -> bool:
        return self.config.bot_user_id in rich_text.mentioned_users(message.message.get("text", ""))

    def _emit_mention(self, message: Message, channel: Channel) -> tuple[str, ...]:
        # In a direct message Slack sends only the message event.
        subscribed = "app_mention" in self.config.subscriptions and channel.kind != "im"
        if not subscribed or not self.bot_is_in(channel) or message.sender == self.config.bot_user_id:
            return ()
        return (self.emit(payloads.app_mention(message)),)

    def _emit_message_event(self, channel: Channel, event: Json) -> tuple[str, ...]:
        wanted = {"channel": "message.channels", "group": "message.groups", "im": "message.im"}[channel.kind]
        if wanted not in self.config.subscriptions or not self.bot_is_in(channel):
            return ()
        return (self.emit(event),)

    def _root(self, channel: Channel, thread: str | None) -> Message | None:
        if thread is None:
            return None
        found = self.state.message(channel.id, thread)
        if found is None or (found.deleted and not self._live_replies(found)):
            raise Refused("thread_not_found")
        return (
            self.state.message(channel.id, found.thread_ts) if found.is_reply and found.thread_ts else found
        )

    def _channel_of(self, message: Message) -> Channel:
        channel = self.state.channel(message.channel)
        if channel is None:
            raise Refused("channel_not_found")
        return channel

    def _edited(self, by: str) -> Json:
        return {"user": by, "ts": f"{int(self.timestamp())}.000000"}


def _thread_fields(root: Message | None) -> Json:
    return {"thread_ts": root.ts, "parent_user_id": root.sender} if root else {}


def _is_assistant(root: Message | None) -> bool:
    return root is not None and "assistant" in root.extra


def _counts(shown: Json) -> Json:
    return {key: value for key, value in shown.items() if key.startswith("reply_") or key == "latest_reply"}


def _links(block: Json) -> list[Json]:
    return [
        e for section in block.get("elements", []) for e in section.get("elements", []) if e["type"] == "link"
    ]


def _block_id() -> str:
    return uuid.uuid4().hex[:5]
