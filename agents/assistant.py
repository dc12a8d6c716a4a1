"""The default agent: answers, tells the time, reminds, writes to people, invites them and runs jobs."""

import difflib
import re
from base64 import b32encode
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel, Field

from bot.errors import ToolError
from bot.events import Invite
from bot.tools import Addressee, Agent, Ask, Stored, Timer, ToolContext, tool

FURTHEST = timedelta(days=5 * 366)
FURTHEST_MEETING = timedelta(days=366)
LONGEST_SUBJECT = 200
MEETING = timedelta(minutes=30)
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_CHANNELS = {"sms": "SMS", "slack": "Slack", "discord": "Discord", "email": "e-mail"}
_DURATION = re.compile(
    r"P(?:(?P<weeks>\d{1,6})W)?(?:(?P<days>\d{1,6})D)?"
    r"(?:T(?:(?P<hours>\d{1,9})H)?(?:(?P<minutes>\d{1,9})M)?(?:(?P<seconds>\d{1,9})S)?)?",
    re.ASCII,
)
_MINUTE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d", re.ASCII)
_LOCAL = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d)?", re.ASCII)


class TimeArgs(BaseModel):
    timezone: str = Field(description='such as "Asia/Tokyo"; "" is the person\'s own')


@tool(effect="read")
async def current_time(args: TimeArgs, ctx: ToolContext) -> str:
    """The date and time in a time zone."""
    key = args.timezone.strip() or ctx.timezone
    now = ctx.now.astimezone(_zone(key))
    return f"{now:%Y-%m-%d %H:%M:%S}, {_WEEKDAYS[now.weekday()]} ({key}, UTC{now:%z})"


class RemindArgs(BaseModel):
    text: str = Field(description="of what", max_length=1000)
    when: str = Field(description="PT90M, P1DT2H, or the person's local time 2026-11-24T09:00 without offset")


@tool(effect="stored", then="finish", risk="low")
async def remind(args: RemindArgs, ctx: ToolContext) -> Stored:
    """Bring something back into this conversation later."""
    text = args.text.strip()
    if not text:
        raise ToolError("text: it is empty; say of what to remind")
    due = due_at(args.when.strip(), ctx.now, ctx.timezone)
    return Stored(f"I will remind you {_said(due, ctx)}: {text}", timers=(Timer(due, text),))


class MessageArgs(BaseModel):
    to: str = Field(description="a name")
    channel: str = Field(description='sms, slack, ...; "" is what they like best')
    text: str = Field(description="exactly as they shall read it", max_length=4000)


def can_be_written(args: MessageArgs, ctx: ToolContext) -> None:
    """Nobody is asked for a yes to a message that could not be sent."""
    ctx.directory.message(args.to, args.text, channel=args.channel.strip().lower())


@tool(effect="stored", then="finish", risk="high", check=can_be_written)
async def send_message(args: MessageArgs, ctx: ToolContext) -> Stored:
    """Write to another person."""
    message = ctx.directory.message(args.to, args.text, channel=args.channel.strip().lower())
    return Stored(
        f"I have written to {args.to} by {_CHANNELS.get(message.channel, message.channel)}.",
        outgoing=(message,),
    )


class MailArgs(BaseModel):
    to: str = Field(description="a name or mail address")
    subject: str
    body: str = Field(description="as they shall read it", max_length=4000)


def addressed(args: MailArgs, ctx: ToolContext) -> MailArgs:
    """The mail with the address to which it goes: that is what a person says yes to."""
    subject = " ".join(args.subject.split())
    if not subject or not args.body.strip():
        raise ToolError(f"{'body' if subject else 'subject'}: it is empty")
    if len(subject) > LONGEST_SUBJECT:
        raise ToolError(f"subject: it has {len(subject)} characters, at most {LONGEST_SUBJECT} are allowed")
    return MailArgs(to=ctx.directory.addressee(args.to).address, subject=subject, body=args.body)


@tool(effect="stored", then="finish", risk="high", check=addressed, channel="email", address="to")
async def send_email(args: MailArgs, ctx: ToolContext) -> Stored:
    """Write an e-mail."""
    mail = addressed(args, ctx)  # once more, since a person may have changed it
    to = ctx.directory.addressee(mail.to)
    letter = ctx.directory.letter(mail.to, mail.subject, mail.body)
    return Stored(f"I have written to {to.name or to.address} by e-mail: {mail.subject}", outgoing=(letter,))


