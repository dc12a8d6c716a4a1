"""The kinds of value a setting can have. Each says what it allows, so that a refusal can say it too."""

import difflib
import ipaddress
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal, cast
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BeforeValidator, GetCoreSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
LONGEST = timedelta(days=366)
POSTGRES = ("postgres", "postgresql")
PHONE = (r"\+[1-9][0-9]{6,14}", "a number in the international form, such as +491701234567")
SQLITE_FORMS = "sqlite:///relative/file.db or sqlite:////absolute/file.db"


def refused(allowed: str, fix: str = "", *, found: str = "") -> PydanticCustomError:
    """The error of a setting's own check, of which `explain` makes a Problem; `found` if not all is wrong."""
    return PydanticCustomError("refused", "{allowed}", {"allowed": allowed, "fix": fix, "found": found})


@dataclass(frozen=True)
class _Kind:
    """A plain validator that carries its limits."""

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self.parse)

    def parse(self, value: object) -> object:
        raise NotImplementedError


@dataclass(frozen=True)
class Whole(_Kind):
    """A whole number between two limits, also written as text (a ConfigMap knows nothing else)."""

    low: int
    high: int

    def parse(self, value: object) -> int:
        number = _whole(value)
        if number is None or not self.low <= number <= self.high:
            raise refused(f"a whole number from {self.low} to {self.high}")
        return number


@dataclass(frozen=True)
class Lasting(_Kind):
    """A duration: "500ms", "30s", "2m", "1h30m", "7d", or a number of seconds."""

    low: timedelta = timedelta(milliseconds=1)
    high: timedelta = LONGEST

    def parse(self, value: object) -> timedelta:
        seconds = _seconds(value)
        if seconds is None or not self.low.total_seconds() <= seconds <= self.high.total_seconds():
            limits = f"from {show_duration(self.low)} to {show_duration(self.high)}"
            raise refused(f'a duration such as "500ms", "30s", "2m" or a number of seconds, {limits}')
        return timedelta(seconds=seconds)


@dataclass(frozen=True)
class Number(_Kind):
    """A number between two limits, whole or not."""

    low: float = -1e15
    high: float = 1e15

    def parse(self, value: object) -> float:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not self.low <= cast(float, value) <= self.high:
            raise refused(f"a number from {self.low:g} to {self.high:g}")
        return cast(float, value)


@dataclass(frozen=True)
class HttpUrl(_Kind):
    """An http or https address without credentials, query or fragment; kept as it was written."""

    ending: str = ""

    def parse(self, value: object) -> str:
        if not isinstance(value, str) or not _is_plain_http(value) or not value.endswith(self.ending):
            example = f"https://host{self.ending or '/path'}"
            ends = f", ending in {self.ending}" if self.ending else ""
            raise refused(f"an http(s) address such as {example}, without user, query or #{ends}")
        return value


@dataclass(frozen=True)
class WebSocketUrl(_Kind):
    """A ws or wss address without credentials, query or fragment; kept as it was written."""

    def parse(self, value: object) -> str:
        like_http = value.replace("ws", "http", 1) if isinstance(value, str) else ""
        if not isinstance(value, str) or not value.startswith("ws") or not _is_plain_http(like_http):
            raise refused("a websocket address such as wss://host/path, without user, query or #")
        return value


def _whole(value: object) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and re.fullmatch(r"[+-]?[0-9]{1,18}", value := value.strip().replace("_", "")):
        return int(value)
    return None


def _seconds(value: object) -> float | None:
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, str) or len(value) > 40:
        return None
    text = value.strip().lower()
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", text):
        return float(text)
    if not re.fullmatch(r"([0-9]+(\.[0-9]+)? ?(ms|s|m|h|d) ?)+", text):
        return None
    return sum(float(number) * UNITS[unit] for number, unit in re.findall(r"([0-9.]+) ?(ms|s|m|h|d)", text))


def show_duration(duration: timedelta) -> str:
    """The shortest way to write a duration: 1h30m, 30s, 500ms."""
    left, parts = round(duration.total_seconds() * 1000), []
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        count, left = divmod(left, size)
        parts += [f"{count}{unit}"] if count else []
    return "".join(parts) or "0s"


def _is_plain_http(value: str) -> bool:
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        return False
    whole = not re.search(r"[\s\"'<>]", value) and bool(parts.hostname)
    return (
        parts.scheme in ("http", "https")
        and whole
        and not ("@" in parts.netloc or parts.query or parts.fragment)
    )


def is_loopback(host: str) -> bool:
    """Is this a name or number of this machine itself?"""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


# ---------------------------------------------------------------- texts


def matching(pattern: str, allowed: str) -> Callable[[str], str]:
    """A check for texts of one form."""
    expression = re.compile(pattern)

    def check(value: str) -> str:
        if not expression.fullmatch(value):
            raise refused(allowed)
        return value

    return check


