"""Reads what a Messages API endpoint sent back and trusts none of it: out comes a step or a failure."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from pydantic import JsonValue

from bot import strict_json
from bot.errors import InvalidStep
from bot.events import Failure, FailureKind, ModelAnswered, Step, Usage
from bot.one_line import one_line
from bot.strict_json import NotJson

LONGEST_WAIT = 3_600.0
LONGEST_LINE = 200
MOST_TOKENS = 10**9
MAX_DEPTH = 100

_TOO_LONG = re.compile(
    r"prompt (?:is )?too long|exceed\w* (?:the )?context|context (?:length|window|limit)|maximum context",
    re.IGNORECASE,
)
_REFUSED: Mapping[int, str] = {
    401: "the key was refused (401)",
    402: "the account has a billing problem (402)",
    403: "the key may not do this (403)",
    404: "the endpoint does not know this model or address (404)",
}
_COME_BACK: Mapping[int, str] = {
    408: "the endpoint gave up waiting (408)",
    409: "the endpoint had a conflict (409)",
    429: "the rate limit is reached (429)",
    500: "the endpoint had an error of its own (500)",
    504: "the endpoint timed out (504)",
    529: "the endpoint is overloaded (529)",
}

Clean = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """An answer as it came over the wire; header names are in lower case."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def request_id(self) -> str:
        return self.headers.get("request-id", "")[:100]


@dataclass(frozen=True, slots=True)
class Reader:
    """What is needed to judge an answer besides the answer."""

    model: str
    max_tokens: int
    check: Callable[[str], Step]
    clean: Clean
    now: datetime

    def read(self, http: HttpAnswer) -> ModelAnswered:
        """The answer as an event: a step, or why there is none. The usage is kept either way."""
        parsed, problem = _parsed(http.body)
        fields = parsed if isinstance(parsed, dict) else {}
        outcome: Step | Failure
        if not 200 <= http.status < 300:
            outcome = self._refused(http, fields)
        elif problem:
            outcome = self._unavailable(f"the answer is not JSON ({_content_type(http)}): {problem}")
        else:
            outcome = self._message(fields)
        return ModelAnswered(
            step=outcome if isinstance(outcome, Step) else None,
            failure=outcome if isinstance(outcome, Failure) else None,
            model=self.model,
            stop_reason=_text(fields.get("stop_reason"))[:40],
            usage=_usage(fields.get("usage")),
            request_id=http.request_id,
        )

    # ------------------------------------------------------------ an answer of the model

    def _message(self, fields: Mapping[str, JsonValue]) -> Step | Failure:
        if fields.get("type") == "error":
            return self._unavailable(f"the endpoint had an error{_after(_api_message(fields))}")
        if fields.get("type") != "message":
            return self._unavailable("the endpoint answered with something that is not a message")
        reason = fields.get("stop_reason")
        match reason:
            case "end_turn" | "stop_sequence":
                return self._content(fields.get("content"))
            case "refusal":
                return self._failure("refusal", f"the model refused{_refusal(fields)}", retryable=False)
            case "max_tokens":
                return self._failure("invalid", f"the answer was cut off at {self.max_tokens} tokens")
            case "model_context_window_exceeded":
                return self._failure("too_large", "the model's context window is full")
            case "tool_use":
                return self._failure("invalid", "the answer was a tool use; a text is needed")
            case "pause_turn":
                return self._unavailable("the endpoint paused in the middle of the answer")
            case _:
                return self._unavailable(f"the answer has no known stop_reason (found {_found(reason)})")

    def _content(self, content: JsonValue) -> Step | Failure:
        if not isinstance(content, list) or not all(isinstance(block, dict) for block in content):
            return self._unavailable(f"the content is not a list of blocks (found {_found(content)})")
        blocks = [block for block in content if isinstance(block, dict)]
        texts = [block.get("text") for block in blocks if block.get("type") == "text"]
        others = [block.get("type") for block in blocks]
        if unknown := [kind for kind in others if kind not in ("text", "thinking", "redacted_thinking")]:
            return self._failure("invalid", f"a block of type {_found(unknown[0])}; only text is allowed")
        if len(texts) != 1:
            return self._failure("invalid", f"the answer has {len(texts)} texts; exactly one is needed")
        text = texts[0]
        if not isinstance(text, str):
            return self._failure("invalid", f"the answer's text is not a text (found {_found(text)})")
        return self._step(text)

    def _step(self, text: str) -> Step | Failure:
        try:
            return self.check(text)
        except InvalidStep as error:
            return self._failure("invalid", str(error))

    # ------------------------------------------------------------ an answer of the endpoint

    def _refused(self, http: HttpAnswer, fields: Mapping[str, JsonValue]) -> Failure:
        status, said = http.status, _api_message(fields)
        if status == 413 or (status == 400 and _TOO_LONG.search(said)):
            return self._failure("too_large", f"the request is too large ({status}){_after(said)}")
        if status in (408, 409, 425, 429) or status >= 500:
            line = _COME_BACK.get(status, f"the endpoint is not available ({status})")
            # A spending limit answers 429 too, and says so.
            final = status == 429 and http.headers.get("x-should-retry") == "false"
            wait = retry_after(http.headers.get("retry-after", ""), self.now)
            return self._failure("unavailable", f"{line}{_after(said)}", retryable=not final, wait=wait)
        if status in _REFUSED:
            return self._failure("unavailable", f"{_REFUSED[status]}{_after(said)}", retryable=False)
        if status < 400:
            line = f"the endpoint sends us elsewhere ({status}); base_url must be the right address itself"
            return self._failure("unavailable", line, retryable=False)
        line = f"the endpoint does not take our request ({status}){_after(said)}"
        return self._failure("unavailable", line, retryable=False)

    def _unavailable(self, line: str) -> Failure:
        return self._failure("unavailable", line)

    def _failure(
        self, kind: FailureKind, line: str, *, retryable: bool = True, wait: float | None = None
    ) -> Failure:
        most = 300 if kind == "invalid" else LONGEST_LINE
        line = one_line(line, most=most, clean=self.clean)
        return Failure(kind=kind, message=line, retryable=retryable, retry_after=wait)


