"""Makes a letter of what the thread wants to say: to whom, under which subject, as the answer to which mail. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from bot.events import Invite, Outgoing
from channels.email import ids
from channels.email.header_lines import MESSAGE_ID, capped, one_line
from channels.email.mail import Mailbox
from channels.email.writing import LONGEST_SUBJECT, Letter

MOST_COPIED = 20
NO_SUBJECT = "(no subject)"
LINK_LABEL = "What happened here"
CUT = "..."
LINK = re.compile(r"https?://[^\s<>\x00-\x1f\x7f]{1,2000}", re.IGNORECASE)

# "Re:" in the languages of mail programs, some of which count: "Re[2]:".
ANSWER = re.compile(
    r"(?:re|aw|sv|vs|antw|antwort|odp|ynt|res|rif|vá|בעניין|השב|رد|απ|σχετ|отв|ответ|回复|回覆|答复|返信|회신)"
    r"\s{0,2}(?:[\[(^]\d{1,4}[\])]?)?\s{0,2}[:\uff1a]\s*",
    re.IGNORECASE,
)
LEADING_MARKS = re.compile(r"^(?:[#>*+\-\s]|\d{1,3}[.)]\s)+")
STYLE_MARKS = re.compile(r"(?<!\w)[*_`~]{1,3}(?=\S)|(?<=\S)[*_`~]{1,3}(?!\w)")


@dataclass(frozen=True, slots=True)
class Before:
    """The mail that is answered; or, if it is `ours`, the one that we wrote to this address in this thread before.

    `proven` says that its From is proved. Ours need no more than an id, its references and its subject.
    """

    message_id: str = ""
    references: tuple[str, ...] = ()
    subject: str = ""
    from_: str = ""
    to: tuple[str, ...] = ()
    cc: tuple[str, ...] = ()
    reply_to: tuple[str, ...] = ()
    proven: bool = False
    ours: bool = False

    @classmethod
    def of(cls, ref: Mapping[str, object], *, proven: bool = False, ours: bool = False) -> Self:
        """From the `channel_ref` of a message; what is not there, or not of its kind, is empty."""
        return cls(
            message_id=_text(ref.get("message_id")),
            references=_texts(ref.get("references")),
            subject=_text(ref.get("subject")),
            from_=_text(ref.get("from")),
            to=_texts(ref.get("to")),
            cc=_texts(ref.get("cc")),
            reply_to=_texts(ref.get("reply_to")),
            proven=proven,
            ours=ours,
        )


@dataclass(frozen=True, slots=True)
class House:
    """What is the same for every letter of this mailbox.

    `us` is our address and name, `others_of_ours` are addresses that reach us too. `plus`: plus addressing works
    here. `reply_all`: whoever was in copy stays in copy. `contact` is a sentence: how to reach a person.
    """

    us: Mailbox
    others_of_ours: tuple[str, ...] = ()
    plus: bool = False
    reply_all: bool = False
    contact: str = ""


def letter(
    outgoing: Outgoing,
    *,
    outbox_id: str,
    token: str,
    house: House,
    before: Before | None,
    date: datetime,
    introduce: bool = False,
) -> Letter:
    """The mail that says this; `introduce` to somebody outside who hears from us for the first time.

    The answer goes to the address that the thread writes to. A Reply-To is followed only if the sender is proved:
    with a forged From it would send somebody else's conversation to whoever asks for it.
    """
    message_id = ids.message_id(token, outbox_id, _domain(house.us.address))
    before = None if before and before.message_id == message_id else before  # it does not answer itself
    to = _recipient(outgoing.destination, before, house)
    exact = outgoing.request is not None
    return Letter(
        sender=house.us,
        to=(Mailbox(to),),
        cc=tuple(Mailbox(each) for each in _copies(before, to, house)),
        subject=subject_of(outgoing, before),
        text=outgoing.text if exact else _with_link(outgoing),
        message_id=message_id,
        in_reply_to=before.message_id if before and MESSAGE_ID.fullmatch(before.message_id) else "",
        references=_references(before),
        reply_to=ids.reply_address(house.us.address, token) if house.plus else "",
        date=date,
        auto="replied" if _answers(outgoing, before) else "generated",
        automated=introduce and not exact,
        contact=house.contact,
        exact=exact,
        invite=_invite(outgoing.invite, token),
    )


# ---------------------------------------------------------------- to whom


def _recipient(destination: str, before: Before | None, house: House) -> str:
    if before is None or before.ours or not before.proven or len(before.reply_to) != 1:
        return destination
    asked_for = before.reply_to[0]
    if destination.lower() != before.from_.lower() or _is_ours(asked_for, house):
        return destination
    return asked_for


def _copies(before: Before | None, to: str, house: House) -> list[str]:
    if before is None or before.ours or not house.reply_all:
        return []
    known = {to.lower(), before.from_.lower()}
    copies: dict[str, None] = {}
    for address in (*before.to, *before.cc):
        if address.lower() not in known and not _is_ours(address, house):
            copies[address.lower()] = None
    return list(copies)[:MOST_COPIED]


def _is_ours(address: str, house: House) -> bool:
    """With a plus in it too: a mail to ourselves would be a loop."""
    local, _, domain = address.lower().rpartition("@")
    for ours in (house.us.address, *house.others_of_ours):
        our_local, _, our_domain = ours.lower().rpartition("@")
        if domain == our_domain and (local == our_local or local.startswith(f"{our_local}+")):
            return True
    return False


def _domain(address: str) -> str:
    return address.rpartition("@")[2]


# ---------------------------------------------------------------- about what


def subject_of(outgoing: Outgoing, before: Before | None) -> str:
    """Its own subject; else that of the conversation; else how the text begins."""
    if subject := one_line(outgoing.subject):
        return _cut(subject)
    if before is not None:
        return _cut(f"Re: {bare_subject(before.subject) or NO_SUBJECT}")
    return _cut(_first_line(outgoing.text)) or NO_SUBJECT


def bare_subject(subject: str) -> str:
    """A subject without what mail programs put before an answer's, however often they did."""
    subject = one_line(subject)
    start = 0
    while match := ANSWER.match(subject, start):
        start = match.end()
    return subject[start:].strip()


