import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import BaseModel, JsonValue
from structlog.testing import capture_logs

from bot.canonical import call_digest
from bot.errors import ToolError
from bot.events import Draft, Effect, Outgoing, TimerSet, ToolFinished
from bot.secrets import Redactor
from bot.tool_runner import run_tool
from bot.tools import Stored, Timer, Tool, ToolContext

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
SECRET = "s3cr3t-value-of-the-key"
CONTEXT = ToolContext(
    key="t1:c7", now=NOW, timezone="UTC", person="ann", thread_id="t1", requester="ann", call_id="c7"
)

Run = Callable[[Any, ToolContext], Awaitable[Any]]


class Args(BaseModel):
    text: str = ""


class Weather(BaseModel):
    at: datetime
    celsius: float


def made(run: Run, *, effect: Effect = "read") -> Tool:
    return Tool("a_tool", "does something", Args, run, effect)


async def run(
    tool: Tool,
    args: Mapping[str, JsonValue] | None = None,
    *,
    seconds: float = 5,
    clip: int = 4_000,
) -> tuple[Draft, ...]:
    return await run_tool(
        tool,
        args if args is not None else {"text": "x"},
        CONTEXT,
        timeout=timedelta(seconds=seconds),
        clip=clip,
        clean=Redactor([SECRET]),
        monotonic=time.monotonic,
    )


async def finished(tool: Tool, args: Mapping[str, JsonValue] | None = None, **limits: Any) -> ToolFinished:
    (draft,) = await run(tool, args, **limits)
    assert isinstance(draft.data, ToolFinished)
    assert draft.correlation == "c7"
    return draft.data


def returning(value: object) -> Run:
    async def tool(args: Args, ctx: ToolContext) -> object:
        return value

    return tool


def raising(error: BaseException) -> Run:
    async def tool(args: Args, ctx: ToolContext) -> object:
        raise error

    return tool


# ---------------------------------------------------------------- results


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("sunny", "sunny"),
        ("", ""),
        ({"b": 1, "a": [None, True]}, '{"a":[null,true],"b":1}'),
        (["ü"], '["ü"]'),
        (Weather(at=NOW, celsius=3), '{"at":"2026-11-23T09:00:00Z","celsius":3.0}'),
        ("half \ud83d", "half �"),
        (f"the key is {SECRET}", "the key is [redacted]"),
    ],
)
async def test_a_result_is_kept_as_text(value: object, text: str):
    data = await finished(made(returning(value)))

    assert (data.status, data.result) == ("ok", text)
    assert data.call_id == "c7"
    assert data.args_digest == call_digest(made(returning("")).name, {"text": "x"})


async def test_the_tool_gets_its_validated_arguments_and_the_context():
    seen: list[object] = []

    async def tool(args: Args, ctx: ToolContext) -> str:
        seen.extend((args, ctx))
        return ""

    await finished(made(tool), {"text": "hello"})

    assert seen == [Args(text="hello"), CONTEXT]


async def test_a_result_of_5_mb_is_clipped_with_a_mark():
    data = await finished(made(returning("a" * 5_000_000)))

    assert data.result == "a" * 4_000 + "… [clipped: 5,000,000 characters, the first 4,000 are shown]"


async def test_a_result_of_100_mb_is_clipped_in_no_time():
    started = time.monotonic()

    data = await finished(made(returning("é" * 100_000_000)), clip=100)

    assert data.status == "ok"
    assert len(data.result) < 200
    assert time.monotonic() - started < 5


async def test_a_secret_at_the_clip_leaves_no_half_of_itself():
    for before in range(80, 101):
        data = await finished(made(returning("x" * before + SECRET + "y" * 9_000)), clip=100)

        assert "s3cr" not in data.result


class Odd:
    pass


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "it returned NoneType; a text, a dict, a list or a model is needed"),
        (7, "it returned int"),
        (b"bytes", "it returned bytes"),
        (Odd(), "it returned Odd"),
        ({"a": Odd()}, "type error"),
        ({"a": float("nan")}, "value error"),
        ({"a": {1, 2}}, "type error"),
        (Stored("later"), "its effect is not `stored`"),
    ],
)
async def test_a_result_that_is_none_is_a_failure(value: object, words: str):
    data = await finished(made(returning(value)))

    assert data.status == "failed"
    assert words in data.result


