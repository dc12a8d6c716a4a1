"""An invitation to a meeting as iCalendar (RFC 5545), the kind that a calendar answers (iTIP METHOD:REQUEST)."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from icalendar import Calendar, Event, vCalAddress, vText

from bot.events import Invite
from channels.email.header_lines import checked, one_line
from channels.email.mail import Mailbox

LONGEST_DESCRIPTION = 2_000


def request(
    invite: Invite,
    *,
    organizer: Mailbox,
    attendees: Iterable[Mailbox],
    description: str,
    stamp: datetime,
    sequence: int = 0,
) -> str:
    """The times are in UTC: every calendar shows them in its reader's own zone."""
    event = Event()
    event.add("uid", one_line(invite.uid))
    event.add("dtstamp", stamp.astimezone(UTC))
    event.add("dtstart", invite.starts_at.astimezone(UTC))
    event.add("dtend", (invite.starts_at + timedelta(minutes=invite.minutes)).astimezone(UTC))
    event.add("summary", one_line(invite.title))
    event.add("description", description[:LONGEST_DESCRIPTION])
    event.add("organizer", _person(organizer))
    for attendee in attendees:
        event.add("attendee", _person(attendee, role="REQ-PARTICIPANT", partstat="NEEDS-ACTION", rsvp="TRUE"))
    event.add("sequence", sequence)
    event.add("status", "CONFIRMED")
    calendar = Calendar()
    calendar.add("prodid", "-//Saywhen//Saywhen//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "REQUEST")
    calendar.add_component(event)
    return bytes(calendar.to_ical()).decode()


def _person(mailbox: Mailbox, **params: str) -> vCalAddress:
    person = vCalAddress(f"mailto:{checked(mailbox.address)}")
    name = one_line(mailbox.name.replace('"', "'"), 100)
    for key, value in {"cn": name, **params}.items():
        if value:
            person.params[key.upper()] = vText(value)
    return person
