import asyncio
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any

from bot.events import (
    AskSettings,
    FeedbackReceived,
    ModelAnswered,
    ModelAsked,
    ToolStarted,
    TurnEnded,
    TurnStarted,
    Usage,
)
from bot.turns import Turns
from tests.core.parts_kit import START, FakeStore, run

SETTINGS = AskSettings(render_version=1, max_tokens=100, structured=True, timezone="UTC", block_clip=100)


def asked(*, degraded=False):
    return ModelAsked(
        model="main", now=START, settings=SETTINGS, prompt="p", tools="t", output_schema="o", request="r",
        estimated_tokens=1, degraded=degraded,
    )  # fmt: skip


def turn(store, thread_id, *, until=99):
    """The events of a turn with one tool, as far as the `until`th."""
    call = ToolStarted(call_id="c1", tool="look", args={}, args_digest="d", effect="read", key="k")
    usage = Usage(input=10, output=5, cache_read=3, cache_creation=2)
    events = (
        TurnStarted(input=2, version=2), asked(), ModelAnswered(usage=usage), call, asked(degraded=True),
        ModelAnswered(usage=usage), TurnEnded(outcome="replied", steps=2),
    )  # fmt: skip
    for data in events[:until]:
        store.write(thread_id, data, trace_id="abc")


@asynccontextmanager
async def following(store, observe, **given):
    turns = Turns(store, [observe], **given)
    stop = store.listen(turns.heard)
    task = asyncio.create_task(turns.run())
    try:
        yield
    finally:
        stop()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def observer(seen):
    """Remembers each event with the agent and a copy of what the turn took."""

    def observe(event, thread):
        took = thread.turn and (
            thread.turn.tools,
            thread.turn.tokens_in,
            thread.turn.tokens_out,
            thread.turn.degraded,
        )
        seen.append((thread.thread_id, event.seq, thread.agent, thread.channel, took))

    return observe


def test_at_the_end_of_a_turn_it_is_known_what_it_took():
    async def scenario():
        store: Any = FakeStore()
        seen: list[Any] = []
        async with following(store, observer(seen)):
            store.open("t1")
            turn(store, "t1")
            store.write("t1", FeedbackReceived(rating=5))

        assert seen[-2] == ("t1", 8, "assistant", "slack", (1, 30, 10, True))
        assert seen[-1] == ("t1", 9, "assistant", "slack", None)

    run(scenario())


def test_a_turn_that_an_earlier_process_began_is_known_whole():
    async def scenario():
        store: Any = FakeStore()
        store.open("t1", agent="support")
        turn(store, "t1", until=3)
        seen: list[Any] = []
        async with following(store, observer(seen)):
            for data in (asked(degraded=True), TurnEnded(outcome="replied", steps=2)):
                store.write("t1", data)
            await asyncio.sleep(1)
            store.write("t1", FeedbackReceived(rating=5))

        assert [(seq, agent) for _, seq, agent, _, _ in seen] == [
            (5, "support"),
            (6, "support"),
            (7, "support"),
        ]
        assert seen[1][-1] == (0, 15, 5, True)

    run(scenario())


def test_events_reach_the_observers_in_order_also_while_their_thread_is_looked_up():
    async def scenario():
        store: Any = FakeStore()
        for thread_id in ("t1", "t2"):
            store.open(thread_id)
        seen: list[Any] = []
        async with following(store, observer(seen)):
            for _ in range(5):
                for thread_id in ("t1", "t2"):
                    store.write(thread_id, FeedbackReceived(rating=1))
                await asyncio.sleep(0)
            await asyncio.sleep(1)

        for thread_id in ("t1", "t2"):
            assert [seq for each, seq, *_ in seen if each == thread_id] == [2, 3, 4, 5, 6]

    run(scenario())


def test_only_so_many_threads_are_kept_in_mind_and_none_is_forgotten_for_good():
    async def scenario():
        store: Any = FakeStore()
        seen: list[Any] = []
        async with following(store, observer(seen), most=2):
            for thread_id in ("t1", "t2", "t3"):
                store.open(thread_id)
            store.write("t1", FeedbackReceived(rating=1))
            await asyncio.sleep(1)

        assert seen[-1][:3] == ("t1", 2, "assistant")

    run(scenario())


def test_the_start_of_a_turn_is_taken_from_the_log():
    async def scenario():
        store: Any = FakeStore()
        took: list[timedelta] = []
        store.open("t1")
        store.write("t1", TurnStarted(input=1, version=1))
        await asyncio.sleep(5)
        async with following(store, lambda event, thread: took.append(event.time - thread.turn.started)):
            store.write("t1", TurnEnded(outcome="replied"))
            await asyncio.sleep(1)

        assert took == [timedelta(seconds=5)]

    run(scenario())
