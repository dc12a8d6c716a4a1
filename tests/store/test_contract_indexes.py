"""The contract of any store: timers, outbox, take-over, snapshots, texts and lists."""

import asyncio
from datetime import timedelta

import pytest

from bot.errors import NoSuchThread, StoreClosed
from bot.ports import Store
from tests.store import kit
from tests.store.kit import START, message, outgoing, report


async def decide(store: Store, *drafts, results=()) -> str:
    """A thread in which the loop has decided these."""
    first = await store.receive(message())
    head = (await store.load(first.thread_id)).head
    await store.append(first.thread_id, head=head, seen=first.seq, results=results, decisions=drafts)
    return first.thread_id


# ---------------------------------------------------------------- timers


async def test_timers_are_due_in_the_order_of_their_times(store: Store) -> None:
    thread = await decide(
        store, kit.timer("t2", minutes=2, text="stretch"), kit.timer("t1"), kit.timer("t9", minutes=9)
    )

    due = await store.due_timers(START + timedelta(minutes=2))

    assert [(each.timer_id, each.thread_id, each.run) for each in due] == [
        ("t1", thread, "r2"), ("t2", thread, "r2"),
    ]  # fmt: skip
    assert (due[1].text, due[1].due_at) == ("stretch", START + timedelta(minutes=2))
    assert [each.timer_id for each in await store.due_timers(START + timedelta(hours=1), limit=1)] == ["t1"]
    assert await store.next_timer() == START + timedelta(minutes=1)


async def test_a_timer_that_has_fired_is_gone_and_fires_once(store: Store) -> None:
    thread = await decide(store, kit.timer("t1"))

    first = await store.receive(kit.fired(thread, "t1"))
    again = await store.receive(kit.fired(thread, "t1"))

    assert not first.duplicate
    assert again.duplicate
    assert await store.next_timer() is None
    assert await store.due_timers(START + timedelta(days=1)) == []


async def test_a_stop_drops_retries_and_keeps_reminders(store: Store) -> None:
    thread = await decide(store, kit.timer("t1", purpose="retry"), kit.timer("t2", purpose="remind"))

    await store.receive(kit.stop(thread))

    assert [due.timer_id for due in await store.due_timers(START + timedelta(days=1))] == ["t2"]


async def test_a_timer_left_out_with_the_decisions_is_not_set(store: Store) -> None:
    first = await store.receive(message())
    await store.receive(message("newcomer"))

    await store.append(first.thread_id, head=0, seen=2, decisions=[kit.timer("t1")])

    assert await store.next_timer() is None


# ---------------------------------------------------------------- outbox


async def test_a_reply_is_in_the_outbox_in_the_transaction_of_its_turn(store: Store) -> None:
    thread = await decide(store, kit.ended(outgoing("one"), outgoing("two", "D2")))

    due = await store.outbox_due(START)

    assert [(row.id, row.outgoing.text) for row in due] == [
        (f"{thread}:3:0", "one"),
        (f"{thread}:3:1", "two"),
    ]
    assert {(row.run, row.parts_sent, row.attempts, row.unsure) for row in due} == {("r2", 0, 0, False)}
    assert due[0].created_at == START


async def test_a_message_without_a_destination_stays_in_the_log(store: Store) -> None:
    await decide(
        store, kit.ended(outgoing(destination=""), outgoing("two").model_copy(update={"channel": ""}))
    )

    assert await store.outbox_due(START) == []
    assert await store.next_outbox() is None


async def test_only_the_oldest_open_message_of_a_destination_is_due(store: Store) -> None:
    thread = await decide(store, kit.ended(outgoing("one"), outgoing("two"), outgoing("else", "D2")))

    assert [row.outgoing.text for row in await store.outbox_due(START)] == ["one", "else"]
    await store.receive(report(f"{thread}:3:0", "sent"))
    assert [row.outgoing.text for row in await store.outbox_due(START)] == ["two", "else"]
    assert [row.outgoing.text for row in await store.outbox_due(START, limit=1)] == ["two"]


async def test_the_same_destination_of_another_account_does_not_wait(store: Store) -> None:
    other = outgoing("two").model_copy(update={"account": "T2"})
    await decide(store, kit.ended(outgoing("one"), other))

    assert [row.outgoing.text for row in await store.outbox_due(START)] == ["one", "two"]


