"""Keeps a part of the bot running: restarts it with growing delay, gives it up only when that cannot help."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

import structlog

from bot.errors import ChannelRefused, SaywhenError, StoreClosed, StoreFailed
from bot.one_line import error_line, safe_line

FIRST_DELAY = 1.0
LONGEST_DELAY = 60.0
HEALTHY_AFTER = 60.0  # seconds of running without failure, after which the delay starts small again
LONGEST_WORDS = 300

log = structlog.get_logger(__name__)

Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Failure:
    """A part of the bot has failed. It starts again in `again_in` seconds; None means it will not."""

    name: str
    error: Exception
    again_in: float | None


def ignore(failure: Failure) -> None:
    """What happens by default on a failure, besides the line in the log: nothing."""


async def supervise(
    name: str,
    run: Callable[[], Awaitable[None]],
    *,
    on_failure: Callable[[Failure], None] = ignore,
    fatal: tuple[type[Exception], ...] = (StoreFailed, StoreClosed),
    refused: tuple[type[Exception], ...] = (ChannelRefused,),
    first: float = FIRST_DELAY,
    most: float = LONGEST_DELAY,
    sleep: Sleep = asyncio.sleep,
    jitter: Callable[[], float] = random.random,
    monotonic: Callable[[], float] = time.monotonic,
) -> None:
    """Run a part until it returns, is refused for good, or fails in a way that must end the process.

    After a `refused` error the others run on; `on_failure` may raise to end the process instead.
    """
    failures = 0
    while True:
        started = monotonic()
        try:
            return await run()
        except Exception as raised:  # noqa: BLE001 - one of the three outer places (STYLE.md)
            error = cause(raised, fatal + refused)
        if isinstance(error, fatal):
            raise error
        failures = 1 if monotonic() - started >= HEALTHY_AFTER else failures + 1
        again_in = None if isinstance(error, refused) else delay(failures, first, most, jitter=jitter())
        failure = Failure(name, error, again_in)
        report(failure)
        on_failure(failure)
        if again_in is None:
            return
        await sleep(again_in)


def delay(failures: int, first: float, most: float, *, jitter: float) -> float:
    """How long to wait after so many failures in a row: doubling up to `most`, less a random part of a half.

    `jitter` is a random number from 0 to 1; it keeps many bots from coming back in the same moment.
    """
    whole = min(most, first * 2.0 ** min(failures - 1, 60))
    return whole * (1 - jitter / 2)


def cause(error: Exception, important: tuple[type[Exception], ...]) -> Exception:
    """The one error to act on: of a group (a part may use a TaskGroup) an important one, else the first."""
    alone = list(leaves(error))
    return next((each for each in alone if isinstance(each, important)), alone[0])


def leaves(error: Exception) -> Iterator[Exception]:
    """The errors inside of groups of errors."""
    if isinstance(error, ExceptionGroup):
        for each in error.exceptions:
            yield from leaves(each)
    else:
        yield error


def in_words(error: Exception, clean: Callable[[str], str] = str) -> str:
    """What went wrong, short enough for a log line, a health page or an event."""
    if isinstance(error, SaywhenError):
        return safe_line(str(error), most=LONGEST_WORDS, clean=clean)
    return error_line(error, most=LONGEST_WORDS, clean=clean)


def report(failure: Failure) -> None:
    """One line for everybody, the trace for those who look for it."""
    if failure.again_in is None:
        log.error("refused, will not be started again", part=failure.name, error=in_words(failure.error))
    else:
        again_in = round(failure.again_in, 1)
        log.warning(
            "failed, starts again", part=failure.name, error=in_words(failure.error), again_in=again_in
        )
    log.debug("trace of the failure", part=failure.name, exc_info=failure.error)
