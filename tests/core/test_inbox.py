import dataclasses
import hashlib
from datetime import UTC, datetime

import pytest
from hypothesis import given, strategies as st

from bot.config.people import Person
from bot.errors import Overloaded
from bot.events import (
    Block,
    ControlRequested,
    FeedbackReceived,
    Incoming,
    MessageDeleted,
    MessageEdited,
    MessageReceived,
    Sender,
)
from bot.inbox import REFUSED, ChannelRule, Inbox, clipped
from bot.people import People
from bot.store.sqlite import SqliteStore

ANN = Person(name="ann", addresses={"slack": "T001/U001"})
DEMO = Person(name="demo", addresses={"slack": "T001/U00D"}, demo=True)


@pytest.fixture
async def store(tmp_path):
    store = await SqliteStore.open(tmp_path / "test.db", clock=lambda: datetime(2026, 3, 1, tzinfo=UTC))
    yield store
    await store.close()


@pytest.fixture
def woken():
    return []


@pytest.fixture
def inbox(store, woken):
    return make(store, woken)


def make(store, woken, **given):
    return Inbox(store, People((ANN, DEMO)), woken.append, new_trace=lambda: "7" * 32, **given)


def sender(address="T001/U001", proof="provider"):
    return Sender(channel="slack", address=address, proof=proof)


def said(text="hello", *, ts="1", by=None, source="person", **fields):
    data = MessageReceived(
        place=ts, blocks=(Block(source=source, text=text),), sender=by or sender(), **fields
    )
    return Incoming(
        data, channel="slack", account="T1", conversation="C1", dedupe=f"slack:{ts}", raw=b'{"x": 1}'
    )


async def stored(store, received):
    [event] = await store.events_at(received.thread_id, [received.seq])
    return event


async def test_a_message_is_stored_with_its_person_and_wakes_its_thread(store, inbox, woken):
    received = await inbox.receive(said())

    event = await stored(store, received)
    assert event.data.person == "ann"
    assert event.data.raw == hashlib.sha256(b'{"x": 1}').hexdigest()
    assert event.trace_id == "7" * 32
    assert woken == [received.thread_id]


async def test_a_second_delivery_of_the_same_message_is_ignored(store, inbox, woken):
    first = await inbox.receive(said())
    second = await inbox.receive(said())

    assert second == dataclasses.replace(first, duplicate=True)
    assert len(woken) == 1
    assert (inbox.counts.accepted, inbox.counts.duplicates) == (1, 1)


async def test_a_stranger_may_chat_by_default_and_is_nobody(store, inbox):
    event = await stored(store, await inbox.receive(said(by=sender("T001/U999"), person="ann")))

    assert event.data.person is None
    assert event.data.blocks[0].source == "person"


async def test_the_words_of_a_stranger_who_is_not_trusted_are_marked_so(store, woken):
    inbox = make(store, woken, rules={"slack": ChannelRule(trusted=False)})

    stranger = await stored(store, await inbox.receive(said(by=sender("T001/U999"))))
    quoted = await stored(store, await inbox.receive(said(ts="2", by=sender("T001/U999"), source="quoted")))
    known = await stored(store, await inbox.receive(said(ts="3")))

    assert [event.data.blocks[0].source for event in (stranger, quoted, known)] == [
        "stranger",
        "quoted",
        "person",
    ]


async def test_where_strangers_are_refused_nothing_of_theirs_is_stored(store, woken):
    inbox = make(store, woken, rules={"slack": ChannelRule(strangers="refuse")})

    refused = await inbox.receive(said(by=sender("T001/U999")))
    known = await inbox.receive(said(ts="2"))
    nobody = Sender(channel="slack", address="", proof="none")
    taken_back = Incoming(
        MessageDeleted(place="2", sender=nobody), channel="slack", thread_id=known.thread_id
    )
    deleted = await inbox.receive(taken_back)

    assert refused is REFUSED
    assert deleted.seq == 3
    assert [row.thread_id for row in await store.threads()] == [known.thread_id]
    assert inbox.counts.refused == 1


async def test_a_demo_person_is_known_on_a_simulated_account_only(store, woken):
    real, simulated = (
        make(store, woken),
        make(store, woken, simulated=lambda channel, account: account == "T1"),
    )

    on_real = await stored(store, await real.receive(said(by=sender("T001/U00D"))))
    on_simulated = await stored(store, await simulated.receive(said(ts="2", by=sender("T001/U00D"))))

    assert (on_real.data.person, on_simulated.data.person) == (None, "demo")


async def test_a_sender_that_is_only_claimed_is_nobody(store, inbox):
    event = await stored(store, await inbox.receive(said(by=sender(proof="claimed"))))

    assert event.data.person is None


async def test_an_overloaded_bot_takes_no_messages_but_still_a_stop(store, woken):
    thread_id = (await make(store, woken).receive(said())).thread_id
    inbox = make(store, woken, waiting=lambda: 10, most_waiting=10)

    with pytest.raises(Overloaded):
        await inbox.receive(said(ts="2"))
    stop = Incoming(ControlRequested(action="stop", by="ann"), channel="api", thread_id=thread_id)
    received = await inbox.receive(stop)

    assert not received.duplicate
    assert (len(await store.events(thread_id)), inbox.counts.overloaded) == (3, 1)


async def test_feedback_wakes_nobody(store, inbox, woken):
    thread_id = (await inbox.receive(said())).thread_id
    woken.clear()

    await inbox.receive(Incoming(FeedbackReceived(rating=5), channel="api", thread_id=thread_id))

    assert woken == []


async def test_where_strangers_are_refused_their_feedback_is_too(store, woken):
    inbox = make(store, woken, rules={"slack": ChannelRule(strangers="refuse")})
    thread_id = (await inbox.receive(said())).thread_id

    def rated(by):
        return Incoming(FeedbackReceived(rating=5, sender=by), channel="slack", thread_id=thread_id)

    known = await inbox.receive(rated(sender()))

    assert await inbox.receive(rated(sender("T001/U999"))) == REFUSED
    assert known.thread_id == thread_id


async def test_edits_and_deletes_are_prepared_like_messages(store, inbox):
    thread_id = (await inbox.receive(said())).thread_id
    edit = MessageEdited(
        place="1", edited_at="2", blocks=(Block(source="person", text="x"),), sender=sender()
    )
    delete = MessageDeleted(place="1", sender=sender())

    edited = await inbox.receive(Incoming(edit, channel="slack", thread_id=thread_id, raw=b"e"))
    deleted = await inbox.receive(Incoming(delete, channel="slack", thread_id=thread_id, raw=b"d"))

    assert (await stored(store, edited)).data.person == "ann"
    assert (await stored(store, deleted)).data.raw == hashlib.sha256(b"d").hexdigest()


async def test_a_text_that_is_too_long_is_cut_and_says_so(store, inbox):
    event = await stored(store, await inbox.receive(said("x" * 200_123)))

    assert event.data.blocks[0].text == "x" * 200_000 + " [... 123 characters left out]"


@given(st.lists(st.text(max_size=30), max_size=6), st.integers(0, 60))
def test_clipping_keeps_the_beginning_and_counts_what_is_left_out(texts, longest):
    blocks = tuple(Block(source="person", text=text) for text in texts)
    whole = "".join(block.text for block in blocks)

    kept = "".join(block.text.partition(" [... ")[0] for block in clipped(blocks, longest))

    if not any(" [... " in text for text in texts):
        assert kept == whole[:longest]
