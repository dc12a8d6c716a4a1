"""One mail: from its bytes to what it says. Pure; what cannot be read raises Unreadable, and nothing else."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from channels.email.addresses import mailboxes
from channels.email.automatic import why_automatic
from channels.email.contents import Contents, Text, contents
from channels.email.headers import Header, decoded, every, first, message_ids
from channels.email.html import shown
from channels.email.limits import LONGEST_MAIL, LONGEST_TEXT, Unreadable
from channels.email.mail import Mail
from channels.email.mime import Part, parse, with_line_feeds
from channels.email.quote_ours import is_only_ours
from channels.email.quotes import Split, split
from channels.email.reports import report

__all__ = ["Unreadable", "read"]

MOST_REFERENCES = 100
LONGEST_SUBJECT = 1_000
_RESULTS = "authentication-results"


def read(raw: bytes, *, ours: Sequence[str] = ()) -> Mail:
    """`ours` are texts that we sent earlier in this conversation: they are no news in an answer.

    A quote of nothing else is left out: the conversation has it, and others' words could stand in a quote.
    """
    if len(raw) > LONGEST_MAIL:
        raise Unreadable(f"it is larger than {LONGEST_MAIL >> 20} MiB")
    raw = with_line_feeds(raw)
    root = parse(raw)
    if not root.headers:
        raise Unreadable("it has no headers")
    return _with_contents(_envelope(root.headers), raw, root, ours)


def _envelope(headers: Sequence[Header]) -> Mail:
    return Mail(
        message_id=_own_id(headers),
        from_=mailboxes(every(headers, "from")),
        subject=decoded(first(headers, "subject"))[:LONGEST_SUBJECT],
        date=_date(first(headers, "date")),
        sender=mailboxes(every(headers, "sender"), every=False),
        reply_to=mailboxes(every(headers, "reply-to"), every=False),
        to=mailboxes(every(headers, "to"), every=False),
        cc=mailboxes(every(headers, "cc"), every=False),
        in_reply_to=message_ids(every(headers, "in-reply-to"))[:MOST_REFERENCES],
        references=_references(message_ids(every(headers, "references"))),
        authentication_results=every(headers, _RESULTS),
        headers=tuple(header for header in headers if header[0] != _RESULTS),
    )


def _own_id(headers: Sequence[Header]) -> str:
    """As others will refer to it, in angle brackets, also if it came without them."""
    value = first(headers, "message-id")
    found = message_ids([value])
    if found:
        return found[0]
    bare = value.strip("<> ")
    return f"<{bare}>" if bare and len(bare) < 980 and not set(bare) & set(" <>") else ""


def _references(found: tuple[str, ...]) -> tuple[str, ...]:
    """Of very many the first and the last ones: where it began, and what it answers."""
    return found if len(found) <= MOST_REFERENCES else (found[0], *found[1 - MOST_REFERENCES :])


def _date(value: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(value[:200])
        return date if date.tzinfo else date.replace(tzinfo=UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


# ---------------------------------------------------------------- text


def _with_contents(mail: Mail, raw: bytes, root: Part, ours: Sequence[str]) -> Mail:
    found = contents(raw, root)
    told = report(raw, root)
    parts = _split(found, ours)
    return replace(
        mail,
        automatic=why_automatic(mail.headers, told.kind, root.content_type),
        report=told.kind,
        bounces=told.bounces,
        text=parts.new,
        quoted="" if is_only_ours(parts.quoted, ours) else parts.quoted,
        signature=parts.signature,
        inline=parts.inline,
        attachments=tuple(found.files),
        calendar=found.calendar,
        dropped=tuple(found.notes),
    )


def _split(found: Contents, ours: Sequence[str]) -> Split:
    """Quotes that HTML marks as such are cut by their marks, all others by what they look like."""
    texts, quotes = list[str](), list[str]()
    for text in found.texts:
        new, quoted = _shown(text, found)
        texts.append(new.strip("\n"))
        quotes.append(quoted)
    whole, below = "\n\n".join(filter(None, texts)), "\n\n".join(filter(None, quotes))
    if len(whole) > LONGEST_TEXT:
        found.note("the rest of a very long text")
    return _with_quote(whole[:LONGEST_TEXT], below[:LONGEST_TEXT], ours)


def _with_quote(text: str, quote: str, ours: Sequence[str]) -> Split:
    """The quote is shown below the text, so that the line that introduces it goes with it."""
    if quote:
        lines = "\n".join(f"> {line}".rstrip() for line in quote.split("\n"))
        parts = split(f"{text}\n\n{lines}", ours=ours)
        if not parts.inline and len(parts.new) <= len(text):
            return parts
    parts = split(text, ours=ours)
    return replace(parts, quoted="\n\n".join(filter(None, (parts.quoted, quote))))


def _shown(text: Text, found: Contents) -> tuple[str, str]:
    if not text.html:
        return text.text, ""
    seen = shown(text.text)
    for note in seen.dropped:
        found.note(note)
    return seen.text, seen.quoted
