"""What is shown while something runs: not for a moment's work, changed as it goes on, and taken away in the end."""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from bot.events import Event, TaskFinished, TaskProgressed
from bot.progress import Progress
from bot.testing import FakeChannel
from bot.thread import Calling, Task, Thread, Turn
from bot.words import THINKING

IDLE = Thread("t1", channel="slack", account="T1/U1", destination="T1/D1")
TIMEOUT = 20.0


@dataclass
class Showing(FakeChannel):
    """A channel that shows what runs."""

    lines: list[tuple[str, str]] = field(default_factory=list)

    async def show_progress(self, destination: str, text: str) -> None:
        self.lines.append((destination, text))

    async def until(self, *texts: str) -> None:
        async with asyncio.timeout(TIMEOUT):
            while [text for _, text in self.lines] != list(texts):  # noqa: ASYNC110 - the fake rings no bell
                await asyncio.sleep(0.005)


def progress(
    channel: FakeChannel, *, after: float = 0.0, apart: float = 0.0, again: float = 60.0
) -> Progress:
    return Progress({("slack", "T1/U1"): channel}, after=after, apart=apart, again=again)


def in_turn(tool: str = "") -> Thread:
    pending = Calling(3, "c1", tool, {"to": "bob"}, "", "unsafe", "k") if tool else None
    return replace(IDLE, turn=Turn(1, "r1", "ann", "ann", 2, pending=pending))


def with_task(*tools: str) -> Thread:
    tasks = {
        f"task_{n}": Task(n, f"c{n}", tool, "", "background", "r1", "ann", "ann")
        for n, tool in enumerate(tools)
    }
    return replace(IDLE, tasks=tasks)


def told(data: TaskProgressed | TaskFinished) -> tuple[Event, ...]:
    return (Event("t1", 9, "e9", datetime(2026, 1, 1, tzinfo=UTC), data),)


async def test_a_call_is_shown_then_that_it_thinks_then_nothing():
    channel = Showing()
    shown = progress(channel)

    shown.watch(in_turn("send_mail"))
    await channel.until("is running send mail to bob ...")
    shown.watch(in_turn())
    await channel.until("is running send mail to bob ...", THINKING)
    shown.watch(IDLE)

    await channel.until("is running send mail to bob ...", THINKING, "")
    assert {destination for destination, _ in channel.lines} == {"T1/D1"}


async def test_what_is_over_soon_is_never_shown():
    channel = Showing()
    shown = progress(channel, after=3600)
    shown.watch(in_turn("look"))
    shown.watch(in_turn())
    shown.watch(IDLE)

    marker = progress(channel)
    marker.watch(in_turn("deploy"))

    await channel.until("is running deploy to bob ...")


async def test_a_task_says_how_far_it_is_until_it_has_ended():
    channel = Showing()
    shown = progress(channel)

    shown.watch(with_task("copy_files"))
    await channel.until("is running copy files ...")
    shown.heard(told(TaskProgressed(task_id="task_0", note="3 of 10")))
    await channel.until("is running copy files ...", "is running copy files: 3 of 10 ...")
    shown.heard(told(TaskFinished(task_id="task_0", outcome="ok", result="done")))

    await channel.until("is running copy files ...", "is running copy files: 3 of 10 ...", "")


async def test_several_tasks_share_the_line():
    channel = Showing()

    progress(channel).watch(with_task("copy_files", "deploy"))

    await channel.until("is running copy files; deploy ...")


async def test_what_still_runs_is_said_again():
    channel = Showing()

    progress(channel, again=0.01).watch(with_task("deploy"))

    async with asyncio.timeout(TIMEOUT):
        while len(channel.lines) < 3:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.005)


async def test_what_an_earlier_process_left_is_taken_away_once():
    channel = Showing()
    shown = progress(channel)
    shown.left(["t1"])

    shown.watch(in_turn())
    await channel.until("")
    shown.watch(in_turn("deploy"))
    await channel.until("", "is running deploy to bob ...")
    shown.watch(IDLE)

    await channel.until("", "is running deploy to bob ...", "")


async def test_a_channel_without_a_place_for_it_is_left_alone():
    shown = progress(FakeChannel())
    shown.left(["t1"])

    shown.watch(in_turn("deploy"))

    assert not shown._lines