def _known_timezone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        near = difflib.get_close_matches(value, sorted(available_timezones()), n=1, cutoff=0.6)
        hint = f'did you mean "{near[0]}"?' if near else "look it up in the tz database"
        raise refused('a time zone of the tz database such as "Europe/Berlin" or "UTC"', hint) from None
    return value


def _host(value: str) -> str:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        if not re.fullmatch(r"(?!\.)[A-Za-z0-9._-]{1,253}", value) or re.fullmatch(r"[0-9.]+", value):
            allowed = "an address or host name without http:// and port, such as 127.0.0.1, 0.0.0.0 or ::"
            raise refused(allowed, "put the port into PORT or web.port") from None
    return value


def _database_url(value: str) -> str:
    scheme, sep, rest = value.partition("://")
    if sep and scheme.lower().partition("+")[0] in POSTGRES:
        raise refused(f"{SQLITE_FORMS}; the PostgreSQL store does not exist yet", "use SQLite for now")
    if scheme.lower() != "sqlite" or not rest.startswith("/"):
        raise refused(SQLITE_FORMS, "three slashes before a relative path, four before an absolute one")
    path = rest[1:]
    if (
        not path
        or path.endswith("/")
        or path == ":memory:"
        or re.search(r"[?#\0\r\n]", path)
        or path.startswith("~")
    ):
        raise refused(f"{SQLITE_FORMS}; a file, without ~, ? or #", "name a file")
    return value


def database_path(url: str, folder: Path) -> Path:
    """The file that a database URL names. Links are followed: one file has one lock, whatever its name."""
    return Path(os.path.realpath(folder / url.partition("://")[2][1:]))


def _hours(value: str) -> str:
    found = re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9]", value)
    if not found or value[:5] == value[6:]:
        raise refused('two different times of the day such as "22:00-07:00"')
    return value


def _scalar(value: object) -> object:
    if not isinstance(value, str | int | float) or value != value:
        raise refused('a text in "quotes", a number, true or false')
    return value


def _enabled(value: object) -> object:
    text = value.strip().lower() if isinstance(value, str) else value
    if text in ("auto", "true", "false"):
        return {"auto": "auto", "true": True, "false": False}[str(text)]
    if isinstance(value, bool):
        return value
    raise refused('"auto" (on when its credentials are set), true or false')


def _upper(value: object) -> object:
    return value.strip().upper() if isinstance(value, str) else value


def _lower(value: object) -> object:
    return value.strip().lower() if isinstance(value, str) else value


Slug = Annotated[
    str, AfterValidator(matching(r"[a-z][a-z0-9_-]{0,39}", "a short name: a-z first, then a-z, 0-9, - and _"))
]
EnvName = Annotated[
    str,
    AfterValidator(
        matching(r"[A-Za-z_][A-Za-z0-9_]*", "the name of an environment variable, not the key itself")
    ),
]
Line = Annotated[str, AfterValidator(matching(r"\S(.*\S)?", "a text that is not empty"))]
Language = Annotated[
    str, AfterValidator(matching(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*", 'a language tag such as "en" or "de-AT"'))
]
Role = Annotated[
    str, AfterValidator(matching(r"[a-z][a-z0-9-]{0,39}", "a word: a-z first, then a-z, 0-9 and -"))
]
Hours = Annotated[str, AfterValidator(_hours)]
Scalar = Annotated[str | int | float | bool, BeforeValidator(_scalar)]
PhoneNumber = Annotated[str, AfterValidator(matching(PHONE[0], PHONE[1]))]
TimeZone = Annotated[str, AfterValidator(_known_timezone)]
Domain = Annotated[
    str,
    AfterValidator(
        matching(r"[a-z0-9-]+(\.[a-z0-9-]+)+", "a domain in lower case, such as docs.example.org")
    ),
]
MAILBOX = (r"[^\s@<>,;:\"()]{1,64}@[^\s@<>]+\.[^\s@<>.]+", "a mailbox such as ann@example.org")
Mailbox = Annotated[str, AfterValidator(matching(*MAILBOX)), AfterValidator(str.lower)]
Strangers = Literal["chat", "refuse", "ask"]
"""People whom the config does not know may chat, are refused, or an operator is asked about them."""
HostName = Annotated[str, AfterValidator(_host)]
DatabaseUrl = Annotated[str, AfterValidator(_database_url)]
Switch = Annotated[Literal["auto"] | bool, BeforeValidator(_enabled)]
Provider = Annotated[Literal["anthropic"], BeforeValidator(_lower)]
LogLevel = Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(_upper)]
LogFormat = Annotated[Literal["auto", "console", "json"], BeforeValidator(_lower)]
