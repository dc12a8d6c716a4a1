"""An answer to an invitation (iTIP METHOD:REPLY), out of a text/calendar part."""

from typing import get_args

from channels.email.headers import one_line
from channels.email.limits import LONGEST_CALENDAR, Unreadable
from channels.email.mail import CalendarReply, Partstat

LONGEST_FIELD = 1_000


def method_of(content: bytes, told: str) -> str:
    """By the part's header, else by its first lines."""
    if told:
        return told.strip().upper()[:40]
    for line in content[:4_000].upper().splitlines():
        if line.startswith(b"METHOD:"):
            return line[7:47].strip().decode("ascii", "replace")
    return ""


def reply(content: bytes) -> CalendarReply:
    """Raises Unreadable if this is not the answer of one person about one event."""
    if len(content) > LONGEST_CALENDAR:
        raise Unreadable(f"an answer to an invitation of more than {LONGEST_CALENDAR} bytes")
    from icalendar import Calendar, Event  # here: it costs memory, and few mails need it

    try:
        calendar = Calendar.from_ical(content)
        event = next(part for part in calendar.walk("VEVENT") if isinstance(part, Event))
        return _reply(event)
    except (
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
        ArithmeticError,
        RecursionError,
        StopIteration,
    ) as error:
        raise Unreadable(f"an answer to an invitation that is broken ({type(error).__name__})") from error


def _reply(event: object) -> CalendarReply:
    get = event.get  # type: ignore[attr-defined]  # icalendar's properties are values of many kinds
    attendee = get("ATTENDEE")
    if isinstance(attendee, list):
        if len(attendee) != 1:
            raise ValueError("several people answer at once")
        attendee = attendee[0]
    address = one_line(str(attendee))[:LONGEST_FIELD]
    if not address[:7].lower() == "mailto:":
        raise ValueError("nobody answers")
    return CalendarReply(
        uid=_field(get("UID")),
        attendee=address[7:].strip().lower(),
        partstat=_partstat(attendee.params.get("PARTSTAT", "")),
        summary=_field(get("SUMMARY")),
        comment=_field(get("COMMENT")),
    )


def _partstat(value: object) -> Partstat:
    told = str(value).strip().upper()
    for known in get_args(Partstat):
        if told == known:
            return known  # type: ignore[no-any-return]  # one of the literals
    return "NEEDS-ACTION"


def _field(value: object) -> str:
    if isinstance(value, list):
        value = value[0] if value else ""
    return one_line(str(value or ""))[:LONGEST_FIELD]
