import asyncio
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st
from prometheus_client.parser import text_string_to_metric_families

from bot.errors import BrokenEvent
from bot.events import (
    DeliveryReported,
    Failure,
    FeedbackReceived,
    ModelAnswered,
    Step,
    TakeoverStarted,
    ThreadParked,
    ToolFinished,
    ToolStarted,
    TurnEnded,
    TurnStarted,
    Usage,
)
from bot.metrics import Metrics
from bot.ports import Health
from bot.turns import Turns
from tests.core.parts_kit import FakeStore, run

STEP = Step(intent="reply", message="hi", confidence=0.7)
STORY: tuple[Any, ...] = (
    TurnStarted(input=2, version=2),
    ModelAnswered(failure=Failure(kind="unavailable", message="529"), usage=Usage()),
    ModelAnswered(step=STEP, usage=Usage(input=700, output=50, cache_read=200, cache_creation=50)),
    ToolStarted(call_id="c1", tool="look", args={}, args_digest="d", effect="read", key="k"),
    ToolFinished(call_id="c1", tool="look", args_digest="d", status="failed"),
    TakeoverStarted(to="bob", reason="asked"),
    TurnEnded(outcome="replied", steps=2),
    TurnStarted(input=3, version=3),
    TurnEnded(outcome="failed"),
    TurnStarted(input=4, version=4),
    TurnEnded(outcome="waiting"),
    ThreadParked(reason="x"),
    FeedbackReceived(rating=4),
    DeliveryReported(outbox_id="o", part_number=1, parts=1, status="dead"),
)
BY = {"agent": "assistant"}


def values(metrics):
    text, _ = metrics.exposition()
    families = text_string_to_metric_families(text.decode())
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def value(metrics, name, **labels):
    return values(metrics)[name, tuple(sorted(labels.items()))]


def observing(store, metrics):
    """Metrics that hear what happens; the threads are looked up by the task."""
    turns = Turns(store, [metrics.observe])
    store.listen(turns.heard)
    return asyncio.create_task(turns.run())


def told():
    """Metrics of one thread's story."""

    async def scenario():
        store: Any = FakeStore()
        metrics = Metrics(history=False)
        task = observing(store, metrics)
        store.open("t1")
        for data in STORY:
            await asyncio.sleep(2)
            if data.type != "delivery.reported":
                store.write("t1", data)
        task.cancel()
        return metrics

    return run(scenario())


def test_the_eight_metrics_of_the_method_are_folded_from_the_log():
    metrics = told()

    assert value(metrics, "agent_execution_time_count", **BY) == 3
    assert value(metrics, "agent_execution_time_sum", **BY) == 12 + 2 + 2
    assert value(metrics, "agent_token_usage_sum", **BY) == 1000
    assert value(metrics, "agent_token_usage_count", **BY) == 1
    assert value(metrics, "agent_user_satisfaction_sum", **BY) == 4
    assert value(metrics, "agent_confidence", **BY) == 0.7
    assert value(metrics, "agent_tool_calls_total", **BY, tool="look") == 1
    assert value(metrics, "agent_human_escalations_total", **BY, reason="asked") == 1
    assert value(metrics, "agent_tasks_completed_total", **BY, success="true") == 1
    assert value(metrics, "agent_tasks_completed_total", **BY, success="false") == 1
    for kind in ("model_unavailable", "tool_failed", "turn_failed", "thread_parked"):
        assert value(metrics, "agent_errors_total", **BY, type=kind) == 1


def test_a_turn_that_waits_has_completed_nothing():
    completed = {
        key: number for key, number in values(told()).items() if key[0] == "agent_tasks_completed_total"
    }

    assert sum(completed.values()) == 2


def test_all_eight_are_listed_before_anything_has_happened():
    text = Metrics(history=False).exposition()[0].decode()

    for name in (
        "agent_execution_time", "agent_token_usage", "agent_user_satisfaction", "agent_confidence",
        "agent_tool_calls_total", "agent_human_escalations_total", "agent_errors_total",
        "agent_tasks_completed_total",
    ):  # fmt: skip
        assert f"# TYPE {name} " in text


