"""The contract of any store: the fenced append of two parts."""

import itertools

import pytest

from bot.errors import Fenced, NoSuchThread
from bot.events import Draft, TurnStarted
from bot.ports import Store
from tests.store import kit
from tests.store.kit import answered, ended, gather, message, started

FOUR = [(head, input_) for head in ("same", "moved") for input_ in ("none", "arrived")]


@pytest.mark.parametrize(("head", "input_"), FOUR)
@pytest.mark.parametrize(("results", "decisions"), list(itertools.product([0, 1], [0, 1])))
async def test_what_is_written_depends_on_head_and_newcomers(
    store: Store, head: str, input_: str, results: int, decisions: int
) -> None:
    first = await store.receive(message())
    thread = first.thread_id
    await store.append(thread, head=0, seen=2, decisions=[started(), kit.asked()])
    if head == "moved":
        await store.append(thread, head=4, seen=4, decisions=[Draft(TurnStarted(input=2, version=2))])
    if input_ == "arrived":
        await store.receive(message("newcomer"))
    before = await store.events(thread)

    def append():
        return store.append(
            thread,
            head=4,
            seen=4,
            results=[answered()] * results,
            decisions=[ended()] * decisions,
            texts={"h1": "a prompt"},
            settled=True,
        )

    if head == "moved":
        with pytest.raises(Fenced):
            await append()
        assert await store.events(thread) == before
        return
    appended = await append()

    newcomers = ["message.received"] if input_ == "arrived" else []
    expected = newcomers + ["model.answered"] * results + ["turn.ended"] * (decisions and not newcomers)
    assert [event.type for event in appended.events] == expected
    assert [event.seq for event in appended.events] == list(range(5, 5 + len(expected)))
    assert appended.decided is not bool(newcomers)
    assert await store.events(thread) == before[:4] + appended.events
    assert await store.texts(["h1"]) == ({} if newcomers else {"h1": "a prompt"})
    row = await store.thread(thread)
    assert row is not None
    assert row.settled_seq == (1 if newcomers else row.last_seq)


async def test_inputs_never_move_the_head(store: Store) -> None:
    first = await store.receive(message())
    await store.append(first.thread_id, head=0, seen=2, decisions=[started()])
    await store.receive(message("two"))
    await store.receive(message("three"))

    assert (await store.load(first.thread_id)).head == 3
    appended = await store.append(first.thread_id, head=3, seen=5, decisions=[ended()])
    assert appended.decided
    assert (await store.load(first.thread_id)).head == 6


async def test_results_after_a_newcomer_move_the_head_past_it(store: Store) -> None:
    first = await store.receive(message())
    await store.append(first.thread_id, head=0, seen=2, decisions=[started(), kit.asked()])
    await store.receive(message("two"))

    appended = await store.append(first.thread_id, head=4, seen=4, results=[answered()], decisions=[ended()])

    assert [event.seq for event in appended.events] == [5, 6]
    with pytest.raises(Fenced):
        await store.append(first.thread_id, head=4, seen=6, decisions=[ended()])
    assert (await store.append(first.thread_id, head=6, seen=6, decisions=[ended()])).decided


async def test_of_two_processes_only_one_goes_on(store: Store) -> None:
    first = await store.receive(message())
    append = [store.append(first.thread_id, head=0, seen=2, decisions=[started()]) for _ in range(10)]

    outcomes = await gather(*append)

    assert sum(isinstance(outcome, Fenced) for outcome in outcomes) == 9
    assert len(await store.events(first.thread_id)) == 3


async def test_a_fence_undoes_only_its_own_transaction(store: Store) -> None:
    one = await store.receive(message(conversation="C1"))
    two = await store.receive(message(conversation="C2"))

    outcomes = await gather(
        store.append(one.thread_id, head=0, seen=2, decisions=[started()]),
        store.append(two.thread_id, head=99, seen=2, decisions=[started()]),
        store.receive(message("more", conversation="C1")),
    )

    assert [type(outcome).__name__ for outcome in outcomes] == ["Appended", "Fenced", "Received"]
    assert len(await store.events(one.thread_id)) == 4
    assert len(await store.events(two.thread_id)) == 2


async def test_having_seen_more_than_there_is_is_fenced(store: Store) -> None:
    first = await store.receive(message())

    with pytest.raises(Fenced):
        await store.append(first.thread_id, head=0, seen=3, decisions=[started()])


async def test_appending_to_no_thread_is_refused(store: Store) -> None:
    with pytest.raises(NoSuchThread):
        await store.append("nowhere", head=0, seen=0, decisions=[started()])


async def test_a_decision_among_the_results_is_refused(store: Store) -> None:
    first = await store.receive(message())

    with pytest.raises(ValueError, match="only what the world said"):
        await store.append(first.thread_id, head=0, seen=2, results=[started()])


async def test_what_the_loop_writes_carries_run_correlation_and_trace(store: Store) -> None:
    first = await store.receive(message(actor="ann"))

    appended = await store.append(
        first.thread_id, head=0, seen=2, decisions=[started(), kit.tool_started({})], trace_id="cd" * 16
    )

    assert [(e.run, e.correlation, e.trace_id) for e in appended.events] == [
        ("r2", "", "cd" * 16),
        ("", "c4", "cd" * 16),
    ]
    assert {(e.actor, e.channel) for e in appended.events} == {("", "slack")}


async def test_the_time_of_an_append_can_be_given(store: Store, clock: kit.FakeClock) -> None:
    first = await store.receive(message())
    later = clock.now.replace(hour=13)

    appended = await store.append(first.thread_id, head=0, seen=2, decisions=[started()], now=later)

    assert appended.events[0].time == later


async def test_a_thread_can_be_settled_without_an_event(store: Store) -> None:
    first = await store.receive(message())

    appended = await store.append(first.thread_id, head=0, seen=2, settled=True)

    row = await store.thread(first.thread_id)
    assert appended.events == ()
    assert row is not None
    assert (row.last_seq, row.settled_seq) == (2, 2)
    assert (await store.load(first.thread_id)).head == 0


async def test_a_reply_reported_as_sent_leaves_a_settled_thread_settled(store: Store) -> None:
    first = await store.receive(message())
    appended = await kit.answer(store, first, kit.outgoing())
    reply = appended.events[-1]

    await store.receive(kit.report(f"{first.thread_id}:{reply.seq}:0", "sent"))
    await store.receive(kit.feedback(first.thread_id))

    row = await store.thread(first.thread_id)
    assert row is not None
    assert row.settled_seq == row.last_seq == reply.seq + 2


async def test_a_report_after_an_unread_message_does_not_settle_it(store: Store) -> None:
    first = await store.receive(message())
    await store.receive(kit.feedback(first.thread_id))

    row = await store.thread(first.thread_id)
    assert row is not None
    assert (row.last_seq, row.settled_seq) == (3, 1)