def retry_after(value: str, now: datetime) -> float | None:
    """The seconds a Retry-After header asks for, an hour at most; None for junk and for what is past."""
    seconds = _seconds(value.strip(), now)
    if seconds is None or not math.isfinite(seconds) or seconds < 0:
        return None
    return min(seconds, LONGEST_WAIT)


def _seconds(value: str, now: datetime) -> float | None:
    if re.fullmatch(r"[0-9]{1,15}(\.[0-9]{1,9})?", value):
        return float(value)
    try:
        date = parsedate_to_datetime(value[:60])
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=UTC)
    return (date - now).total_seconds()


def _parsed(body: bytes) -> tuple[JsonValue, str]:
    try:
        return strict_json.read(body.decode(), depth=MAX_DEPTH), ""
    except UnicodeDecodeError:
        return None, "it is not UTF-8"
    except NotJson as error:
        return None, str(error)


def _usage(value: JsonValue) -> Usage:
    found = value if isinstance(value, dict) else {}
    return Usage(
        input=_count(found.get("input_tokens")),
        output=_count(found.get("output_tokens")),
        cache_read=_count(found.get("cache_read_input_tokens")),
        cache_creation=_count(found.get("cache_creation_input_tokens")),
    )


def _count(value: JsonValue) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST_TOKENS:
        return value
    return 0


def _api_message(fields: Mapping[str, JsonValue]) -> str:
    error = fields.get("error")
    return _text(error.get("message") if isinstance(error, dict) else error)


def _refusal(fields: Mapping[str, JsonValue]) -> str:
    details = fields.get("stop_details")
    if not isinstance(details, dict):
        return ""
    said = [_text(details.get(name)) for name in ("category", "explanation")]
    return _after(", ".join(part for part in said if part))


def _after(said: str) -> str:
    return f": {said}" if said else ""


def _text(value: JsonValue) -> str:
    return value if isinstance(value, str) else ""


def _found(value: JsonValue) -> str:
    match value:
        case None:
            return "nothing"
        case str():
            return value[:40]
        case dict() | list():
            return "an object" if isinstance(value, dict) else "a list"
        case _:
            return str(value)[:40]


def _content_type(http: HttpAnswer) -> str:
    return http.headers.get("content-type", "").split(";")[0][:40] or "no content type"
