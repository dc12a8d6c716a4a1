import asyncio
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from bot.delivery import OutboxPolicy
from bot.errors import ChannelRefused, SendFailed, StoreFailed
from bot.outbox import Outbox
from bot.people import Contact
from tests.core.parts_kit import FakeChannel, FakeStore, at, clock, message, run

OPERATOR = Contact("slack", "T1", "D-operator")


def make(store, *channels, policy=None, **given):
    return Outbox(
        store,
        {(channel.name, channel.account): channel for channel in channels},
        clock=clock,
        policy=policy or OutboxPolicy(),
        operator=given.pop("operator", lambda: OPERATOR),
        jitter=lambda: 0.0,
        **given,
    )


@asynccontextmanager
async def running(outbox):
    task = asyncio.create_task(outbox.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def reports(store, status=None, thread_id="t1"):
    found = [event.data for event in store.log[thread_id] if event.data.type == "delivery.reported"]
    return [report for report in found if status in (None, report.status)]


def retry(retry_after=None):
    return SendFailed("rate_limited", kind="retry", retry_after=retry_after)


def test_a_message_is_sent_once_and_each_of_its_parts_is_reported():
    async def scenario():
        store, channel = FakeStore(), FakeChannel()
        async with running(make(store, channel)):
            [row] = store.say(message("C1", "one|two"))
            await asyncio.sleep(60)

        assert channel.texts("C1") == ["one", "two"]
        assert [(r.part_number, r.parts, r.status, r.provider_id) for r in reports(store)] == [
            (1, 2, "sent", f"{row}/1"),
            (2, 2, "sent", f"{row}/2"),
        ]
        assert f"delivery:{row}:2:sent" in store.dedupe
        assert store.rows == {}

    run(scenario())


def test_a_new_message_is_sent_at_once_and_without_being_looked_for():
    async def scenario():
        store, channel = FakeStore(), FakeChannel()
        async with running(make(store, channel)):
            await asyncio.sleep(7)
            store.say(message("C1"))
            await asyncio.sleep(60)

        assert [sent.at for sent in channel.sent] == [7]
        assert channel.looked_for == []

    run(scenario())


def test_messages_to_one_destination_keep_their_order_whatever_fails():
    async def scenario():
        store = FakeStore()
        channel = FakeChannel(script={"C1": [retry(), 3, "lost", retry(), SendFailed("no", kind="unknown")]})
        async with running(make(store, channel)):
            for number in range(4):
                store.say(message("C1", f"{number}a|{number}b"))
            await asyncio.sleep(600)

        texts = channel.texts("C1")
        assert list(dict.fromkeys(texts)) == ["0a", "0b", "1a", "1b", "2a", "2b", "3a", "3b"]
        assert texts == sorted(texts)

    run(scenario())


def test_a_slow_destination_does_not_hold_up_the_others():
    async def scenario():
        store = FakeStore()
        channel = FakeChannel(script={"C1": [25]})
        async with running(make(store, channel)):
            store.say(message("C1"), message("C1", "after"), message("C2"), message("C3"))
            await asyncio.sleep(60)

        assert {(sent.destination, sent.at) for sent in channel.sent if sent.at < 1} == {("C2", 0), ("C3", 0)}
        assert channel.texts("C1") == ["hello", "after"]

    run(scenario())


def test_a_channel_that_hangs_takes_no_place_of_another_channel():
    async def scenario():
        store = FakeStore()
        hanging = FakeChannel(script={f"C{n}": [1000] for n in range(50)})
        other = FakeChannel(name="sms", account="T1")
        async with running(make(store, hanging, other, policy=OutboxPolicy(at_once=2))):
            store.say(*(message(f"C{n}") for n in range(50)))
            await asyncio.sleep(1)
            store.say(message("+1555", channel="sms"))
            await asyncio.sleep(1)

        assert [sent.at for sent in other.sent] == [1]

    run(scenario())


def test_a_send_that_hangs_is_cut_off_and_looked_for_before_it_is_sent_again():
    async def scenario():
        store = FakeStore()
        channel = FakeChannel(script={"C1": [1000]})
        async with running(make(store, channel)):
            [row] = store.say(message("C1"))
            await asyncio.sleep(120)

        assert [r.status for r in reports(store)] == ["unknown", "sent"]
        assert channel.looked_for == [(row, 1)]
        assert [sent.at for sent in channel.sent] == [31]

    run(scenario())


def test_a_message_that_arrived_without_an_answer_is_found_and_not_sent_again():
    async def scenario():
        store = FakeStore()
        channel = FakeChannel(script={"C1": ["lost"]})
        async with running(make(store, channel)):
            [row] = store.say(message("C1"))
            await asyncio.sleep(120)

        assert channel.texts("C1") == ["hello"]
        assert reports(store)[-1].provider_id == f"{row}/1"

    run(scenario())


def test_as_long_as_it_cannot_be_looked_for_a_doubtful_part_stays_unsent():
    async def scenario():
        store = FakeStore()
        channel = FakeChannel(
            script={"C1": ["lost"]}, finding=[retry(), TimeoutError(), ChannelRefused("no scope")]
        )
        async with running(make(store, channel)):
            store.say(message("C1"))
            await asyncio.sleep(120)

        assert channel.texts("C1") == ["hello"]
        assert [r.status for r in reports(store)] == ["unknown"] * 4 + ["sent"]

    run(scenario())


@pytest.mark.parametrize(
    ("asked", "waits"),
    [
        (1, 1),
        (7, 7),
        (3600, 3600),
        (86_400, 3600),
        (None, 1),
        (-5, 1),
        (float("nan"), 1),
        (float("inf"), 1),
        (0.2, 1),
    ],
)
def test_the_wait_a_provider_asks_for_is_kept_up_to_an_hour(asked, waits):
    async def scenario():
        store = FakeStore()
        channel = FakeChannel(script={"C1": [retry(asked)]})
        async with running(make(store, channel)):
            store.say(message("C1"))
            await asyncio.sleep(2 * 3600)

        assert reports(store, "failed")[0].not_before == at(waits)
        assert waits <= channel.sent[0].at <= waits + 0.01

    run(scenario())


def test_the_wait_a_provider_asks_for_survives_a_restart():
    async def scenario():
        store = FakeStore()
        channel = FakeChannel(script={"C1": [retry(100)]})
        async with running(make(store, channel)):
            store.say(message("C1"))
            await asyncio.sleep(1)
        async with running(make(store, channel)):
            await asyncio.sleep(200)

        assert [round(sent.at) for sent in channel.sent] == [100]

    run(scenario())


def test_a_message_refused_for_good_is_dead_at_once_and_an_operator_is_told_once():
    async def scenario():
        store = FakeStore()
        channel = FakeChannel(script={"C1": [SendFailed("channel_not_found", kind="final")]})
        async with running(make(store, channel)):
            [row] = store.say(message("C1"))
            store.say(message("C1", "the next"))
            await asyncio.sleep(3600)

        assert store.dead == [row]
        assert channel.texts("C1") == ["the next"]
        [notice] = channel.texts("D-operator")
        assert all(word in notice for word in ("t1", "slack C1", "channel_not_found", "1 attempt"))
        assert reports(store, "dead")[0].outgoing[0].link == "http://x/1"

    run(scenario())


def test_a_notice_that_dies_gets_no_notice():
    async def scenario():
        store = FakeStore()
        gone = SendFailed("gone", kind="final")
        channel = FakeChannel(script={"C1": [gone], "D-operator": [gone, gone]})
        async with running(make(store, channel)):
            store.say(message("C1"))
            await asyncio.sleep(3600)

        assert len(store.dead) == 2
        assert reports(store, "dead")[1].outgoing == ()

    run(scenario())


def test_a_part_that_never_gets_through_ends_in_a_notice_that_the_message_is_incomplete():
    async def scenario():
        store = FakeStore()
        channel = FakeChannel(script={"C1": [0, 0, *(retry() for _ in range(400))]})
        async with running(make(store, channel)):
            store.say(message("C1", "1|2|3|4|5"))
            await asyncio.sleep(2 * 86_400)

        assert channel.texts("C1") == ["1", "2"]
        [notice] = channel.texts("D-operator")
        assert "of 5 parts the first 2 arrived" in notice
        assert 86_400 <= (reports(store, "dead")[0].attempt) * 900 <= 1.2 * 86_400

    run(scenario())


def test_a_message_that_waited_while_the_bot_was_down_for_days_is_still_tried():
    async def scenario():
        store = FakeStore()
        store.say(message("C1"))
        for _ in range(5 * 24):
            await asyncio.sleep(3600)
        channel = FakeChannel(script={"C1": [retry(), retry()]})
        async with running(make(store, channel)):
            await asyncio.sleep(60)

        assert channel.texts("C1") == ["hello"]

    run(scenario())


def test_a_message_for_an_account_that_is_off_waits_and_is_sent_when_it_is_on_again():
    async def scenario():
        store: Any = FakeStore()
        channels: dict[Any, Any] = {}
        outbox = Outbox(store, channels, clock=clock, jitter=lambda: 0.0)
        channel, other = FakeChannel(), FakeChannel(name="sms", account="T1")
        channels["sms", "T1"] = other
        async with running(outbox):
            store.say(message("C1"), message("+1555", channel="sms"))
            await asyncio.sleep(10)
            waiting = outbox.state().without_channel
            channels["slack", "T1"] = channel
            await asyncio.sleep(600)

        assert waiting == {("slack", "T1")}
        assert outbox.state().without_channel == frozenset()
        assert [sent.at for sent in other.sent] == [0]
        assert [round(sent.at) for sent in channel.sent] == [300]

    run(scenario())


def test_an_error_of_ours_in_a_channel_ends_in_a_dead_letter_and_not_in_a_dead_outbox():
    async def scenario():
        store = FakeStore()
        channel = FakeChannel(script={"C1": [ZeroDivisionError("oops") for _ in range(9)]})
        async with running(make(store, channel)):
            [row] = store.say(message("C1"))
            store.say(message("C2"))
            await asyncio.sleep(3600)

        assert store.dead == [row]
        assert len(reports(store, "unknown")) == 4
        assert channel.texts("C2") == ["hello"]
        assert "error of our own" in channel.texts("D-operator")[0]

    run(scenario())


def test_an_empty_message_is_a_dead_letter():
    async def scenario():
        store, channel = FakeStore(), FakeChannel()
        async with running(make(store, channel)):
            [row] = store.say(message("C1", ""))
            await asyncio.sleep(60)

        assert store.dead == [row]

    run(scenario())


def test_secrets_in_what_a_provider_says_do_not_reach_the_log():
    async def scenario():
        store = FakeStore()
        channel = FakeChannel(script={"C1": [SendFailed("bad token s3cret-value", kind="final")]})
        async with running(
            make(store, channel, redact=lambda text: text.replace("s3cret-value", "[redacted]"))
        ):
            store.say(message("C1"))
            await asyncio.sleep(60)

        assert reports(store, "dead")[0].error == "bad token [redacted]"
        assert "s3cret" not in repr(store.log)

    run(scenario())


def test_a_channel_that_asks_for_it_gets_a_pause_between_messages_to_one_destination():
    async def scenario():
        store, channel = FakeStore(), FakeChannel(seconds_between_sends=1.0)
        async with running(make(store, channel)):
            store.say(message("C1", "a|b"), message("C1", "c"), message("C2"))
            await asyncio.sleep(60)

        assert [(sent.text, sent.at) for sent in channel.sent if sent.destination == "C1"] == [
            ("a", 0), ("b", 1), ("c", 2),
        ]  # fmt: skip
        assert [sent.at for sent in channel.sent if sent.destination == "C2"] == [0]

    run(scenario())


def test_while_the_disk_is_full_nothing_is_sent_again_and_nothing_new_is_sent():
    async def scenario():
        store, channel = FakeStore(), FakeChannel(script={"C1": [5]})
        outbox = make(store, channel)
        async with running(outbox):
            store.say(message("C1"))
            await asyncio.sleep(1)
            store.full = True
            await asyncio.sleep(10)
            store.say(message("C2"))
            await asyncio.sleep(600)
            stuck = outbox.state()
            store.full = False
            await asyncio.sleep(60)

        assert stuck.unreported == 1
        assert channel.texts("C1") == ["hello"]
        assert [r.status for r in reports(store)] == ["sent", "sent"]
        assert [sent.at > 600 for sent in channel.sent] == [False, True]

    run(scenario())


def test_a_store_that_fails_ends_the_outbox():
    async def scenario():
        store, channel = FakeStore(), FakeChannel()

        async def broken(incoming):
            raise StoreFailed

        store.receive = broken  # type: ignore[method-assign]
        store.say(message("C1"))
        with pytest.raises(ExceptionGroup) as raised:
            await make(store, channel).run()

        assert isinstance(raised.value.exceptions[0], StoreFailed)

    run(scenario())


def test_draining_finishes_the_part_under_way_and_starts_no_other():
    async def scenario():
        store, channel = FakeStore(), FakeChannel(script={"C1": [3]})
        outbox = make(store, channel)
        async with running(outbox):
            [row, _] = store.say(message("C1", "a|b"), message("C2"))
            await asyncio.sleep(1)
            store.say(message("C3"))
            drained = await outbox.drain(10)

        assert drained
        assert channel.texts("C1") == ["a"]
        assert store.rows[row].parts_sent == 1

    run(scenario())


def test_draining_gives_up_after_its_grace():
    async def scenario():
        store, channel = FakeStore(), FakeChannel(script={"C1": [20]})
        outbox = make(store, channel)
        async with running(outbox):
            store.say(message("C1"))
            await asyncio.sleep(1)

            assert not await outbox.drain(5)

    run(scenario())
