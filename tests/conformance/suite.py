"""What every channel has to do, whoever wrote it: the same tests for each, against a stand-in of its provider.

    class TestMine(Conformance):
        name = "mine"
        open_venue = staticmethod(my_venue)

`docs/adding-a-channel.md` says how a venue is written.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from itertools import permutations
from pathlib import Path
from typing import ClassVar, TypeVar

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from bot.errors import StoreFull
from bot.events import Incoming, MessageDeleted, MessageEdited, MessageReceived, Outgoing
from bot.fold import fold_all
from bot.ports import Channel
from bot.testing import Bot, open_test_bot
from bot.thread import Thread
from tests.conformance.stage import Ability, OpenVenue, Stage, open_idle_stage, open_stage, words

Test = TypeVar("Test", bound=Callable[..., object])
ANY_VERSION = MessageReceived | MessageEdited
LIVE = (
    "@everyone @here <!channel> <!here> <!everyone> <@U0ANN> <@200000000000000101> <@!200000000000000101> <@&1> "
    "<!subteam^S1> \uff20everyone `@everyone` <#C0GENERAL>\n```\n<!channel> @everyone <@U0ANN>\n```\n"
    "https://example.org/a ![x](https://example.org/pixel.png) [label](https://example.org/b)"
)
PIECES = (
    "```\n", "```py\nx = 1\n```\n", "# Title\n", "- item\n", "1. one\n", "| a | b |\n|---|---|\n| 1 | 2 |\n",
    "**bold** ", "[link](https://example.org/a)", "> quoted\n", "\n\n", "`code` ", "@everyone ", "<!here> ",
    "e\u0301" * 30, "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\ud800", "\0", "x" * 3_000, "word " * 900,
)  # fmt: skip
MARKDOWN = st.lists(st.one_of(st.text(max_size=40), st.sampled_from(PIECES)), max_size=12).map("".join)


def needs(*abilities: Ability) -> Callable[[Test], Test]:
    """A test that makes no sense where the provider knows nothing of the kind."""

    def mark(test: Test) -> Test:
        test.needs = frozenset(abilities)  # type: ignore[attr-defined]  # looked at below
        return test

    return mark


class Conformance:
    """A channel that passes keeps what the core promises of it.

    `abilities` are those of its provider; tests that need another are not there.
    """

    name: ClassVar[str]
    open_venue: ClassVar[OpenVenue]
    abilities: ClassVar[frozenset[Ability]]

    def __init_subclass__(cls) -> None:
        for name, test in vars(Conformance).items():
            if getattr(test, "needs", frozenset()) - cls.abilities:
                setattr(cls, name, None)

    @pytest.fixture
    async def stage(self, tmp_path: Path) -> AsyncIterator[Stage]:
        async with open_stage(self.open_venue, self.name, tmp_path) as stage:
            yield stage

    # -------------------------------------------------------- what comes

    async def test_a_message_is_one_event_and_its_answer_goes_back(self, stage: Stage):
        await stage.venue.say("ann", "hello there")

        (shown,) = await stage.answered(1)

        assert "I heard you." in shown.text
        assert await stage.said() == ["hello there"]

    @needs("redeliver")
    async def test_fifty_deliveries_are_one_message(self, stage: Stage):
        said = await stage.venue.say("ann", "hello")
        await stage.answered(1)

        await stage.venue.redeliver(said, 50)
        await stage.marker()
        await stage.answered(2)

        assert sorted(await stage.said())[:1] == ["hello"]
        assert len(await stage.said()) == 2
        assert len(stage.venue.shown()) == 2

    async def test_messages_keep_their_order(self, stage: Stage):
        texts = [f"number {number}" for number in range(12)]
        for text in texts:
            await stage.venue.say("ann", text)

        await stage.heard(len(texts))

        assert [words(each.data) for each in stage.taken if isinstance(each.data, MessageReceived)] == texts

    async def test_what_could_not_be_stored_comes_again(self, stage: Stage):
        stage.refusals += [StoreFull("the disk is full"), StoreFull("the disk is full")]

        await stage.venue.say("ann", "hello")
        await stage.answered(1)

        assert not stage.refusals
        assert await stage.said() == ["hello"]

    async def test_what_was_stored_when_the_process_died_is_not_there_twice(self, tmp_path: Path):
        async with open_idle_stage(self.open_venue, self.name, tmp_path) as stage:
            async with stage.running():
                await stage.venue.say("ann", "before")
                await stage.answered(1)
            async with stage.running():
                await stage.venue.say("ann", "after")
                await stage.answered(2)

            assert sorted(await stage.said()) == ["after", "before"]
            assert len(stage.venue.shown()) == 2

    @needs("outage")
    async def test_what_was_said_while_nobody_could_hear_it_arrives_once(self, stage: Stage):
        await stage.venue.say("ann", "before")
        await stage.answered(1)
        async with stage.venue.outage():
            for number in range(5):
                await stage.venue.say("ann", f"meanwhile {number}")
        await stage.answered(6)
        await stage.marker()

        said = sorted(await stage.said())
        assert said[0] == "before"
        assert said[2:] == [f"meanwhile {number}" for number in range(5)]

    @needs("edit", "delete")
    async def test_edits_and_deletes_are_told_of_the_same_message(self, stage: Stage):
        said = await stage.venue.say("ann", "helo")
        await stage.heard(1)
        await stage.venue.edit(said, "hello")
        await stage.heard(2)
        await stage.venue.delete(said)
        await stage.heard(3)

        first, second, third = (each.data for each in stage.taken)
        assert isinstance(first, MessageReceived)
        assert isinstance(second, MessageEdited)
        assert isinstance(third, MessageDeleted)
        assert first.place == second.place == third.place
        assert [block.text for block in second.blocks] == ["hello"]

    @needs("edit", "delete")
    async def test_in_whatever_order_it_comes_the_end_is_the_same(self, stage: Stage, tmp_path: Path):
        kept = await stage.venue.say("ann", "helo")
        gone = await stage.venue.say("ann", "never mind")
        await stage.heard(2)
        await stage.venue.edit(kept, "hello")
        await stage.heard(3)
        await stage.venue.delete(gone)
        await stage.heard(4)

        await asyncio.to_thread((tmp_path / "again").mkdir)
        async with open_test_bot(tmp_path / "again") as bot:
            ends = [await _end_of(order, bot) for order in permutations(stage.taken)]

        assert ends == [("hello",)] * 24

    async def test_our_own_messages_are_nothing_that_we_answer(self, stage: Stage):
        await stage.venue.say("ann", "hello")
        await stage.answered(1)
        await stage.marker()
        await stage.answered(2)
        await stage.marker("ann")

        assert len(await stage.said()) == 3
        assert not any("I heard you" in text for text in await stage.said())

    # -------------------------------------------------------- who it was

    async def test_who_wrote_is_who_the_provider_says(self, stage: Stage):
        await stage.venue.say("ann", "I am bob")
        await stage.venue.say("bob", "I am ann")
        await stage.heard(2)

        found = {
            words(each.data): each.data.sender
            for each in stage.taken
            if isinstance(each.data, MessageReceived)
        }

        assert found["I am bob"].address == stage.venue.address("ann")
        assert found["I am ann"].address == stage.venue.address("bob")
        assert {sender.proof for sender in found.values()} == {"provider"}
        assert {sender.channel for sender in found.values()} == {self.name}

    async def test_two_people_have_two_conversations(self, stage: Stage):
        await stage.venue.say("ann", "hello from ann")
        await stage.venue.say("bob", "hello from bob")
        await stage.answered(2)

        ids = {event.thread_id for event in await stage.events()}

        assert len(ids) == 2

    async def test_an_answer_to_our_message_belongs_to_its_conversation(self, stage: Stage):
        await stage.venue.say("ann", "hello")
        (shown,) = await stage.answered(1)
        await stage.venue.say("ann", "and then?", reply_to=shown.id)
        await stage.answered(2)

        assert len({event.thread_id for event in await stage.events()}) == 1

    # -------------------------------------------------------- what leaves

    async def test_a_long_answer_arrives_in_parts_and_in_order(self, stage: Stage):
        code = "\n".join(f"step_{number} = {number}" for number in range(300))
        stage.answer = "\n\n".join(
            (
                *(f"word{number} " * 20 for number in range(60)),
                f"```python\n{code}\n```",
                *(f"last{number}" for number in range(9)),
            )
        )
        await stage.venue.say("ann", "tell me everything")
        await stage.until(
            lambda: "last8" in "".join(each.text for each in stage.venue.shown()) or not stage.venue.whole
        )
        shown = await stage.answered(1)

        assert all(stage.venue.length(each.text) <= stage.venue.limit for each in shown)
        text = "\n".join(each.text for each in shown)
        found = [text.find(f"word{number} ") for number in range(60)]
        if stage.venue.whole:
            assert -1 not in found
            assert all(f"step_{number} = {number}" in text for number in range(300))
            assert all(each.text.count("```") % 2 == 0 for each in shown)
        there = [at for at in found if at >= 0]
        assert there == sorted(there)

    async def test_nobody_is_called_and_nothing_is_fetched(self, stage: Stage):
        stage.answer = LIVE
        await stage.venue.say("ann", "hello")

        shown = await stage.answered(1)

        assert [each.pings for each in shown] == [()] * len(shown)
        assert [each.previews for each in shown] == [()] * len(shown)

    @needs("lose answers")
    async def test_a_lost_answer_is_found_out_or_sent_once_more_at_most(self, stage: Stage):
        stage.venue.lose_next_answer()
        await stage.venue.say("ann", "hello")
        await stage.answered(1)
        await stage.marker()
        await stage.until(lambda: any("I heard you" in each.text for each in stage.venue.shown()))
        await stage.until(self._is_all_sent(stage))

        assert 2 <= len(stage.venue.shown()) <= 1 + stage.venue.copies

    @needs("refuse")
    async def test_what_is_refused_for_now_is_sent_later(self, stage: Stage):
        stage.venue.refuse_next()
        await stage.venue.say("ann", "hello")

        (shown,) = await stage.answered(1)

        assert "I heard you." in shown.text

    def _is_all_sent(self, stage: Stage):
        def is_all_sent() -> bool:
            return stage.bot.outbox.state().sending == 0 and len(stage.venue.shown()) >= 2

        return is_all_sent

    # -------------------------------------------------------- the adapter by itself

    async def test_it_ends_when_it_is_told_to_and_leaves_nothing_running(self, tmp_path: Path):
        async with open_idle_stage(self.open_venue, self.name, tmp_path) as stage:
            before = asyncio.all_tasks()
            async with stage.running():
                await stage.venue.say("ann", "hello")
                await stage.answered(1)

            await stage.until(lambda: not _still_runs(stage.channel, before), asyncio.all_tasks)

    async def test_it_says_how_it_is(self, tmp_path: Path):
        async with open_idle_stage(self.open_venue, self.name, tmp_path) as stage:
            channel = stage.venue.channel(stage.bot.store)
            assert channel.health().state in ("off", "connecting")
            async with stage.running():
                assert stage.channel.health().state == "connected"
                assert (stage.channel.name, bool(stage.channel.account)) == (self.name, True)

    async def test_any_answer_can_be_rendered_and_always_the_same_way(self, tmp_path: Path):
        async with open_idle_stage(self.open_venue, self.name, tmp_path) as stage:
            await asyncio.to_thread(_check_rendering, stage, stage.venue.channel(stage.bot.store))


def _check_rendering(stage: Stage, channel: Channel) -> None:
    length, limit = stage.venue.length, stage.venue.limit

    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    @given(MARKDOWN)
    def check(markdown: str) -> None:
        outgoing = Outgoing(text=markdown, destination="somewhere")
        parts = channel.render("t1:4:0", outgoing)
        assert parts == channel.render("t1:4:0", outgoing)
        assert [part.number for part in parts] == list(range(1, len(parts) + 1))
        assert {part.count for part in parts} <= {len(parts)}
        assert {part.outbox_id for part in parts} <= {"t1:4:0"}
        assert all(length(part.text) <= limit for part in parts)
        assert all(part.text.strip() for part in parts)
        for part in parts:
            part.text.encode("utf-8")

    check()


async def _end_of(order: Sequence[Incoming], bot: Bot) -> tuple[str, ...]:
    """What is left of the messages of a conversation in the end, as the core understands it."""
    name = " ".join(incoming.dedupe for incoming in order)
    for incoming in order:
        received = await bot.inbox.receive(
            replace(incoming, conversation=name, dedupe=f"{name} {incoming.dedupe}")
        )
    events = await bot.store.events(received.thread_id)
    versions = {event.seq: event.data for event in events}
    left = [versions[each.version] for each in fold_all(Thread(received.thread_id), events).messages.values()]
    return tuple(
        sorted("".join(block.text for block in data.blocks) for data in left if isinstance(data, ANY_VERSION))
    )


def _still_runs(channel: Channel, before: set[asyncio.Task[object]]) -> list[asyncio.Task[object]]:
    """What was begun meanwhile by code that lies beside the adapter's."""
    home = Path(type(channel).run.__code__.co_filename).parent
    codes = {task: getattr(task.get_coro(), "cr_code", None) for task in asyncio.all_tasks() - before}
    return [task for task, code in codes.items() if code and Path(code.co_filename).is_relative_to(home)]