async def test_a_result_that_contains_itself_is_a_failure():
    loop: dict[str, Any] = {}
    loop["loop"] = loop

    assert (await finished(made(returning(loop)))).status == "failed"


async def test_a_tool_that_is_not_async_is_a_failure():
    data = await finished(made(lambda args, ctx: "now"))  # type: ignore[arg-type,return-value]  # wrong on purpose

    assert data.status == "failed"


# ---------------------------------------------------------------- stored


async def test_a_stored_tool_leaves_timers_and_messages_beside_its_result():
    due = NOW + timedelta(days=1)
    outgoing = Outgoing(text="hello", channel="slack", account="T1", destination="C1")
    stored = Stored("noted", timers=(Timer(due, "one"), Timer(due, "two")), outgoing=(outgoing,))

    first, second, third = await run(made(returning(stored), effect="stored"))

    assert isinstance(first.data, ToolFinished)
    assert (first.data.status, first.data.result, first.data.outgoing) == ("ok", "noted", (outgoing,))
    assert second.data == TimerSet(timer_id="c7.t1", due_at=due, purpose="remind", text="one")
    assert third.data == TimerSet(timer_id="c7.t2", due_at=due, purpose="remind", text="two")


@pytest.mark.parametrize(
    "stored",
    [
        Stored("x", timers=(Timer(datetime(2026, 11, 24), "naive"),)),  # noqa: DTZ001 - naive on purpose
        Stored("x", timers=("soon",)),  # type: ignore[arg-type]  # wrong on purpose
        Stored("x", outgoing=("hello",)),  # type: ignore[arg-type]  # wrong on purpose
        Stored(None),  # type: ignore[arg-type]  # wrong on purpose
    ],
)
async def test_what_cannot_be_stored_is_a_failure_and_nothing_is_stored(stored: Stored):
    drafts = await run(made(returning(stored), effect="stored"))

    assert len(drafts) == 1
    assert isinstance(drafts[0].data, ToolFinished)
    assert drafts[0].data.status == "failed"


async def test_a_stored_tool_may_have_nothing_to_store():
    data = await finished(made(returning("nothing to do"), effect="stored"))

    assert data.result == "nothing to do"


# ---------------------------------------------------------------- arguments


@pytest.mark.parametrize("args", [{"text": 5}, {"text": "a", "more": 1}, {"text": None}])
async def test_arguments_are_checked_again_before_the_tool_runs(args: dict[str, JsonValue]):
    data = await finished(made(raising(AssertionError("it ran"))), args)

    assert data.status == "failed"
    assert not data.retryable
    assert data.result.startswith("proposed_action.args.")


# ---------------------------------------------------------------- errors


@pytest.mark.parametrize("retryable", [True, False])
async def test_a_tool_error_is_one_line_for_the_model(retryable: bool):
    error = ToolError(f"no such city\n  at /home/ann/x.py with {SECRET}", retryable=retryable)

    data = await finished(made(raising(error)))

    assert data.status == "failed"
    assert data.result == "no such city at [path] with [redacted]"
    assert data.retryable is retryable


async def test_a_tool_error_without_words_still_says_something():
    data = await finished(made(raising(ToolError("\n"))))

    assert data.result == "it failed without saying why"


async def test_a_bug_in_a_tool_is_one_short_line_and_its_trace_goes_to_the_log():
    error = RuntimeError("/srv/app/x.py\nAuthorization: Bearer abcdefgh12345678\n" + "long " * 1_000)

    with capture_logs() as logs:
        data = await finished(made(raising(error)))

    assert data.status == "failed"
    assert data.result.startswith("runtime error: [path] Authorization: [redacted] long")
    assert len(data.result) == 300
    assert data.result.isprintable()
    assert logs[0]["exc_info"] is error


@pytest.mark.parametrize(
    "error",
    [
        SystemExit(3),
        asyncio.CancelledError(),
        RecursionError(),
        MemoryError(),
        ExceptionGroup("x", [OSError()]),
    ],
)
async def test_nothing_that_a_tool_raises_gets_further(error: BaseException):
    data = await finished(made(raising(error)))

    assert data.status == "failed"
    assert data.result


