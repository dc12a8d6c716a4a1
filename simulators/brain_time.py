"""When to remind and to meet: the few phrases about time that the demo brain understands."""

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta

_WORDS = {
    "a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8,
    "nine": 9, "ten": 10, "fifteen": 15, "twenty": 20, "thirty": 30, "half an": 0.5, "half a": 0.5,
}  # fmt: skip
_SECONDS = {
    "second": 1,
    "sec": 1,
    "s": 1,
    "minute": 60,
    "min": 60,
    "m": 60,
    "hour": 3600,
    "hr": 3600,
    "h": 3600,
}
_DAYS = {"day": 1, "d": 1, "week": 7, "w": 7}
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

_DIGITS = r"[0-9]{1,6}(?:\.[0-9]{1,3})?"
_NUMBER = rf"{_DIGITS}|(?:{'|'.join(sorted(_WORDS, key=len, reverse=True))})(?=\s)"
_UNIT = r"seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h|days?|d|weeks?|w"
_ONE_SPAN = rf"(?:{_NUMBER})\s*(?:{_UNIT})\b"
_CLOCK = r"(?:[01]?[0-9]|2[0-3])(?:[:.][0-5][0-9])?\s*(?:am\b|pm\b|h\b|o'clock)?|noon|midnight"
_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b"
)
_NUMBERED = r"[0-3]?[0-9](?:st|nd|rd|th)?"
_DATE = (
    rf"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}|(?:the\s+)?{_NUMBERED}\s+(?:of\s+)?{_MONTH}(?:\s+[0-9]{{4}})?"
    rf"|{_MONTH}\s+{_NUMBERED}\b(?:,?\s+[0-9]{{4}})?"
)
_DAY = rf"today|tonight|tomorrow|(?:on\s+|next\s+)?(?:{'|'.join(_WEEKDAYS)})|(?:on\s+)?(?:{_DATE})"

_SPAN = re.compile(rf"in\s+({_ONE_SPAN}(?:(?:\s*,?\s*and\s+|\s+|\s*,\s*){_ONE_SPAN})*)", re.IGNORECASE)
_MOMENT = re.compile(
    rf"(?P<day>{_DAY})(?:,?\s*(?:T|at|@)?\s*(?P<clock>{_CLOCK}))?(?!\S*\w)|at\s+(?P<only>{_CLOCK})(?!\S*\w)"
    rf"(?:\s+(?P<after>{_DAY}))?",
    re.IGNORECASE,
)
_PART = re.compile(rf"({_NUMBER})\s*({_UNIT})\b", re.IGNORECASE)


@dataclass(frozen=True)
class When:
    when: str  # "PT2S", "P3D" or "2026-11-24T09:00"
    rest: str  # what the phrase was about, with the time taken out


def find_when(text: str, now: datetime | None) -> When | None:
    """Find a time at the start or, failing that, at the end of a phrase."""
    text = text.strip(" \t\r\n.!?")
    for pattern in (_SPAN, _MOMENT):
        if (match := pattern.match(text)) and (when := _value(match, now)):
            return When(when, text[match.end() :].strip(" ,"))
    for pattern in (_SPAN, _MOMENT):
        for match in pattern.finditer(text):
            if match.end() == len(text) and (when := _value(match, now)):
                return When(when, text[: match.start()].strip(" ,"))
    return None


@dataclass(frozen=True)
class Moment:
    """A day and a time of day as they were said; "" for what was not. `rest` is what follows."""

    date: str = ""
    time: str = ""
    rest: str = ""


def find_moment(text: str, now: datetime | None) -> Moment | None:
    """The day and time at the start of a phrase; None for one that does not exist.

    "next Tuesday" is the coming one that is not today; "Tuesday" may be today, if the time is still to come.
    """
    text = re.sub(r"\b([ap])\.m\b\.?", r"\1m", text.strip(" ,\t\r\n"), flags=re.IGNORECASE)
    match = _MOMENT.match(text)
    if match is None:
        return Moment(rest=text)
    rest = text[match.end() :].strip(" ,")
    day, clock = match["day"] or match["after"], match["clock"] or match["only"]
    if not day or not clock:
        return Moment(rest=rest)
    when = _moment(match, now)
    on, _, at = (when or "").partition("T")
    return Moment(on, at, rest) if when else None


