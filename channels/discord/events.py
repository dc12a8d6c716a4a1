"""What Discord tells us, as inputs of the core. Pure; a shape that we do not know is no input.

A message of a DM or a thread belongs to that; one elsewhere begins a conversation of its own, or belongs to the one
whose answer it replies to. A thread that is opened from a message has the message's id, so both have one name.
"""

import hashlib
from dataclasses import dataclass
from typing import Literal

from bot.events import (
    Block,
    FeedbackReceived,
    Incoming,
    MessageDeleted,
    MessageEdited,
    MessageReceived,
    Sender,
)
from channels.discord.attached import File, files_of
from channels.discord.destinations import Destination
from channels.discord.shapes import Json, id_in, items, mapping, number, string, time_of
from channels.discord.text import mentions, plain

NAME = "discord"
MESSAGES = frozenset({0, 19})
"""The types that are messages, and replies; the others say that somebody joined, that a thread began and so on."""
RATINGS = {"\U0001f44d": 5.0, "\U0001f44e": 1.0}
FORWARD = 1
DMS = frozenset({1, 3})
THREADS = frozenset({10, 11, 12})

Kind = Literal["dm", "thread", "channel"]
Message = MessageReceived | MessageEdited | MessageDeleted


def kind_of(channel_type: int) -> Kind:
    """What a channel of this type (as the API numbers them) is to us."""
    return "dm" if channel_type in DMS else "thread" if channel_type in THREADS else "channel"