async def test_what_a_tool_prints_stays_out_of_its_result(capsys: pytest.CaptureFixture[str]):
    async def tool(args: Args, ctx: ToolContext) -> str:
        sys.stdout.write("printed")
        return "returned"

    data = await finished(made(tool))

    assert data.result == "returned"


async def test_a_child_process_of_a_tool_that_is_cut_off_can_be_ended_by_it():
    children: list[int] = []

    async def tool(args: Args, ctx: ToolContext) -> str:
        child = await asyncio.create_subprocess_exec("sleep", "60")
        children.append(child.pid)
        try:
            await child.wait()
        finally:
            child.kill()
            await child.wait()
        return ""

    data = await finished(made(tool), seconds=0.2)

    assert data.result == "timed out after 0.2 s"
    with pytest.raises(ProcessLookupError):
        os.kill(children[0], 0)


# ---------------------------------------------------------------- time


async def hang(args: Args, ctx: ToolContext) -> str:
    await asyncio.sleep(3_600)
    return ""


async def swallow(args: Args, ctx: ToolContext) -> str:
    while True:
        try:
            await asyncio.sleep(0.5)
            return "woke up"
        except asyncio.CancelledError:
            pass


async def answer_when_cancelled(args: Args, ctx: ToolContext) -> str:
    try:
        await asyncio.sleep(3_600)
    except asyncio.CancelledError:
        return "too late"
    return ""


async def break_when_cancelled(args: Args, ctx: ToolContext) -> str:
    try:
        await asyncio.sleep(3_600)
    finally:
        raise ValueError("broken on the way out")


@pytest.mark.parametrize("tool", [hang, swallow, answer_when_cancelled, break_when_cancelled])
async def test_a_tool_that_takes_too_long_is_cut_off(tool: Run):
    started = time.monotonic()

    data = await finished(made(tool), seconds=0.05)

    assert (data.status, data.result) == ("failed", "timed out after 0.05 s")
    assert data.retryable
    assert time.monotonic() - started < 3


async def test_a_tool_that_never_lets_go_is_left_behind():
    stop = asyncio.Event()

    async def deaf(args: Args, ctx: ToolContext) -> str:
        while not stop.is_set():
            try:
                await stop.wait()
            except asyncio.CancelledError:
                continue
        return ""

    with capture_logs() as logs:
        data = await finished(made(deaf), seconds=0.05)
    stop.set()

    assert data.result == "timed out after 0.05 s"
    assert logs[0]["event"] == "tool ignores that it was cancelled"


async def test_a_hanging_tool_holds_up_no_other():
    hanging = asyncio.ensure_future(finished(made(hang), seconds=5))

    data = await finished(made(returning("at once")))
    hanging.cancel()

    assert data.result == "at once"


@pytest.mark.parametrize("tool", [hang, raising(OSError("reset")), returning(None)])
async def test_of_an_unsafe_tool_without_a_result_the_outcome_is_unknown(tool: Run):
    data = await finished(made(tool, effect="unsafe"), seconds=0.05)

    assert data.status == "unknown"


async def test_an_unsafe_tool_that_refuses_has_failed():
    data = await finished(made(raising(ToolError("not enough money")), effect="unsafe"))

    assert (data.status, data.result) == ("failed", "not enough money")


async def test_cancelling_the_run_cancels_the_tool():
    ended: list[str] = []

    async def tool(args: Args, ctx: ToolContext) -> str:
        try:
            await asyncio.sleep(3_600)
        finally:
            ended.append("cleaned up")
        return ""

    running = asyncio.ensure_future(run(made(tool)))
    await asyncio.sleep(0.01)
    running.cancel()

    with pytest.raises(asyncio.CancelledError):
        await running
    assert ended == ["cleaned up"]


async def test_the_time_it_took_is_measured_by_the_given_clock():
    ticks = iter((10.0, 12.5))

    drafts = await run_tool(
        made(returning("")),
        {},
        CONTEXT,
        timeout=timedelta(seconds=1),
        clip=10,
        clean=str,
        monotonic=lambda: next(ticks),
    )

    assert isinstance(drafts[0].data, ToolFinished)
    assert drafts[0].data.duration_ms == 2_500