async def test_a_message_of_several_parts_is_done_with_the_last(store: Store) -> None:
    thread = await decide(store, kit.ended(outgoing()))
    row = f"{thread}:3:0"

    await store.receive(report(row, "sent", part=1, parts=2))
    assert [due.parts_sent for due in await store.outbox_due(START)] == [1]
    await store.receive(report(row, "sent", part=2, parts=2))
    assert await store.outbox_due(START) == []


async def test_a_failed_message_waits_and_holds_back_the_next(store: Store) -> None:
    thread = await decide(store, kit.ended(outgoing("one"), outgoing("two")))
    later = START + timedelta(minutes=5)

    await store.receive(report(f"{thread}:3:0", "failed", attempt=3, not_before=later))

    assert await store.outbox_due(later - timedelta(seconds=1)) == []
    assert await store.next_outbox() == later
    (due,) = await store.outbox_due(later)
    assert (due.outgoing.text, due.attempts, due.unsure, due.not_before) == ("one", 3, False, later)


async def test_an_unknown_outcome_stays_unsure_until_it_is_sent(store: Store) -> None:
    thread = await decide(store, kit.ended(outgoing()))
    row = f"{thread}:3:0"

    await store.receive(report(row, "unknown", parts=2))
    await store.receive(report(row, "failed", attempt=2, parts=2))
    (due,) = await store.outbox_due(START)
    assert (due.attempts, due.unsure) == (2, True)

    await store.receive(report(row, "sent", parts=2))
    (due,) = await store.outbox_due(START)
    assert (due.attempts, due.unsure, due.parts_sent) == (0, False, 1)


async def test_a_dead_message_lets_the_next_go_and_tells_somebody(store: Store) -> None:
    thread = await decide(store, kit.ended(outgoing("one"), outgoing("two")))
    notice = outgoing("could not deliver", "operator").model_dump()

    await store.receive(report(f"{thread}:3:0", "dead", outgoing=[notice]))

    texts = [row.outgoing.text for row in await store.outbox_due(START)]
    assert texts == ["two", "could not deliver"]


async def test_a_report_that_comes_late_changes_nothing(store: Store) -> None:
    thread = await decide(store, kit.ended(outgoing()))
    await store.receive(report(f"{thread}:3:0", "sent"))

    await store.receive(report(f"{thread}:3:0", "failed"))

    assert await store.outbox_due(START) == []


async def test_every_event_that_sends_has_its_rows(store: Store) -> None:
    await decide(store, results=[kit.tool_finished("ok", outgoing("from a tool"))])

    assert [row.outgoing.text for row in await store.outbox_due(START)] == ["from a tool"]
    assert await store.next_outbox() == START


# ---------------------------------------------------------------- taking over


async def test_a_new_process_takes_over_what_was_left_oldest_first(open_store, clock: kit.FakeClock) -> None:
    store = await open_store()
    threads = []
    for n in (1, 2, 3):
        threads.append((await store.receive(message(conversation=f"C{n}"))).thread_id)
        clock.tick()
    await kit.answer(store, await store.receive(message(conversation="done")))
    assert await store.take_over() == []

    store = await open_store()
    fresh = await store.receive(message(conversation="new"))

    assert await store.take_over(2) == threads[:2]
    assert [(await store.load(thread)).tries for thread in threads] == [1, 1, 0]
    assert await store.take_over(2) == threads[2:]
    assert await store.take_over(2) == []
    assert (await store.load(fresh.thread_id)).tries == 0


async def test_suspects_come_last_and_alone(open_store) -> None:
    store = await open_store()
    suspects = {(await store.receive(message(conversation=f"S{n}"))).thread_id for n in (1, 2)}
    store = await open_store()
    assert set(await store.take_over()) == suspects
    fresh = {(await store.receive(message(conversation=f"F{n}"))).thread_id for n in (1, 2)}

    store = await open_store()
    batches = [await store.take_over() for _ in range(4)]

    assert set(batches[0]) == fresh
    assert [len(batch) for batch in batches[1:]] == [1, 1, 0]
    assert {*batches[1], *batches[2]} == suspects
    assert {(await store.load(thread)).tries for thread in suspects} == {2}


async def test_a_thread_settled_before_its_turn_is_not_taken_over(open_store) -> None:
    store = await open_store()
    one = await store.receive(message(conversation="C1"))
    two = await store.receive(message(conversation="C2"))
    store = await open_store()
    await kit.answer(store, one)

    assert await store.take_over() == [two.thread_id]
    assert (await store.load(one.thread_id)).tries == 0


