"""Log lines: for people on a terminal, as JSON elsewhere; without secrets, and without what people wrote."""

import logging
import sys
from collections.abc import Callable, Mapping, MutableMapping
from contextlib import AbstractContextManager
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal, TextIO

import structlog
from structlog.typing import Processor

from bot.events import Event, TurnEnded
from bot.turns import Followed

Format = Literal["auto", "console", "json"]
Redact = Callable[[str], str]

SHORT = 100  # characters
LEVELS = {"DEBUG": logging.DEBUG, "INFO": logging.INFO, "WARNING": logging.WARNING, "ERROR": logging.ERROR}
CONTROLS = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if chr(code) not in "\n\t"}
"""Control characters, which could play tricks on a terminal, and what is shown instead."""

log = structlog.get_logger(__name__)


def set_up(
    *, level: str = "INFO", format: Format = "auto", redact: Redact = str, stream: TextIO | None = None
) -> None:
    """Send our lines, and the warnings of the libraries, to one stream (standard error)."""
    out = stream or sys.stderr
    console = out.isatty() if format == "auto" else format == "console"
    shared = _shared(redact)
    last = _renderer(console, colors=console and out.isatty())
    structlog.configure(
        processors=[*shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.WriteLoggerFactory(out),
        cache_logger_on_first_use=False,
    )
    _route_libraries(shared, last, out)


def about(*, thread_id: str, trace_id: str) -> AbstractContextManager[object]:
    """Lines written inside of this `with` say which thread and trace they are about."""
    return structlog.contextvars.bound_contextvars(thread_id=thread_id, trace_id=trace_id)


def turn_line(event: Event, thread: Followed) -> None:
    """One line for each turn that ends: what it took, never what was said."""
    if not isinstance(event.data, TurnEnded):
        return
    turn = thread.turn
    log.info(
        "turn",
        thread_id=event.thread_id,
        trace_id=event.trace_id,
        agent=thread.agent,
        channel=thread.channel,
        outcome=event.data.outcome,
        steps=event.data.steps,
        tools=turn.tools if turn else 0,
        tokens_in=turn.tokens_in if turn else 0,
        tokens_out=turn.tokens_out if turn else 0,
        seconds=_seconds(turn.started, event.time) if turn else None,
        **({"reason": event.data.reason} if event.data.reason else {}),
    )


def _seconds(started: datetime, ended: datetime) -> float:
    return round((ended - started).total_seconds(), 3)


def _shared(redact: Redact) -> list[Processor]:
    """What every line goes through, ours and the libraries'; only level and time are added unredacted."""
    return [
        structlog.contextvars.merge_contextvars,
        structlog.processors.format_exc_info,
        _Redaction(redact),
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]


def _renderer(console: bool, *, colors: bool) -> list[Processor]:
    if not console:
        return [structlog.processors.JSONRenderer(ensure_ascii=False)]
    return [structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=structlog.dev.plain_traceback)]


def _route_libraries(shared: list[Processor], last: list[Processor], out: TextIO) -> None:
    """The standard library's logging, through the same steps, from warnings on: ours is the one INFO line."""
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[_logger_name, *shared],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)


def _logger_name(logger: object, name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    record: logging.LogRecord | None = event.get("_record")
    if record is not None:
        event["library"] = record.name
    return event


class _Redaction:
    """Takes secrets and control characters out of every value, however deep it is."""

    def __init__(self, redact: Redact) -> None:
        self._redact = redact
        self._short = lru_cache(4096)(self._clean_text)  # names and ids come again and again

    def __call__(
        self, logger: object, name: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        for key, value in event.items():
            if not key.startswith("_"):  # the library record, taken away before rendering
                event[key] = self._clean(value)
        return event

    def _clean(self, value: object) -> object:
        match value:
            case None | bool() | int() | float():
                return value
            case str():
                return self._short(value) if len(value) <= SHORT else self._clean_text(value)
            case Mapping():
                return {self._clean(str(key)): self._clean(each) for key, each in value.items()}
            case list() | tuple() | set() | frozenset():
                return [self._clean(each) for each in value]
            case _:
                return self._clean(str(value))

    def _clean_text(self, text: str) -> str:
        return self._redact(text).translate(CONTROLS)
