"""The contract of any store: inputs."""

from datetime import timedelta

import pytest

from bot.errors import NoSuchThread
from bot.events import ThreadOpened
from bot.ports import Store
from tests.store import kit
from tests.store.kit import FakeClock, feedback, gather, message


async def test_the_first_message_of_a_conversation_opens_a_thread(store: Store) -> None:
    received = await store.receive(message("hello", destination="D1"))

    opened, first = await store.events(received.thread_id)
    assert opened.data == ThreadOpened(conversation="C1", agent="assistant", account="T1", destination="D1")
    assert (opened.seq, first.seq, received.seq) == (1, 2, 2)
    assert first.data == kit.text_data("hello")


async def test_the_next_message_of_a_conversation_joins_its_thread(store: Store) -> None:
    first = await store.receive(message("one"))
    second = await store.receive(message("two"))

    assert second.thread_id == first.thread_id
    assert second.seq == first.seq + 1


@pytest.mark.parametrize("other", [{"conversation": "C2"}, {"account": "T2"}, {"channel": "api"}])
async def test_another_place_is_another_thread(store: Store, other: dict[str, str]) -> None:
    first = await store.receive(message())
    second = await store.receive(message(**other))

    assert second.thread_id != first.thread_id


async def test_a_second_delivery_of_the_same_message_is_ignored(store: Store) -> None:
    first = await store.receive(message("one", dedupe="k1"))
    again = await store.receive(message("one", dedupe="k1"))

    assert not first.duplicate
    assert again.duplicate
    assert (again.thread_id, again.seq) == (first.thread_id, first.seq)
    assert len(await store.events(first.thread_id)) == 2


async def test_fifty_deliveries_at_once_make_one_event(store: Store) -> None:
    received = await gather(*(store.receive(message("one", dedupe="k1")) for _ in range(50)))

    assert sum(not each.duplicate for each in received) == 1
    assert {(each.thread_id, each.seq) for each in received} == {(received[0].thread_id, 2)}
    assert len(await store.events(received[0].thread_id)) == 2


async def test_dedupe_holds_after_a_restart_and_across_threads(open_store) -> None:
    store = await open_store()
    first = await store.receive(message(dedupe="k1"))

    store = await open_store()
    again = await store.receive(message(dedupe="k1", conversation="C2"))

    assert (again.duplicate, again.thread_id, again.seq) == (True, first.thread_id, first.seq)
    assert len(await store.threads()) == 1


async def test_without_a_dedupe_key_nothing_is_a_duplicate(store: Store) -> None:
    first = await store.receive(message())
    second = await store.receive(message())

    assert not first.duplicate
    assert not second.duplicate


async def test_an_input_for_a_thread_that_is_not_there_is_refused(store: Store) -> None:
    with pytest.raises(NoSuchThread):
        await store.receive(feedback("nowhere"))

    assert await store.threads() == []


async def test_an_input_without_a_place_is_refused(store: Store) -> None:
    with pytest.raises(ValueError, match="thread or a conversation"):
        await store.receive(message(conversation=""))


async def test_twenty_messages_at_once_to_one_thread_keep_their_order(store: Store) -> None:
    received = await gather(*(store.receive(message(f"{n}")) for n in range(20)))

    assert [each.seq for each in received] == list(range(2, 22))
    events = await store.events(received[0].thread_id, after=1)
    assert [event.data.blocks[0].text for event in events] == [f"{n}" for n in range(20)]


async def test_the_envelope_is_kept(store: Store, clock: FakeClock) -> None:
    received = await store.receive(
        message(dedupe="k1", actor="ann", run="r1", correlation="c1", trace_id="ab" * 16)
    )

    event = (await store.events(received.thread_id))[-1]
    assert (event.time, event.actor, event.channel) == (clock.now, "ann", "slack")
    assert (event.run, event.correlation, event.dedupe, event.trace_id) == ("r1", "c1", "k1", "ab" * 16)
    assert event.id[14] == "7"


async def test_an_input_without_a_trace_gets_one(store: Store) -> None:
    received = await store.receive(message())

    opened, first = await store.events(received.thread_id)
    assert len(first.trace_id) == 32
    assert opened.trace_id == first.trace_id


async def test_time_never_goes_back_in_a_thread(store: Store, clock: FakeClock) -> None:
    first = await store.receive(message("one"))
    clock.tick(-3600)
    await store.receive(message("two"))
    appended = await store.append(first.thread_id, head=0, seen=3, decisions=[kit.started()])
    clock.tick(3601)
    await store.receive(message("three"))

    events = await store.events(first.thread_id)
    times = [event.time for event in events]
    assert times == sorted(times)
    assert times[-1] - times[0] == timedelta(seconds=1)
    assert appended.events[0].time == times[0]
    assert [event.id[:13] for event in events] == sorted(event.id[:13] for event in events)


async def test_listeners_hear_of_committed_events_before_the_caller_goes_on(store: Store) -> None:
    heard: list[int] = []
    when_told: list[int] = []
    unlisten = store.listen(lambda events: heard.extend(event.seq for event in events))

    async def receive() -> None:
        received = await store.receive(message())
        assert received.seq in heard
        when_told.append(received.seq)

    await gather(*(receive() for _ in range(20)))
    unlisten()
    await store.receive(message())

    assert heard == list(range(1, 22))
    assert when_told == list(range(2, 22))


async def test_a_duplicate_is_not_heard(store: Store) -> None:
    await store.receive(message(dedupe="k1"))
    heard: list[object] = []
    store.listen(heard.append)

    await store.receive(message(dedupe="k1"))

    assert heard == []


async def test_one_listener_that_fails_harms_nobody(store: Store, caplog) -> None:
    heard: list[object] = []

    def fail(events: object) -> None:
        raise RuntimeError("a listener's bug")

    store.listen(fail)
    store.listen(heard.append)
    received = await store.receive(message())

    assert received.seq == 2
    assert len(heard) == 1
    assert "a listener's bug" in caplog.text


HOSTILE = ["'\";--", "a\0b", "\0", "%_\\", "') OR 1=1 --", "\u202e\ufeff", "💥" * 50, " ", "x" * 20000]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
async def test_hostile_ids_are_only_values(store: Store, text: str) -> None:
    hostile = message(
        text, conversation=text, account=text, dedupe=text, actor=text, run=text, destination=text
    )
    innocent = await store.receive(message("hello", conversation="other"))

    first = await store.receive(hostile)
    again = await store.receive(hostile)
    await kit.answer(store, first, kit.outgoing(text, destination=text))

    assert again.duplicate
    row = await store.thread(first.thread_id)
    assert row is not None
    assert (row.account, row.conversation) == (text, text)
    assert (await store.events(first.thread_id))[1].actor == text
    assert [due.outgoing.destination for due in await store.outbox_due(kit.START)] == [text]
    assert len(await store.events(innocent.thread_id)) == 2
    assert await store.thread(text) is None
    assert await store.events(text) == ()
    assert await store.texts([text]) == {}
    assert await store.threads(before=text) is not None