class MeetingArgs(BaseModel):
    participant: str = Field(description="a name or mail address")
    date: str = Field(description="2026-12-01")
    time: str = Field(description="15:00")
    timezone: str = Field(description='"" is the person\'s own')


def spelled_out(args: MeetingArgs, ctx: ToolContext) -> MeetingArgs:
    """The meeting with its address and time zone: that is what a person says yes to."""
    meets_at(args, ctx)
    return MeetingArgs(
        participant=ctx.directory.addressee(args.participant).address,
        date=args.date.strip(),
        time=args.time.strip(),
        timezone=args.timezone.strip() or ctx.timezone,
    )


@tool(effect="stored", then="finish", risk="high", check=spelled_out, channel="email", address="participant")
async def schedule_meeting(args: MeetingArgs, ctx: ToolContext) -> Stored:
    """Invite to a meeting by e-mail."""
    at, key = meets_at(args, ctx), args.timezone.strip() or ctx.timezone
    to = ctx.directory.addressee(args.participant)
    title = f"Meeting with {ctx.requester}"
    invite = Invite(
        uid=b32encode(sha256(ctx.key.encode()).digest()).decode().lower()[:26],
        title=title,
        starts_at=at,
        minutes=MEETING // timedelta(minutes=1),
        timezone=key,
    )
    subject = f"Invitation: {title}, {_day(at.astimezone(_zone(key)))}"
    letter = ctx.directory.letter(args.participant, subject, _invitation(at, key, to, ctx.requester), invite)
    said = f"I have invited {to.name or to.address} to a meeting {_on(at, key)}, {invite.minutes} minutes."
    return Stored(said, outgoing=(letter,))


class AskArgs(BaseModel):
    to: str = Field(description="a name")
    question: str = Field(max_length=1000)
    options: list[str] = Field(description="answers to choose from; [] for any", max_length=5)


@tool(effect="stored", then="finish")
async def ask_person(args: AskArgs, ctx: ToolContext) -> Stored:
    """Ask another person something; their answer comes back here."""
    options = tuple(option.strip()[:75] for option in args.options if option.strip())
    asked = Ask(to=args.to.strip().lower(), text=args.question, options=options)
    return Stored(f"I have asked {args.to} and will go on when they answer.", questions=(asked,))


class WithdrawArgs(BaseModel):
    seq: int = Field(description="of the request")


@tool(effect="stored", risk="low")
async def withdraw(args: WithdrawArgs, ctx: ToolContext) -> Stored:
    """Take back a request that waits for a yes."""
    if args.seq not in ctx.waiting:
        waiting = ", ".join(map(str, sorted(ctx.waiting))) or "none"
        raise ToolError(f"seq: found {args.seq}, waiting for a yes: {waiting}")
    return Stored("withdrawn", withdraws=(args.seq,))


assistant = Agent(
    name="assistant",
    description="answers, tells the time, reminds, writes to people, invites them and runs jobs",
    prompt="assistant",
    tools=(current_time, remind, send_message, send_email, schedule_meeting, ask_person, withdraw),
    jobs=True,
)


# ---------------------------------------------------------------- when


def due_at(when: str, now: datetime, timezone: str) -> datetime:
    """The moment in UTC that `when` means in this time zone; raises ToolError for what cannot be meant."""
    zone = _zone(timezone)
    if when[:1] == "P":
        due = _after(when, now, zone)
    elif _LOCAL.fullmatch(when):
        due = _local(when, now, zone)
    else:
        raise ToolError(
            f'when: found "{when[:40]}", allowed is a duration like PT90M or P1DT2H, or a local time like '
            "2026-11-24T09:00 without an offset"
        )
    if due <= now:
        raise ToolError(
            f"when: {when[:40]} is not in the future; it is {_plain(now, zone)} in {timezone} now"
        )
    if due > now + FURTHEST:
        raise ToolError("when: that is more than five years away, which is the furthest allowed")
    return due


