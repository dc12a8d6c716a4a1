"""Deciding and rendering look at no clock, chance, file, socket or environment: every call of C is watched."""

import datetime
import gc
import os
import random
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from types import FrameType
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bot.decide import Plan
from tests.replay.histories import live
from tests.replay.purebot import PureBot

MODULES = {
    "time",
    "posix",
    "_io",
    "io",
    "_ssl",
    "_sqlite3",
    "random",
    "_random",
    "_asyncio",
    "_thread",
    "select",
}
CLOCKS = {"now", "utcnow", "today"}
FILES = (
    "os.py",
    "<frozen os>",
    "socket.py",
    "random.py",
    "uuid.py",
    "secrets.py",
    "subprocess.py",
    "pathlib.py",
)


@contextmanager
def watched() -> Iterator[set[str]]:
    """What was called that a pure function must not call."""
    found: set[str] = set()

    def watch(frame: FrameType, happening: str, called: Any) -> None:
        if happening == "call" and _is_impure_python(frame):
            found.add(frame.f_code.co_qualname)
        if happening == "c_call" and _is_impure(called):
            found.add(f"{_owner(called)}.{called.__name__}")

    gc.disable()  # others hang clocks on it
    sys.setprofile(watch)
    try:
        yield found
    finally:
        sys.setprofile(None)
        gc.enable()


def _owner(called: Any) -> str:
    module = getattr(called, "__module__", None)
    return module or type(getattr(called, "__self__", None)).__module__


def _is_impure(called: Any) -> bool:
    by_class = isinstance(getattr(called, "__self__", None), type) and called.__name__ in CLOCKS
    return by_class or _owner(called) in MODULES


def _is_impure_python(frame: FrameType) -> bool:
    return frame.f_code.co_filename.rpartition("/")[2] in FILES


IMPURE: list[Callable[[], object]] = [
    time.time,
    time.monotonic,
    lambda: datetime.datetime.now(datetime.UTC),
    datetime.date.today,
    random.random,
    lambda: os.urandom(1),
    lambda: os.environ["PATH"],
    lambda: os.getenv("PATH"),
    lambda: open(os.devnull).close(),
    lambda: socket.socket().close(),
]


@pytest.mark.parametrize("impure", IMPURE)
def test_the_watch_sees_what_is_not_pure(impure):
    with watched() as found:
        impure()

    assert found


class Watched(PureBot):
    """Only what the bot itself does is watched, not what a test draws."""

    def _take_in(self, event: Any) -> None:
        with watched() as found:
            super()._take_in(event)
        self.found |= found

    def _decide(self) -> Plan:
        with watched() as found:
            plan = super()._decide()
        self.found |= found
        return plan

    def _ask(self, action: Any) -> None:
        with watched() as found:
            super()._ask(action)
        self.found |= found


def test_fold_decide_and_rendering_are_pure():
    ZoneInfo("UTC")  # the one file they read, once: the time zones of the machine
    for seed in range(6):
        bot = Watched()
        live(Random(seed), bot, moves=40)

        assert bot.requests
        assert bot.found == set()