@pytest.mark.parametrize("how", ["result", "settled"])
async def test_a_result_or_coming_to_rest_clears_the_tries(open_store, how: str) -> None:
    store = await open_store()
    first = await store.receive(message())
    store = await open_store()
    await store.take_over()
    await store.append(first.thread_id, head=0, seen=2, decisions=[kit.started()])
    assert (await store.load(first.thread_id)).tries == 1

    if how == "result":
        await store.append(first.thread_id, head=3, seen=3, results=[kit.answered()])
    else:
        await store.append(first.thread_id, head=3, seen=3, decisions=[kit.ended()], settled=True)

    assert (await store.load(first.thread_id)).tries == 0


# ---------------------------------------------------------------- reading


async def test_a_snapshot_of_this_fold_replaces_the_events_before_it(open_store) -> None:
    store = await open_store(fold_version="f1")
    first = await store.receive(message())
    await kit.answer(store, first)
    await store.save_snapshot(first.thread_id, 4, "f1", "folded")

    store = await open_store(fold_version="f1")
    loaded = await store.load(first.thread_id)
    assert (loaded.snapshot, [event.seq for event in loaded.events]) == ("folded", [5, 6])

    store = await open_store(fold_version="f2")
    loaded = await store.load(first.thread_id)
    assert (loaded.snapshot, len(loaded.events)) == (None, 6)


async def test_an_older_snapshot_does_not_replace_a_newer_one(open_store) -> None:
    store = await open_store(fold_version="f1")
    first = await store.receive(message())
    await store.save_snapshot(first.thread_id, 2, "f1", "newer")
    await store.save_snapshot(first.thread_id, 1, "f1", "older")

    store = await open_store(fold_version="f1")
    assert (await store.load(first.thread_id)).snapshot == "newer"


async def test_events_can_be_read_in_pages_and_by_seq(store: Store) -> None:
    first = await store.receive(message())
    for n in range(8):
        await store.receive(message(f"{n}"))
    thread = first.thread_id

    assert [event.seq for event in await store.events(thread, after=3, limit=2)] == [4, 5]
    assert [event.seq for event in await store.events_at(thread, [7, 2, 2, 99])] == [2, 7]
    assert [event.seq for event in await store.events_at(thread, range(1, 2000))] == list(range(1, 11))


async def test_threads_are_listed_newest_first_in_pages(store: Store, clock: kit.FakeClock) -> None:
    ids = []
    for n in range(5):
        clock.tick()
        ids.append((await store.receive(message(conversation=f"C{n}"))).thread_id)

    page = await store.threads(limit=2)
    assert [row.thread_id for row in page] == [ids[4], ids[3]]
    assert [row.thread_id for row in await store.threads(limit=9, before=ids[3])] == [ids[2], ids[1], ids[0]]
    assert (page[0].channel, page[0].account, page[0].conversation) == ("slack", "T1", "C4")
    assert (page[0].opened_at, page[0].updated_at) == (clock.now, clock.now)


async def test_loading_no_thread_is_refused(store: Store) -> None:
    with pytest.raises(NoSuchThread):
        await store.load("nowhere")

    assert await store.thread("nowhere") is None


async def test_texts_are_kept_once_by_hash(store: Store) -> None:
    first = await store.receive(message())
    await store.append(
        first.thread_id, head=0, seen=2, decisions=[kit.started()], texts={"h1": "prompt", "h2": "tools"}
    )
    await store.append(first.thread_id, head=3, seen=3, decisions=[kit.asked()], texts={"h1": "prompt"})

    assert await store.texts(["h1", "h2", "h3"]) == {"h1": "prompt", "h2": "tools"}


async def test_a_closed_store_refuses(open_store) -> None:
    store = await open_store()
    await store.close()

    with pytest.raises(StoreClosed):
        await store.receive(message())
    with pytest.raises(StoreClosed):
        await store.thread("any")


async def test_what_is_queued_when_the_store_closes_is_written(open_store) -> None:
    store = await open_store()
    jobs = kit.gather(*(store.receive(message(conversation=f"C{n}")) for n in range(30)))
    await asyncio.sleep(0)
    await store.close()
    received = await jobs

    store = await open_store()
    assert {row.thread_id for row in await store.threads()} == {each.thread_id for each in received}
