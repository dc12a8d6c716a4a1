"""Which messages a list request asks for: filters, and pages that are found by the message before them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urlencode

from simulators.twilio.errors import TwilioError
from simulators.twilio.state import Message

DEFAULT_PAGE = 50
LARGEST_PAGE = 1_000
WHOLE_DAY = timedelta(days=1) - timedelta(seconds=1)
FILTERS = ("To", "From", "DateSent", "DateSent<", "DateSent>")


@dataclass(frozen=True)
class Span:
    """The seconds that a date names: a day, or one of them."""

    start: datetime
    end: datetime


@dataclass(frozen=True)
class Query:
    given: tuple[tuple[str, str], ...]
    size: int
    page: int
    token: str

    def matches(self, message: Message) -> bool:
        return all(_matches(message, name, value) for name, value in self.given)


@dataclass(frozen=True)
class Found:
    messages: tuple[Message, ...]
    next_token: str
    previous_token: str


def parse_query(given: Mapping[str, str]) -> Query:
    filters = tuple((name, value) for name, value in given.items() if name in FILTERS and value)
    for name, value in filters:
        if name.startswith("DateSent"):
            span(value)
    size = _number(given, "PageSize", DEFAULT_PAGE)
    return Query(
        filters,
        size=min(max(size, 1), LARGEST_PAGE),
        page=_number(given, "Page", 0),
        token=given.get("PageToken", ""),
    )


def find(messages: Sequence[Message], query: Query) -> Found:
    """One page, newest first. A token names the message that it comes after (PA) or before (PB)."""
    wanted = [message for message in reversed(messages) if query.matches(message)]
    numbers = {message.sid: message.number for message in messages}
    if query.token and (query.token[:2] not in ("PA", "PB") or query.token[2:] not in numbers):
        raise TwilioError(20001, f"PageToken {query.token}")
    edge = numbers.get(query.token[2:], 0)
    if query.token.startswith("PB"):
        chosen = [message for message in wanted if message.number > edge][-query.size :]
    elif query.token:
        chosen = [message for message in wanted if message.number < edge][: query.size]
    else:
        chosen = wanted[: query.size]
    if not chosen:
        return Found((), "", "")
    return Found(
        tuple(chosen),
        next_token=f"PA{chosen[-1].sid}" if chosen[-1] is not wanted[-1] else "",
        previous_token=f"PB{chosen[0].sid}" if chosen[0] is not wanted[0] else "",
    )


def page_uris(path: str, query: Query, found: Found) -> dict[str, str | None]:
    def uri(page: int, token: str = "") -> str:
        more = (("PageSize", query.size), ("Page", page), *((("PageToken", token),) if token else ()))
        return f"{path}?{urlencode((*query.given, *more))}"

    return {
        "first": uri(0),
        "this": uri(query.page, query.token),
        "next": uri(query.page + 1, found.next_token) if found.next_token else None,
        "previous": uri(max(query.page - 1, 0), found.previous_token) if found.previous_token else None,
    }


def span(text: str) -> Span:
    """A date is its whole day; a time is its second. Without a zone it is UTC."""
    try:
        at = _parse(text).replace(microsecond=0)
        return Span(at, at + (WHOLE_DAY if len(text) == len("2026-01-31") else timedelta()))
    except (ValueError, OverflowError):
        raise TwilioError(20001, f"DateSent {text}") from None


def _parse(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = parsedate_to_datetime(text)
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _matches(message: Message, name: str, value: str) -> bool:
    if name in ("To", "From"):
        return value == (message.recipient if name == "To" else message.sender)
    # What was not sent yet is found by when it was made, so that a lost answer to a send can be looked up.
    at = datetime.fromtimestamp(int(message.sent_at or message.created_at), UTC)
    dates = span(value)
    return (name == "DateSent<" or at >= dates.start) and (name == "DateSent>" or at <= dates.end)


def _number(given: Mapping[str, str], name: str, default: int) -> int:
    text = given.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise TwilioError(20001, f"{name} {text}")
    return int(text)