@settings(max_examples=60, deadline=None)
@given(
    before=st.integers(0, len(STORY) - 1),
    during=st.lists(st.integers(0, 6), max_size=len(STORY)),
    threads=st.integers(1, 4),
)
def test_whatever_arrives_while_the_log_is_replayed_every_event_counts_once(before, during, threads):
    async def scenario():
        store: Any = FakeStore()
        names = [f"t{number}" for number in range(threads)]
        story = STORY[:-1]
        for name in names:
            store.open(name)
            for data in story[:before]:
                store.write(name, data)
        metrics = Metrics()
        task = observing(store, metrics)
        replay = asyncio.create_task(metrics.replay(store))
        pauses = iter(during)
        for data in story[before:]:
            for name in names:
                for _ in range(next(pauses, 0)):
                    await asyncio.sleep(0)
                store.write(name, data)
        await replay
        task.cancel()
        return metrics

    metrics = run(scenario())

    assert value(metrics, "agent_execution_time_count", **BY) == 3 * threads
    assert value(metrics, "agent_tool_calls_total", **BY, tool="look") == threads
    assert value(metrics, "agent_token_usage_sum", **BY) == 1000 * threads
    assert value(metrics, "agent_errors_total", **BY, type="tool_failed") == threads
    assert value(metrics, "agent_user_satisfaction_count", **BY) == threads


def test_the_eight_are_shown_only_once_the_history_is_in():
    async def scenario():
        store: Any = FakeStore()
        store.open("t1")
        store.write("t1", FeedbackReceived(rating=5))
        metrics = Metrics()
        metrics.watch("saywhen_lanes", "Lanes.", lambda: 3.0)
        early = values(metrics)
        await metrics.replay(store)

        assert early == {("saywhen_lanes", ()): 3.0}
        assert value(metrics, "agent_user_satisfaction_sum", **BY) == 5

    run(scenario())


def test_a_rating_that_is_taken_back_is_no_second_one():
    async def scenario():
        store: Any = FakeStore()
        store.open("t1")
        store.write("t1", FeedbackReceived(rating=5))
        store.write("t1", FeedbackReceived(rating=5, withdrawn=True))
        metrics = Metrics()
        await metrics.replay(store)

        assert value(metrics, "agent_user_satisfaction_count", **BY) == 1

    run(scenario())


def test_a_thread_that_cannot_be_read_does_not_keep_the_others_out():
    async def scenario():
        store: Any = FakeStore()
        for name in ("t1", "t2"):
            store.open(name)
            store.write(name, FeedbackReceived(rating=5))
        read = store.events

        async def events(thread_id, **given):
            if thread_id == "t2":
                raise BrokenEvent
            return await read(thread_id, **given)

        store.events = events
        metrics = Metrics()
        await metrics.replay(store)

        assert value(metrics, "agent_user_satisfaction_count", **BY) == 1

    run(scenario())


def test_a_replay_that_is_started_again_after_a_failure_counts_nothing_twice():
    async def scenario():
        store: Any = FakeStore()
        for name in ("t1", "t2"):
            store.open(name)
            store.write(name, FeedbackReceived(rating=5))
        read, failing = store.events, ["t1"]

        async def events(thread_id, **given):
            if thread_id in failing:
                failing.remove(thread_id)
                raise OSError
            return await read(thread_id, **given)

        store.events = events
        metrics = Metrics()
        with pytest.raises(OSError):  # noqa: PT011 - the very one above
            await metrics.replay(store)
        await metrics.replay(store)

        assert value(metrics, "agent_user_satisfaction_count", **BY) == 2

    run(scenario())


async def test_how_the_bot_stands_is_asked_at_each_reading():
    metrics, waiting = Metrics(), [1.0]
    metrics.watch("saywhen_outbox_waiting", "Messages.", lambda: waiting[0])
    metrics.watch("saywhen_inputs", "By kind.", lambda: {"duplicate": 7.0}, label="kind", kind="counter")
    metrics.watch_channels(
        lambda: {"slack": Health("connected", age=2.5, quiet=60), "sms": Health("failing")}
    )

    first = value(metrics, "saywhen_outbox_waiting")
    waiting[0] = 2.0

    assert (first, value(metrics, "saywhen_outbox_waiting")) == (1, 2)
    assert value(metrics, "saywhen_inputs_total", kind="duplicate") == 7
    assert value(metrics, "saywhen_channel_connected", channel="slack") == 1
    assert value(metrics, "saywhen_channel_connected", channel="sms") == 0
    assert value(metrics, "saywhen_channel_sign_of_life_seconds", channel="slack") == 2.5
    assert value(metrics, "saywhen_channel_last_event_seconds", channel="slack") == 60
    with pytest.raises(KeyError):
        value(metrics, "saywhen_channel_sign_of_life_seconds", channel="sms")
