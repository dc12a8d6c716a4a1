"""What Slack tells us, as inputs of the core. Pure; a shape that we do not know is no input."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime

from bot.events import Block, Incoming, MessageDeleted, MessageEdited, MessageReceived, Sender
from channels.slack.files import SlackFile, file_in, references
from channels.slack.shapes import Json, id_in, items, mapping, string, ts_in
from channels.slack.text import mentions, plain

NAME = "slack"
MESSAGES = frozenset({"", "file_share", "thread_broadcast", "me_message", "bot_message"})
"""The subtypes that are messages; the others say that somebody joined, that a topic changed and so on."""

Message = MessageReceived | MessageEdited | MessageDeleted


@dataclass(frozen=True, slots=True)
class Identity:
    """Who we are in Slack, as auth.test says, and the id of our app, if Slack has said it."""

    team: str
    user: str
    bot: str = ""
    name: str = ""
    app: str = ""

    @property
    def account(self) -> str:
        return f"{self.team}/{self.user}"


@dataclass(frozen=True, slots=True)
class Arrival:
    """An input, and whether it is meant for us: a DM, a mention, a reply to what we wrote.

    What is not addressed to us is ours only in a thread that we already take part in. The blocks only name the
    `files`, until their content has been fetched. `in_assistant`: in a chat that somebody opened with the app as an
    assistant.
    """

    incoming: Incoming
    addressed: bool
    files: tuple[SlackFile, ...] = ()
    in_assistant: bool = False


def parse(
    payload: object, *, me: Identity, raw: bytes = b"", allow_bots: frozenset[str] = frozenset()
) -> tuple[Arrival, ...]:
    """The inputs in one Events API payload; `allow_bots` names bots, apps or bot users that may speak."""
    body = mapping(payload)
    event = mapping(body.get("event"))
    channel = id_in(event, "channel")
    if not channel or not me.team or not me.user:
        return ()
    place = _Place(me, channel, im=event.get("channel_type") == "im" or channel.startswith("D"))
    reader = _Reader(place, raw=raw, app=id_in(body, "api_app_id"), allow_bots=allow_bots)
    match event.get("type"), string(event, "subtype"):
        case "app_mention", _:
            return reader.received(event, addressed=True)
        case "message", "message_changed":
            return reader.changed(event)
        case "message", "message_deleted":
            return reader.deleted(mapping(event.get("previous_message")), ts_in(event, "deleted_ts"))
        case "message", subtype if subtype in MESSAGES:
            return reader.received(event)
    return ()


@dataclass(frozen=True, slots=True)
class _Place:
    """A channel or DM, and how its messages and threads are called."""

    me: Identity
    channel: str
    im: bool

    def of(self, ts: str) -> str:
        # Our own team, not the payload's: in a shared channel that one depends on who writes.
        return f"{NAME}:{self.me.team}:{self.channel}:{ts}"

    def thread(self, ts: str, root: str) -> tuple[str, ...]:
        """A channel has a thread for each message at its top level; the top level of a DM is one thread."""
        if root or not self.im:
            return (self.me.team, self.channel, root or ts)
        return (self.me.team, self.channel)


@dataclass(frozen=True, slots=True)
class _Reader:
    place: _Place
    raw: bytes
    app: str
    allow_bots: frozenset[str]

    def received(self, message: Json, *, addressed: bool = False) -> tuple[Arrival, ...]:
        ts, sender = ts_in(message, "ts"), self._sender(message)
        if not ts or sender is None:
            return ()
        root = _root(message, ts)
        addressed = addressed or self._is_to_us(message)
        if not (root or addressed):
            return ()  # people talk at the top level of a channel
        data = MessageReceived(
            place=self.place.of(ts),
            blocks=self._blocks(message),
            sender=sender,
            display=_display(message),
            reply_to=self.place.of(root) if root else "",
            raw=self._digest(),
        )
        return self._arrival(data, message, ts, dedupe=data.place, addressed=addressed)

    def changed(self, event: Json) -> tuple[Arrival, ...]:
        message, before = mapping(event.get("message")), mapping(event.get("previous_message"))
        ts = ts_in(message, "ts") or ts_in(before, "ts")
        if message.get("subtype") == "tombstone":  # the root of a thread that still has replies
            return self.deleted(before, ts)
        edited_at = ts_in(mapping(message.get("edited")), "ts")
        if not edited_at and message.get("text") == before.get("text"):
            return ()  # only a preview was added to it
        edited_at = edited_at or ts_in(event, "ts") or ts_in(event, "event_ts")
        sender = self._sender(message)
        if not ts or not edited_at or sender is None:
            return ()
        data = MessageEdited(
            place=self.place.of(ts),
            edited_at=edited_at,
            blocks=self._blocks(message),
            sender=sender,
            display=_display(message),
            raw=self._digest(),
        )
        return self._arrival(data, message, ts, dedupe=f"{data.place}:{edited_at}")

    def deleted(self, before: Json, ts: str) -> tuple[Arrival, ...]:
        if not ts or self._ignored(before):
            return ()
        unknown = Sender(channel=NAME, address="", proof="none")
        data = MessageDeleted(
            place=self.place.of(ts), sender=self._sender(before) or unknown, raw=self._digest()
        )
        return self._arrival(data, before, ts, dedupe=f"{data.place}:deleted")

    def _arrival(
        self, data: Message, message: Json, ts: str, *, dedupe: str, addressed: bool = False
    ) -> tuple[Arrival, ...]:
        me, thread = self.place.me, self.place.thread(ts, _root(message, ts))
        incoming = Incoming(
            data=data,
            channel=NAME,
            dedupe=dedupe,
            account=me.account,
            conversation=":".join(thread),
            destination="/".join(thread),
            raw=self.raw,
            direct=self.place.im,
            outside=self._is_outside(message),
            sent_at=_time_of(ts) if isinstance(data, MessageReceived) else None,
        )
        files = _files(message) if not isinstance(data, MessageDeleted) else ()
        in_assistant = self.place.im and bool(mapping(message.get("assistant_thread")))
        addressed = addressed or self._is_to_us(message)
        return (Arrival(incoming, addressed=addressed, files=files, in_assistant=in_assistant),)

    def _is_outside(self, message: Json) -> bool:
        """In a shared channel people of other workspaces write too."""
        sender = self._sender(message)
        return sender is not None and sender.address.partition("/")[0] != self.place.me.team

    def _is_to_us(self, message: Json) -> bool:
        me = self.place.me.user
        return self.place.im or mentions(string(message, "text"), me) or message.get("parent_user_id") == me

    def _sender(self, message: Json) -> Sender | None:
        author = id_in(message, "user") or id_in(message, "bot_id")
        if not author or self._ignored(message):
            return None
        # In a shared channel the team of the person; user ids alone say nothing about whose people they are.
        teams = (id_in(message, key) for key in ("user_team", "source_team", "team"))
        team = next(filter(None, teams), self.place.me.team)
        return Sender(channel=NAME, address=f"{team}/{author}", proof="provider")

    def _ignored(self, message: Json) -> bool:
        """Our own messages, always, and those of other bots, unless they are allowed."""
        me = self.place.me
        user, bot = id_in(message, "user"), id_in(message, "bot_id")
        app = id_in(message, "app_id") or id_in(mapping(message.get("bot_profile")), "app_id")
        if user == me.user or (bot and bot == me.bot) or (app and app == self.app):
            return True
        is_bot = bool(bot) or user == "USLACKBOT" or message.get("subtype") == "bot_message"
        return is_bot and not self.allow_bots & {user, bot, app}

    def _blocks(self, message: Json) -> tuple[Block, ...]:
        me = self.place.me
        files = references(_files(message))
        quoted = [_quoted(item, me) for item in items(message, "attachments")]
        text = plain(string(message, "text"), own=me.user, name=me.name)
        first = [Block(source="person", text=text)] if text or not (files or quoted) else []
        return tuple(block for block in (*first, *files, *quoted) if block)

    def _digest(self) -> str:
        return hashlib.sha256(self.raw).hexdigest() if self.raw else ""


def _time_of(ts: str) -> datetime | None:
    """When a message was written: its ts says so, in seconds."""
    try:
        return datetime.fromtimestamp(float(ts), UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _root(message: Json, ts: str) -> str:
    root = ts_in(message, "thread_ts")
    return root if root != ts else ""


def _display(message: Json) -> str:
    profile = mapping(message.get("user_profile"))
    names = (string(profile, "display_name"), string(profile, "real_name"), string(message, "username"))
    return next(filter(None, names), "")


def _files(message: Json) -> tuple[SlackFile, ...]:
    return tuple(filter(None, map(file_in, items(message, "files"))))


def _quoted(item: Json, me: Identity) -> Block | None:
    """A message that was passed on, not the preview of a link."""
    if not (item.get("is_share") or item.get("is_msg_unfurl")):
        return None
    text = plain(string(item, "text") or string(item, "fallback"), own="", name=me.name)
    return Block(source="quoted", text=text, name=string(item, "author_name")) if text else None