def _first_line(text: str) -> str:
    for line in text[:2_000].splitlines():
        if words := one_line(STYLE_MARKS.sub("", LEADING_MARKS.sub("", line))):
            return words
    return ""


def _cut(subject: str) -> str:
    """At most so many characters, cut at a word."""
    if len(subject) <= LONGEST_SUBJECT:
        return subject
    kept = subject[: LONGEST_SUBJECT - len(CUT)]
    word_end = kept.rfind(" ")
    return (kept[:word_end] if word_end > LONGEST_SUBJECT // 2 else kept).rstrip() + CUT


# ---------------------------------------------------------------- in which conversation


def _references(before: Before | None) -> tuple[str, ...]:
    if before is None:
        return ()
    older = [each for each in dict.fromkeys(before.references) if each != before.message_id]
    return tuple(capped([each for each in (*older, before.message_id) if MESSAGE_ID.fullmatch(each)]))


def _answers(outgoing: Outgoing, before: Before | None) -> bool:
    """Whether it answers somebody's mail, or we write by ourselves: a notice, a request, a reminder."""
    ours_alone = outgoing.kind == "notice" or outgoing.request is not None
    return not ours_alone and before is not None and not before.ours


def _with_link(outgoing: Outgoing) -> str:
    """Notices go to people of ours, who may follow the link; a reply may go to anybody."""
    if outgoing.kind != "notice" or not LINK.fullmatch(outgoing.link):
        return outgoing.text
    return f"{outgoing.text}\n\n{LINK_LABEL}: <{outgoing.link}>"


def _invite(invite: Invite | None, token: str) -> Invite | None:
    """The same key gives the same UID in the same thread, so a second invitation replaces the first."""
    return invite and invite.model_copy(update={"uid": ids.invite_uid(token, invite.uid)})


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: object) -> tuple[str, ...]:
    values: Iterable[object] = (
        value if isinstance(value, Sequence) and not isinstance(value, str) else (value,)
    )
    return tuple(each for each in values if isinstance(each, str) and each)