def _value(match: re.Match[str], now: datetime | None) -> str | None:
    return _duration(match[1]) if match.re is _SPAN else _moment(match, now)


def _duration(text: str) -> str | None:
    days, seconds = 0.0, 0.0
    for number, unit in _PART.findall(text.lower()):
        count = _WORDS.get(number) or float(number)
        name = unit.rstrip("s") or "s"
        days += count * _DAYS.get(name, 0)
        seconds += count * _SECONDS.get(name, 0)
    return iso_duration(timedelta(days=days, seconds=seconds))


def iso_duration(span: timedelta) -> str | None:
    """ "PT2S", "P3D", "P1DT1H30M"; None for no time at all."""
    whole = round(span.total_seconds())
    if whole <= 0:
        return None
    days, left = divmod(whole, 86_400)
    hours, left = divmod(left, 3_600)
    minutes, seconds = divmod(left, 60)
    clock = "".join(f"{n}{unit}" for n, unit in ((hours, "H"), (minutes, "M"), (seconds, "S")) if n)
    return "P" + (f"{days}D" if days else "") + (f"T{clock}" if clock else "")


def _moment(match: re.Match[str], now: datetime | None) -> str | None:
    if now is None:
        return None
    local = now.replace(tzinfo=None)  # the person's own wall clock
    day, clock = match["day"] or match["after"], match["clock"] or match["only"]
    try:
        hour, minute = _clock(clock) if clock else (20, 0) if day and day.lower() == "tonight" else (9, 0)
        at = _day(day, local).replace(hour=hour, minute=minute, second=0, microsecond=0)
        if at <= local and (day is None or day.lower().split()[-1] in _WEEKDAYS):
            at += timedelta(days=1 if day is None else 7)
        if at <= local:
            return None
    except (ValueError, OverflowError):
        return None
    return at.isoformat(timespec="minutes")


def _clock(text: str) -> tuple[int, int]:
    text = text.lower().strip()
    if text in ("noon", "midnight"):
        return (12 if text == "noon" else 0), 0
    digits = re.findall(r"[0-9]+", text)
    hour, minute = int(digits[0]), int(digits[1]) if len(digits) > 1 else 0
    if text.endswith(("am", "pm")):
        if not 1 <= hour <= 12:
            raise ValueError(text)
        hour = hour % 12 + (12 if text.endswith("pm") else 0)
    return hour, minute


def _day(text: str | None, local: datetime) -> datetime:
    if text is None:
        return local
    words = text.lower().split()
    word = words[-1]
    if word in ("today", "tonight"):
        return local
    if word == "tomorrow":
        return local + timedelta(days=1)
    if word in _WEEKDAYS:
        days = (_WEEKDAYS.index(word) - local.weekday()) % 7
        return local + timedelta(days=days or (7 if words[0] == "next" else 0))
    return datetime.combine(_date(text.lower(), local.date()), local.time())


def _date(text: str, today: date) -> date:
    """ "2026-12-01", "1 December", "December 1st, 2026"; one without a year is the next one of its name."""
    if iso := re.search(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        return date.fromisoformat(iso[0])
    month = next(n for n, name in enumerate(_MONTHS, start=1) if re.search(rf"\b{name}", text))
    day = int(re.findall(r"\b[0-3]?[0-9](?=\D|$)", text)[0])
    if year := re.search(r"\b[0-9]{4}$", text):
        return date(int(year[0]), month, day)
    this_year = date(today.year, month, day)
    return this_year if this_year >= today else date(today.year + 1, month, day)
