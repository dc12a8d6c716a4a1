"""The default agent: answers, tells the time, reminds, writes to people and runs jobs."""

import difflib
import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel, Field

from bot.errors import ToolError
from bot.tools import Agent, Ask, Stored, Timer, ToolContext, tool

FURTHEST = timedelta(days=5 * 366)
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_CHANNELS = {"sms": "SMS", "slack": "Slack", "discord": "Discord", "email": "e-mail"}
_DURATION = re.compile(
    r"P(?:(?P<weeks>\d{1,6})W)?(?:(?P<days>\d{1,6})D)?"
    r"(?:T(?:(?P<hours>\d{1,9})H)?(?:(?P<minutes>\d{1,9})M)?(?:(?P<seconds>\d{1,9})S)?)?",
    re.ASCII,
)
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
    when: str = Field(
        description="PT90M, P1DT2H, or the person's local time 2026-11-24T09:00, without offset"
    )


@tool(effect="stored", then="finish", risk="low")
async def remind(args: RemindArgs, ctx: ToolContext) -> Stored:
    """Bring something back into this conversation later."""
    text = args.text.strip()
    if not text:
        raise ToolError("text: it is empty; say of what to remind")
    due = due_at(args.when.strip(), ctx.now, ctx.timezone)
    return Stored(f"I will remind you {_said(due, ctx)}: {text}", timers=(Timer(due, text),))


class MessageArgs(BaseModel):
    to: str = Field(description="a person's name")
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


class AskArgs(BaseModel):
    to: str = Field(description="a person's name")
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
    description="answers, tells the time, reminds, writes to people and runs jobs",
    prompt="assistant",
    tools=(current_time, remind, send_message, ask_person, withdraw),
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


def _local(when: str, now: datetime, zone: ZoneInfo) -> datetime:
    try:
        wall = datetime.fromisoformat(when)
        first, second = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    except (ValueError, OverflowError) as error:
        raise ToolError(f'when: "{when}" is not a date and time: {error}') from None
    if not _exists(wall, zone):
        valid = wall
        while not _exists(valid, zone):
            valid += timedelta(minutes=1)
        raise ToolError(
            f"when: {when} does not exist in {zone.key}, the clocks are put forward then; "
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
    there = due.astimezone(_zone(ctx.timezone))
    day = f"{_WEEKDAYS[there.weekday()][:3]} {there.day} {_MONTHS[there.month - 1]} {there.year}"
    return f"on {day} at {there:%H:%M} ({ctx.timezone})"
