"""A text that somebody sent us, as inputs of the core; the words that opt out come before anything else. Pure."""

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from bot.events import (
    AnyInput,
    Block,
    ContactReported,
    ControlRequested,
    Incoming,
    MessageReceived,
    Sender,
)

NAME = "sms"
SID = re.compile(r"(?:SM|MM)[0-9a-f]{32}")
NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")

Keyword = Literal["STOP", "START", "HELP"]
KEYWORDS: dict[str, Keyword] = {
    **dict.fromkeys(("STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT"), "STOP"),
    **dict.fromkeys(("START", "YES", "UNSTOP"), "START"),
    **dict.fromkeys(("HELP", "INFO"), "HELP"),
}
"""Twilio acts on these by itself, if they are all of a message. None of them may be asked for as an answer."""
OPTED_OUT = "opted out by text"
OPTED_IN = "opted in by text"


@dataclass(frozen=True, slots=True)
class Media:
    """Something attached: its path at Twilio, never downloaded here."""

    path: str
    content_type: str


@dataclass(frozen=True, slots=True)
class Inbound:
    """One message to our number, from a webhook or from Twilio's list, which says when it came (`at`).

    `opt_out` is Twilio's own reading of it.
    """

    sid: str
    sender: str
    text: str
    media: tuple[Media, ...] = ()
    opt_out: str = ""
    raw: bytes = b""
    at: datetime | None = None


def parse(inbound: Inbound, *, our: str) -> tuple[Incoming, ...]:
    """The inputs in a message to `our` number; none from a sender that is no telephone, or from ourselves."""
    if not NUMBER.fullmatch(inbound.sender) or inbound.sender == our:
        return ()
    match keyword(inbound):
        case "STOP":
            stop = ControlRequested(action="stop", by=f"{NAME}:{inbound.sender}")
            gone = ContactReported(address=inbound.sender, reachable=False, why=OPTED_OUT)
            return _incoming(inbound, stop, our, ":stop"), _incoming(inbound, gone, our, ":contact")
        case "START":
            back = ContactReported(address=inbound.sender, reachable=True, why=OPTED_IN)
            return (_incoming(inbound, back, our, ":contact"),)
        case "HELP":
            return ()
        case None:
            return (_incoming(inbound, _message(inbound), our),)


def keyword(inbound: Inbound) -> Keyword | None:
    """Twilio's word for it goes first: an account may have keywords of its own."""
    told = KEYWORDS.get(inbound.opt_out.strip().upper())
    text = inbound.text.strip()
    return told or (KEYWORDS.get(text.upper()) if text.isascii() else None)


def place(sid: str) -> str:
    return f"{NAME}:{sid}"


def _message(inbound: Inbound) -> MessageReceived:
    text = (Block(source="person", text=inbound.text),) if inbound.text or not inbound.media else ()
    return MessageReceived(
        place=place(inbound.sid),
        blocks=(*text, *map(_block, inbound.media)),
        sender=Sender(channel=NAME, address=inbound.sender, proof="provider"),
        display=inbound.sender,
        raw=hashlib.sha256(inbound.raw).hexdigest() if inbound.raw else "",
    )


def _block(media: Media) -> Block:
    kind: Literal["file", "image"] = "image" if media.content_type.startswith("image/") else "file"
    return Block(source="attachment", kind=kind, name=media.content_type, ref=media.path)


def _incoming(inbound: Inbound, data: AnyInput, our: str, suffix: str = "") -> Incoming:
    return Incoming(
        data=data,
        channel=NAME,
        dedupe=place(inbound.sid) + suffix,
        account=our,
        conversation=inbound.sender,
        destination=inbound.sender,
        raw=inbound.raw,
        direct=True,
        sent_at=inbound.at,
    )
