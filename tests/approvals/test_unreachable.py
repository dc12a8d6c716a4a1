"""A request that does not arrive is put elsewhere, then an operator hears of it; none waits in silence (F6.13, A13)."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from bot.errors import SendFailed
from bot.events import DeliveryReported, Incoming, Level
from bot.testing import ANN, BOB, CAROL, Bot, FakeChannel, Known, reply
from tests.approvals.kit import ask, by_button, by_text, found, opened, row_of, sent_to, wants, with_operator

ONLY_A_PHONE = (ANN, BOB, Known("carol", {"phone": "+3"}, frozenset({"approver"})))
BOTH = (ANN, BOB, CAROL)


def broken(channel: FakeChannel, times: int = 1000) -> None:
    channel.errors = [SendFailed("no such number", kind="final") for _ in range(times)]


def flaky(channel: FakeChannel, times: int) -> None:
    channel.errors = [SendFailed("busy", kind="retry") for _ in range(times)]


async def wait(bot: Bot, minutes: int) -> None:
    for _ in range(minutes):
        bot.clock.advance(60)
        await bot.settle()


async def test_a_request_that_the_phone_does_not_take_goes_to_the_next_channel(tmp_path: Path) -> None:
    async with opened(tmp_path, people=BOTH) as it:
        broken(it.bot.phone)
        row = await ask(it.bot)

        (again,) = sent_to(it.bot, "U3")
        assert 'tag: "v1"' in again
        assert it.bot.code(row.id, "carol", channel="fake") in again
        assert it.bot.code(row.id, "carol") not in again

        await by_button(it.bot, "carol", row, channel="fake")
        await it.bot.settle()
        assert it.deploys.ran == [("staging", "v1")]


async def test_a_request_that_is_not_taken_for_minutes_goes_to_the_next_channel(tmp_path: Path) -> None:
    async with opened(tmp_path, people=BOTH) as it:
        flaky(it.bot.phone, 1000)
        await ask(it.bot)
        assert sent_to(it.bot, "U3") == []

        await wait(it.bot, 5)

        assert len(sent_to(it.bot, "U3")) == 1


async def test_a_phone_that_is_busy_for_a_moment_gets_it_after_all(tmp_path: Path) -> None:
    async with opened(tmp_path, people=BOTH) as it:
        flaky(it.bot.phone, 1)
        await ask(it.bot)

        await wait(it.bot, 2)

        assert len(sent_to(it.bot, "+3")) == 1
        assert sent_to(it.bot, "U3") == []


async def test_when_there_is_no_next_channel_an_operator_hears_of_it(tmp_path: Path) -> None:
    async with opened(tmp_path, people=ONLY_A_PHONE) as it:
        with_operator(it.bot)
        broken(it.bot.phone)
        row = await ask(it.bot)

        alarms = [text for text in sent_to(it.bot, "OPERATOR") if "could not be delivered" in text]
        assert len(alarms) == 1
        assert row.thread_id in alarms[0]
        assert (await row_of(it.bot, row.id)).status == "pending"


async def test_when_the_next_channel_fails_too_an_operator_hears_of_it(tmp_path: Path) -> None:
    three = Known("carol", {"phone": "+3", "fake": "U3"}, frozenset({"approver"}))
    async with opened(tmp_path, people=(ANN, three)) as it:
        with_operator(it.bot)
        broken(it.bot.phone)
        broken(it.bot.channel, 2)  # the answer to Ann, and the request
        await ask(it.bot)

        assert sent_to(it.bot, "U3") == []
        assert any("could not be delivered" in text for text in sent_to(it.bot, "OPERATOR"))


async def undelivered(bot: Bot, thread_id: str) -> None:
    """The provider says later that it did not arrive after all."""
    reports = await found(bot, thread_id, DeliveryReported)
    ids = {part.outbox_id for part in bot.phone.sent}
    (sent,) = [each for each in reports if each.status == "sent" and each.outbox_id in ids]
    report = sent.model_copy(update={"status": "undelivered", "error": "30003"})
    await bot.inbox.receive(Incoming(report, channel="phone", thread_id=thread_id, dedupe="late"))


async def test_what_is_reported_later_as_not_delivered_goes_to_the_next_channel(tmp_path: Path) -> None:
    async with opened(tmp_path, people=BOTH) as it:
        row = await ask(it.bot)

        await undelivered(it.bot, row.thread_id)
        await it.bot.settle()

        (again,) = sent_to(it.bot, "U3")
        assert it.bot.code(row.id, "carol", channel="fake") in again


async def test_what_is_reported_later_as_not_delivered_reaches_an_operator_if_there_is_no_other(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path, people=ONLY_A_PHONE) as it:
        with_operator(it.bot)
        row = await ask(it.bot)

        await undelivered(it.bot, row.thread_id)
        await it.bot.settle()

        assert sent_to(it.bot, "OPERATOR") != []


# ---------------------------------------------------------------- nobody at all


@pytest.mark.parametrize("people", [ONLY_A_PHONE, BOTH], ids=["a phone", "both"])
async def test_when_nothing_can_be_sent_it_stays_blocked_and_ends_as_not_done(
    tmp_path: Path, people: Sequence[Known]
) -> None:
    async with opened(tmp_path, people=people) as it:
        with_operator(it.bot)
        broken(it.bot.phone)
        broken(it.bot.channel)
        row = await ask(it.bot)
        await wait(it.bot, 10)
        before = (await row_of(it.bot, row.id)).status
        dead = [
            each for each in await found(it.bot, row.thread_id, DeliveryReported) if each.status == "dead"
        ]

        it.bot.channel.errors.clear()
        it.bot.clock.advance(5 * 3600)
        await it.bot.settle()

        assert (before, (await row_of(it.bot, row.id)).status) == ("pending", "expired")
        assert any(message.destination == "OPERATOR" for report in dead for message in report.outgoing)
        assert it.deploys.ran == []
        assert "so this was not done: deploy" in sent_to(it.bot, "c1")[-1]


async def test_when_nobody_has_an_address_the_requester_and_an_operator_hear_so_at_once(
    tmp_path: Path,
) -> None:
    nowhere = (ANN, Known("carol", {}, frozenset({"approver"})))
    async with opened(tmp_path, people=nowhere) as it:
        row = await ask(it.bot)

        assert "I could not reach carol; they can decide with `bot approvals`" in sent_to(it.bot, "c1")[-1]
        assert len(sent_to(it.bot, "OPERATOR")) == 1
        assert (await row_of(it.bot, row.id)).status == "pending"


async def test_when_the_next_level_cannot_be_reached_an_operator_hears_so(tmp_path: Path) -> None:
    people = (*BOTH, Known("dora", {}, frozenset()))
    levels = (Level(after=600, approvers=("dora",)),)
    async with opened(tmp_path, people=people, approvers=("carol",), levels=levels) as it:
        await ask(it.bot)
        assert sent_to(it.bot, "OPERATOR") == []

        it.bot.clock.advance(601)
        await it.bot.settle()

        assert len(sent_to(it.bot, "OPERATOR")) == 1


async def test_where_two_are_needed_and_one_can_be_reached_an_operator_hears_so(tmp_path: Path) -> None:
    people = (*BOTH, Known("dora", {}, frozenset({"approver"})))
    async with opened(tmp_path, people=people, quorum=2) as it:
        await ask(it.bot)

        assert len(sent_to(it.bot, "OPERATOR")) == 1


async def test_a_message_that_fails_does_not_hold_up_the_answer(tmp_path: Path) -> None:
    async with opened(tmp_path, script=[wants(), reply("It is deployed.")], people=BOTH) as it:
        row = await ask(it.bot)
        broken(it.bot.phone)

        await by_text(it.bot, "carol", row)
        await it.bot.settle()

        assert it.deploys.ran == [("staging", "v1")]
        assert it.bot.texts[-1] == "It is deployed."