def meets_at(args: MeetingArgs, ctx: ToolContext) -> datetime:
    """The moment in UTC at which a meeting begins; raises ToolError for one that cannot be meant."""
    key = args.timezone.strip() or ctx.timezone
    zone, wall = _zone(key), f"{args.date.strip()}T{args.time.strip()}"
    if not _MINUTE.fullmatch(wall):
        raise ToolError(
            f'date, time: found "{args.date[:40]}" and "{args.time[:40]}", allowed are 2026-12-01 and 15:00'
        )
    at = _local(wall, ctx.now, zone, named="date, time")
    if at <= ctx.now:
        raise ToolError(
            f"date, time: {wall} is not in the future; it is {_plain(ctx.now, zone)} in {key} now"
        )
    if at > ctx.now + FURTHEST_MEETING:
        raise ToolError("date: that is more than a year away, which is the furthest allowed")
    return at


def _after(when: str, now: datetime, zone: ZoneInfo) -> datetime:
    """Days and weeks keep the time of day, also over a change of the clocks; hours and less are exact."""
    match = _DURATION.fullmatch(when)
    if match is None or when[-1] in "PT":
        raise ToolError(f'when: "{when[:40]}" is not a duration; write it like PT2S, PT90M, P3D or P1DT2H')
    numbers = {unit: int(number) for unit, number in match.groupdict(default="0").items()}
    days = timedelta(weeks=numbers["weeks"], days=numbers["days"])
    exact = timedelta(hours=numbers["hours"], minutes=numbers["minutes"], seconds=numbers["seconds"])
    if days + exact > FURTHEST:
        return now + FURTHEST + timedelta(days=1)
    return (now.astimezone(zone) + days).astimezone(UTC) + exact


def _local(when: str, now: datetime, zone: ZoneInfo, *, named: str = "when") -> datetime:
    try:
        wall = datetime.fromisoformat(when)
        first, second = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    except (ValueError, OverflowError) as error:
        raise ToolError(f'{named}: "{when}" is not a date and time: {error}') from None
    if not _exists(wall, zone):
        valid = wall
        while not _exists(valid, zone):
            valid += timedelta(minutes=1)
        raise ToolError(
            f"{named}: {when} does not exist in {zone.key}, the clocks are put forward then; "
            f"the next time that does is {valid.replace(second=0):%Y-%m-%dT%H:%M}"
        )
    # An hour that comes twice: the first one, unless only the second is still to come.
    return first if first > now else second


def _exists(wall: datetime, zone: ZoneInfo) -> bool:
    there = wall.replace(tzinfo=zone).astimezone(UTC)
    return there.astimezone(zone).replace(tzinfo=None) == wall


def _zone(key: str) -> ZoneInfo:
    try:
        return ZoneInfo(key)
    except (KeyError, ValueError, OSError):
        near = difflib.get_close_matches(key[:60], sorted(available_timezones()), n=1, cutoff=0.6)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise ToolError(f'timezone: "{key[:60]}" is not a known time zone{hint}') from None


def _plain(time: datetime, zone: ZoneInfo) -> str:
    return f"{time.astimezone(zone):%Y-%m-%dT%H:%M}"


def _said(due: datetime, ctx: ToolContext) -> str:
    seconds = round((due - ctx.now).total_seconds())
    if seconds < 60:
        return f"in {seconds} second{'' if seconds == 1 else 's'}"
    return _on(due, ctx.timezone)


def _on(moment: datetime, key: str) -> str:
    there = moment.astimezone(_zone(key))
    return f"on {_day(there)} at {there:%H:%M} ({key})"


def _day(there: datetime) -> str:
    return f"{_WEEKDAYS[there.weekday()][:3]} {there.day} {_MONTHS[there.month - 1]} {there.year}"


def _invitation(at: datetime, key: str, to: Addressee, requester: str) -> str:
    """What stands in the mail: the time as it was asked for, and as the reader's own clock shows it."""
    theirs = to.timezone or "UTC"
    lines = [f"{requester} invites you to a meeting:", "", _from_to(at, key)]
    if theirs != key:
        lines.append(f"That is {_from_to(at, theirs)}.")
    return "\n".join([*lines, "", "Please accept or decline the invitation, or answer this mail."])


def _from_to(at: datetime, key: str) -> str:
    first, last = (moment.astimezone(_zone(key)) for moment in (at, at + MEETING))
    return f"{_day(first)}, {first:%H:%M} to {last:%H:%M} ({key})"
