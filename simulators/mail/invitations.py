"""Somebody's answer to an invitation: an iTIP REPLY (RFC 5546) in a mail, as Google or Outlook sends it. Pure."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC
from typing import Literal, TypeAlias

from simulators.mail.reading import Read
from simulators.mail.writing import Draft, finish, start

Answer: TypeAlias = Literal["accepted", "declined", "tentative"]
Program: TypeAlias = Literal["google", "outlook"]

WORDS: dict[Answer, str] = {"accepted": "Accepted", "declined": "Declined", "tentative": "Tentative"}
KEPT = (
    "UID", "ORGANIZER", "SEQUENCE", "DTSTART", "DTEND", "DURATION", "RECURRENCE-ID", "SUMMARY", "LOCATION"
)  # fmt: skip
LONGEST_LINE = 75


class NoInvitation(Exception):
    """The mail has no invitation that could be answered."""


def answer(invitation: Read, draft: Draft, given: Answer, program: Program) -> bytes:
    """The mail. Google also attaches the answer as a file, Outlook does not."""
    lines = reply_lines(invitation.calendar, draft, given)
    calendar = "".join(f"{folded}\r\n" for folded in map(_fold, lines))
    summary = next((line.partition(":")[2] for line in lines if line.startswith("SUMMARY")), "")
    mail = start(replace(draft, subject=f"{WORDS[given]}: {_plain(summary)}"))
    if program == "google":
        mail["Sender"] = "Google Calendar <calendar-notification@google.com>"
        mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(draft.text or f"{draft.name or draft.sender} has {given} this invitation.\n")
    mail.add_alternative(calendar, subtype="calendar", params={"method": "REPLY"}, cte="base64")
    if program == "google":
        mail.add_attachment(calendar.encode(), maintype="application", subtype="ics", filename="invite.ics")
    return finish(mail, draft.headers)


def reply_lines(calendar: str, draft: Draft, given: Answer) -> list[str]:
    """The invitation's own lines where the answer repeats them, and one attendee."""
    event = list(_event(calendar))
    if not any(_name(line) == "UID" for line in event):
        raise NoInvitation("this mail has no invitation (a text/calendar part with METHOD:REQUEST)")
    attendee = f'ATTENDEE;PARTSTAT={given.upper()};CN="{draft.name or draft.sender}":mailto:{draft.sender}'
    stamp = f"{draft.date.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    return [
        "BEGIN:VCALENDAR",
        "PRODID:-//Saywhen//Simulated people//EN",
        "VERSION:2.0",
        "CALSCALE:GREGORIAN",
        "METHOD:REPLY",
        *_time_zones(calendar),
        "BEGIN:VEVENT",
        *(line for line in event if _name(line) in KEPT),
        f"DTSTAMP:{stamp}",
        attendee,
        *([f"COMMENT:{_escape(draft.text)}"] if draft.text else []),
        "END:VEVENT",
        "END:VCALENDAR",
    ]


def organizer(calendar: str) -> str:
    """The address that an answer goes to; "" if there is none."""
    line = next((each for each in _event(calendar) if _name(each) == "ORGANIZER"), "")
    return line.lower().partition("mailto:")[2].strip()


def shown(calendar: str) -> dict[str, str]:
    """What the page and scripts want to know of an invitation or an answer."""
    event = list(_event(calendar))
    found = {_name(line).lower(): line.partition(":")[2] for line in event if _name(line) in KEPT}
    method = next((line[7:] for line in _unfold(calendar) if line.upper().startswith("METHOD:")), "")
    return {"method": method.strip().upper(), **{name: _plain(value) for name, value in found.items()}}


def _event(calendar: str) -> Iterator[str]:
    """The first event's own lines, not those of its alarms."""
    depth: list[str] = []
    for line in _unfold(calendar):
        if line.upper().startswith("BEGIN:"):
            depth.append(line[6:].strip().upper())
        elif line.upper().startswith("END:"):
            if depth and depth.pop() == "VEVENT":
                return
        elif depth and depth[-1] == "VEVENT":
            yield line


def _time_zones(calendar: str) -> Iterator[str]:
    inside = False
    for line in _unfold(calendar):
        inside = inside or line.upper().strip() == "BEGIN:VTIMEZONE"
        if inside:
            yield line
        inside = inside and line.upper().strip() != "END:VTIMEZONE"


def _unfold(calendar: str) -> list[str]:
    return re.sub(r"\r?\n[ \t]", "", calendar).splitlines()


def _fold(line: str) -> str:
    """Lines have at most 75 bytes; none of ours is cut inside a character."""
    pieces, piece = [], ""
    for character in line:
        if len((piece + character).encode()) > LONGEST_LINE - 1:
            pieces.append(piece)
            piece = ""
        piece += character
    return "\r\n ".join([*pieces, piece])


def _name(line: str) -> str:
    return re.split("[;:]", line, maxsplit=1)[0].upper()


def _plain(value: str) -> str:
    return re.sub(r"\\([nN,;\\])", lambda found: {"n": " ", "N": " "}.get(found[1], found[1]), value)


def _escape(text: str) -> str:
    return re.sub(r"([\\,;])", r"\\\1", text).replace("\n", "\\n")