@dataclass(frozen=True, slots=True)
class Identity:
    """Who we are in Discord; `application` is the app that the bot belongs to."""

    user: str
    application: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Arrival:
    """An input, and whether it is meant for us: a DM, a mention, a reply to what we wrote.

    What is not addressed to us is ours only in a conversation that we already take part in.
    """

    incoming: Incoming
    addressed: bool


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads what one connection brings; `allow_bots` names bots, apps or webhooks that may speak."""

    me: Identity
    allow_bots: frozenset[str] = frozenset()

    def received(self, message: Json, kind: Kind, *, raw: bytes = b"") -> tuple[Arrival, ...]:
        place, sender = _place(message), self._sender(message)
        if not place or sender is None or number(message, "type") not in MESSAGES:
            return ()
        replied = id_in(mapping(message.get("message_reference")), "message_id")
        data = MessageReceived(
            place=place,
            blocks=self._blocks(message, kind),
            sender=sender,
            display=_display(message),
            reply_to=f"{NAME}:{id_in(message, 'channel_id')}:{replied}" if replied else "",
            raw=_digest(raw),
        )
        if not data.blocks:
            return ()
        return self._arrival(data, message, kind, dedupe=place, raw=raw)

    def edited(self, message: Json, kind: Kind, *, raw: bytes = b"") -> tuple[Arrival, ...]:
        """Only what a person changed: Discord also says that a preview was added or a message pinned."""
        place, sender, edited_at = _place(message), self._sender(message), string(message, "edited_timestamp")
        if not place or sender is None or not edited_at or "content" not in message:
            return ()
        blocks = self._blocks(message, kind) or (Block(source="person"),)
        data = MessageEdited(
            place=place,
            edited_at=edited_at,
            blocks=blocks,
            sender=sender,
            display=_display(message),
            raw=_digest(raw),
        )
        return self._arrival(data, message, kind, dedupe=f"{place}:{edited_at}", raw=raw)

    def deleted(self, event: Json, kind: Kind, *, raw: bytes = b"") -> tuple[Arrival, ...]:
        """Discord does not say whose message it was."""
        place = _place(event)
        if not place:
            return ()
        unknown = Sender(channel=NAME, address="", proof="none")
        data = MessageDeleted(place=place, sender=unknown, raw=_digest(raw))
        return self._arrival(data, event, kind, dedupe=f"{place}:deleted", raw=raw)

    def reacted(self, event: Json, to: Destination, *, raw: bytes = b"") -> tuple[Arrival, ...]:
        """A thumb up or down, under a message of ours; `to` is the conversation that it is in."""
        place, user = _place({**event, "id": event.get("message_id")}), id_in(event, "user_id")
        thumb = string(mapping(event.get("emoji")), "name")[:1]
        is_bot = bool(mapping(mapping(event.get("member")).get("user")).get("bot"))
        if not (place and user and thumb in RATINGS) or is_bot or user == self.me.user:
            return ()
        incoming = Incoming(
            data=FeedbackReceived(rating=RATINGS[thumb]),
            channel=NAME,
            dedupe=f"{place}:reaction:{user}:{thumb}",
            account=self.me.user,
            conversation=to.conversation,
            destination=str(to),
            actor=f"{NAME}:{user}",
            raw=raw,
        )
        return (Arrival(incoming, addressed=False),)

    # ------------------------------------------------------------ parts of a message

    def _arrival(
        self, data: Message, message: Json, kind: Kind, *, dedupe: str, raw: bytes
    ) -> tuple[Arrival, ...]:
        to = self.destination(message, kind)
        incoming = Incoming(
            data=data,
            channel=NAME,
            dedupe=dedupe,
            account=self.me.user,
            conversation=to.conversation,
            destination=str(to),
            raw=raw,
            direct=kind == "dm",
            sent_at=time_of(id_in(message, "id")) if isinstance(data, MessageReceived) else None,
        )
        return (Arrival(incoming, addressed=self._is_to_us(message, kind)),)

    def destination(self, message: Json, kind: Kind) -> Destination:
        channel, id_ = id_in(message, "channel_id"), id_in(message, "id")
        return Destination(channel, "" if kind != "channel" else self._root(message) or id_)

    def _root(self, message: Json) -> str:
        """The message that the answer which this one replies to had replied to; "" if it replies to no answer."""
        answer = self._answered(message)
        asked = id_in(mapping(answer.get("message_reference")), "message_id")
        return asked or id_in(answer, "id")

    def _answered(self, message: Json) -> Json:
        """The message of ours that this one replies to, if it does."""
        if number(mapping(message.get("message_reference")), "type") == FORWARD:
            return {}
        replied = mapping(message.get("referenced_message"))
        return replied if id_in(mapping(replied.get("author")), "id") == self.me.user else {}

    def _is_to_us(self, message: Json, kind: Kind) -> bool:
        return (
            kind == "dm"
            or mentions(string(message, "content"), self.me.user)
            or bool(self._answered(message))
        )

    def _sender(self, message: Json) -> Sender | None:
        author = mapping(message.get("author"))
        id_ = id_in(author, "id")
        if not id_ or self._is_ignored(message, author):
            return None
        return Sender(channel=NAME, address=id_, proof="provider")

    def _is_ignored(self, message: Json, author: Json) -> bool:
        """Our own messages, always, and those of other bots and of webhooks, unless they are allowed."""
        user, webhook = id_in(author, "id"), id_in(message, "webhook_id")
        app = id_in(message, "application_id")
        if user == self.me.user or (app and app == self.me.application) or author.get("system"):
            return True
        is_bot = bool(webhook) or bool(author.get("bot"))
        return is_bot and not self.allow_bots & {user, webhook, app}

    def _blocks(self, message: Json, kind: Kind) -> tuple[Block, ...]:
        files = [file.block() for file in self.files(message, kind)]
        quoted = [*self._forwarded(message), *self._quoted(message, kind)]
        text = self._text(message)
        stickers = [f"[sticker: {string(item, 'name')}]" for item in items(message, "sticker_items")]
        text = "\n".join(filter(None, (text, *stickers)))
        first = [Block(source="person", text=text)] if text else []
        return (*first, *files, *quoted)

    def files(self, message: Json, kind: Kind) -> list[File]:
        """Those that came with it, or with what we are asked about."""
        return [*files_of(message), *files_of(self._asked_about(message, kind))]

    def _text(self, message: Json) -> str:
        names = {id_in(user, "id"): _name(user) for user in items(message, "mentions")}
        return plain(string(message, "content"), own=self.me.user, name=self.me.name, names=names)

    def _forwarded(self, message: Json) -> list[Block]:
        """Messages that were passed on; Discord leaves out who wrote them."""
        found = [mapping(item.get("message")) for item in items(message, "message_snapshots")]
        texts = [self._text(each) for each in found]
        return [Block(source="quoted", text=text, name="a forwarded message") for text in texts if text]

    def _asked_about(self, message: Json, kind: Kind) -> Json:
        """What somebody else wrote, where we are asked about it; in a thread we have read it ourselves."""
        if kind != "channel" or self._answered(message):
            return {}
        return mapping(message.get("referenced_message"))

    def _quoted(self, message: Json, kind: Kind) -> list[Block]:
        replied = self._asked_about(message, kind)
        text = self._text(replied)
        return [Block(source="quoted", text=text, name=_display(replied))] if text else []


def _place(message: Json) -> str:
    channel, id_ = id_in(message, "channel_id"), id_in(message, "id")
    return f"{NAME}:{channel}:{id_}" if channel and id_ else ""


def _display(message: Json) -> str:
    nick = string(mapping(message.get("member")), "nick")
    return nick or _name(mapping(message.get("author")))


def _name(user: Json) -> str:
    return string(user, "global_name") or string(user, "username")


def _digest(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest() if raw else ""
