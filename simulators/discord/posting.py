"""Messages come, change and go: by people and by the bot, each with its event and the record of whom it notified."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from simulators.discord.config import Json
from simulators.discord.errors import DiscordError, invalid
from simulators.discord.guild import Guild
from simulators.discord.ids import iso
from simulators.discord.mentions import Mentions, let_through, live
from simulators.discord.outgoing import (
    COMPONENTS_V2,
    EPHEMERAL,
    LOADING,
    SUPPRESS_EMBEDS,
    SUPPRESS_NOTIFICATIONS,
    Numbering,
    Outgoing,
    Upload,
    check,
)
from simulators.discord.state import Channel, Message

DEFAULT, THREAD_CREATED, REPLY, SLASH_RESPONSE, THREAD_STARTER = 0, 18, 19, 20, 21
BOT_MAY_SET = SUPPRESS_EMBEDS | SUPPRESS_NOTIFICATIONS | COMPONENTS_V2


@dataclass(frozen=True)
class Draft:
    """A message about to be written. `more` goes into what Discord returns, `extra` only we know."""

    author: int
    channel: Channel
    outgoing: Outgoing
    type: int = DEFAULT
    flags: int = 0
    reference: Message | None = None
    more: Json | None = None
    extra: Json | None = None


class Posting:
    def __init__(self, guild: Guild, *, time_scale: float) -> None:
        self._guild = guild
        self._state = guild.state
        self._nonce_seconds = guild.config.nonce_seconds * time_scale
        self.careless: list[str] = []
        """What the bot wrote or changed without `allowed_mentions`, whether or not that notified anybody."""

    # The app

    def send(self, channel: Channel, outgoing: Outgoing) -> Message:
        """Create Message: a nonce that is enforced and was used a moment ago returns that message."""
        check(outgoing)
        bot = self._guild.config.bot_id
        if outgoing.nonce and outgoing.given.get("enforce_nonce"):
            since = self._guild.now().timestamp() - self._nonce_seconds
            if sent := self._state.sent_with_nonce(outgoing.nonce, bot, since=since):
                return sent
        reference = self._referenced(outgoing, channel)
        flags = outgoing.flags & BOT_MAY_SET
        type_ = REPLY if reference else DEFAULT
        return self.write(Draft(bot, channel, outgoing, type_, flags, reference))

    def _referenced(self, outgoing: Outgoing, channel: Channel) -> Message | None:
        reference = outgoing.reference
        if reference is None:
            return None
        found = self._state.message(int(reference.get("message_id") or 0))
        if found is not None and not found.deleted and found.channel == channel.id:
            return found
        if reference.get("fail_if_not_exists", True):
            raise invalid("message_reference", "REPLIES_UNKNOWN_MESSAGE", "Unknown message")
        return None

    def write(self, draft: Draft) -> Message:
        """Keep a message and tell the bot, unless only one person sees it."""
        outgoing, guild = draft.outgoing, self._guild
        with self._state.together():
            files = [self._keep(upload, draft.channel) for upload in outgoing.files]
            notified = self._notified(outgoing, draft.reference)
            now = guild.now()
            message = Message(
                id=guild.ids.next(),
                channel=draft.channel.id,
                author=draft.author,
                at=now.timestamp(),
                nonce=outgoing.nonce,
                message={
                    "type": draft.type,
                    "content": outgoing.content,
                    "flags": draft.flags,
                    "embeds": [{"type": "rich", **embed} for embed in outgoing.embeds],
                    "components": Numbering(outgoing.components).numbered(),
                    "attachments": files,
                    "mentions": self._users(notified),
                    "mention_roles": list(map(str, notified.roles)),
                    "mention_everyone": notified.everyone,
                    "edited_timestamp": None,
                    **self._reference(draft.reference),
                    **(draft.more or {}),
                },
                extra={"allowed_mentions": outgoing.allowed_mentions, **(draft.extra or {})},
            )
            self._state.put_message(message)
            if outgoing.text:
                self._record_careless(draft.author, outgoing)
            self._record_ping(message, "create", outgoing, notified)
            self._count_in_thread(draft.channel, draft.author)
        if not guild.is_ephemeral(message):
            guild.emit("MESSAGE_CREATE", self.created_json(message))
        return message

    def created_json(self, message: Message) -> Json:
        nonce = {"nonce": message.nonce} if message.nonce else {}
        return {**self._guild.message_event(message), **nonce}

    def edit(self, message: Message, outgoing: Outgoing, *, editor: int) -> Message:
        """Change what was given. Without `allowed_mentions` every mention in the new text is live."""
        if message.author != editor:
            raise DiscordError(50005)
        check(outgoing, may_be_empty="content" not in outgoing.given or bool(message.message["attachments"]))
        notified = self._notified(outgoing, self._reply_target(message))
        body = {**message.message, **self._changes(message, outgoing, notified)}
        body["flags"] = _edited_flags(message, outgoing)
        if not message.flags & LOADING:
            body["edited_timestamp"] = iso(self._guild.now())
        extra = {**message.extra, "allowed_mentions": outgoing.allowed_mentions}
        return self._update(replace(message, message=body, extra=extra), outgoing, notified)

    def _update(self, message: Message, outgoing: Outgoing, notified: Mentions) -> Message:
        with self._state.together():
            self._state.put_message(message)
            self._record_careless(message.author, outgoing)
            self._record_ping(message, "edit", outgoing, notified)
        if not self._guild.is_ephemeral(message):
            self._guild.emit("MESSAGE_UPDATE", self._guild.message_event(message))
        return message

    def _changes(self, message: Message, outgoing: Outgoing, notified: Mentions) -> Json:
        given = outgoing.given
        changes: Json = {}
        if "content" in given:
            changes |= {
                "content": outgoing.content,
                "mentions": self._users(notified),
                "mention_roles": list(map(str, notified.roles)),
                "mention_everyone": notified.everyone,
            }
        if "embeds" in given:
            changes["embeds"] = [{"type": "rich", **embed} for embed in outgoing.embeds]
        if "components" in given:
            changes["components"] = Numbering(outgoing.components).numbered()
        if outgoing.files or "attachments" in given:
            changes["attachments"] = self._kept_files(message, outgoing)
        return changes

    def _kept_files(self, message: Message, outgoing: Outgoing) -> list[Json]:
        old = message.message["attachments"]
        if "attachments" in outgoing.given:
            wanted = {str(each.get("id")) for each in outgoing.given["attachments"] or []}
            old = [each for each in old if each["id"] in wanted]
        place = self._guild.channel(message.channel)
        assert place is not None
        return [*old, *(self._keep(upload, place) for upload in outgoing.files)]

    # People

    def say(
        self,
        person: int,
        channel: Channel,
        text: str,
        *,
        reply_to: Message | None = None,
        files: Sequence[Upload] = (),
    ) -> Message:
        outgoing = Outgoing({"content": text}, tuple(files))
        return self.write(Draft(person, channel, outgoing, REPLY if reply_to else DEFAULT, 0, reply_to))

    def delete(self, message: Message) -> None:
        self._state.put_message(replace(message, deleted=True))
        if not self._guild.is_ephemeral(message):
            self._guild.emit("MESSAGE_DELETE", {"id": str(message.id), **self._where(message)})

    def react(self, message: Message, user: int, emoji: str, *, add: bool) -> Message:
        users = dict(message.extra.get("reactions", {}))
        before = users.get(emoji, [])
        if add == (user in before):
            return message
        after = [*before, user] if add else [each for each in before if each != user]
        users = {**users, emoji: after} if after else {k: v for k, v in users.items() if k != emoji}
        message = self._state.put_message(replace(message, extra={**message.extra, "reactions": users}))
        self._guild.emit(
            "MESSAGE_REACTION_ADD" if add else "MESSAGE_REACTION_REMOVE",
            {
                "user_id": str(user),
                "message_id": str(message.id),
                "emoji": {"id": None, "name": emoji},
                "type": 0,
                "burst": False,
                **self._where(message),
                **self._added(message, user, add),
            },
        )
        return message

    def _added(self, message: Message, user: int, add: bool) -> Json:
        if not add:
            return {}
        where = self._where(message)
        member = {"member": self._guild.member_json(user)} if "guild_id" in where else {}
        return {"message_author_id": str(message.author), "burst_colors": [], **member}

    def _where(self, message: Message) -> Json:
        channel = self._guild.channel(message.channel)
        in_guild = channel is not None and channel.in_guild
        guild = {"guild_id": str(self._guild.config.guild_id)} if in_guild else {}
        return {"channel_id": str(message.channel), **guild}

    # Parts of a message

    def _keep(self, upload: Upload, channel: Channel) -> Json:
        return self._guild.cdn.keep(upload, id_=self._guild.ids.next(), channel=channel.id)

    def _notified(self, outgoing: Outgoing, reference: Message | None) -> Mentions:
        found = live(outgoing.text, replied=reference.author if reference else None)
        return let_through(found, outgoing.allowed_mentions)

    def _users(self, notified: Mentions) -> list[int]:
        replied = (notified.replied,) if notified.replied else ()
        return [user for user in dict.fromkeys((*notified.users, *replied)) if self._guild.exists(user)]

    def _reply_target(self, message: Message) -> Message | None:
        reference = message.message.get("message_reference")
        return self._state.message(int(reference.get("message_id", 0))) if reference else None

    def _reference(self, target: Message | None) -> Json:
        if target is None:
            return {}
        where = self._where(target)
        return {"message_reference": {"type": 0, "message_id": str(target.id), **where}}

    def _record_ping(self, message: Message, how: str, outgoing: Outgoing, notified: Mentions) -> None:
        others = notified.without(message.author)
        if message.author != self._guild.config.bot_id or not others:
            return
        self._state.add_ping(
            {
                "message": str(message.id),
                "channel": str(message.channel),
                "how": how,
                "pinged": others.names(),
                "allowed_mentions": outgoing.allowed_mentions,
                "text": outgoing.text,
            }
        )

    def _record_careless(self, author: int, outgoing: Outgoing) -> None:
        if author == self._guild.config.bot_id and outgoing.allowed_mentions is None:
            self.careless.append(outgoing.text)

    def _count_in_thread(self, channel: Channel, author: int) -> None:
        """A message wakes a thread that is archived, and its author joins."""
        if channel.kind != "thread":
            return
        thread = self._guild.channel(channel.id) or channel
        about = thread.about
        members = list(dict.fromkeys((*about["members"], author)))
        woken = self._guild.set_about(thread, messages=about["messages"] + 1, members=members, archived=False)
        if about["archived"]:
            self._guild.emit("THREAD_UPDATE", self._guild.channel_json(woken))


def _edited_flags(message: Message, outgoing: Outgoing) -> int:
    """An edit ends the waiting of a deferred answer, and may hide or show the previews of links."""
    flags = message.flags & ~LOADING
    if "flags" not in outgoing.given:
        return flags
    changeable = SUPPRESS_EMBEDS | COMPONENTS_V2
    return (flags & ~changeable) | (outgoing.flags & changeable)


def is_for(message: Message, person: int) -> bool:
    """Can this person see it as far as the message itself is concerned."""
    return not message.flags & EPHEMERAL or message.extra.get("ephemeral_to") == person
