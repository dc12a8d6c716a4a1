"""What a review found in the loop and its table: poison, hand-overs, retries, compaction, a full disk."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from pydantic import BaseModel

from bot import events as ev
from bot.errors import StoreFull
from bot.events import Outgoing
from bot.lanes import Lanes
from bot.loop import Loop
from bot.snapshot import fold_version
from bot.testing import FakeChannel, call, failure, open_test_bot, reply, step
from bot.tools import ToolContext, tool

OPERATOR = Outgoing(text="", kind="notice", channel="fake", account="A1", destination="operator")


class Death(BaseException):
    """The process is gone."""


def shown(request: Mapping[str, Any]) -> str:
    return "\n".join(block["text"] for block in request["messages"][0]["content"])


def with_operator(rules):
    return replace(rules, operator=OPERATOR)


# ---------------------------------------------------------------- poison


def dies(request: Mapping[str, Any]) -> Any:
    raise Death


async def lives(folder, count: int, **more) -> None:
    for _ in range(count):
        async with open_test_bot(folder, rules=with_operator, **more) as bot:
            with suppress(Death):
                await bot.recover()


async def test_a_poisonous_thread_that_was_once_resumed_is_parked_all_the_same(tmp_path):
    async with open_test_bot(tmp_path, script=dies) as bot:
        said = await bot.say("hi")
        await bot.control(said.thread_id, "resume")
        with suppress(Death):
            await bot.settle()

    await lives(tmp_path, 3, script=dies)

    async with open_test_bot(tmp_path, script=[]) as bot:
        assert any(isinstance(event.data, ev.ThreadParked) for event in await bot.log(said.thread_id))


async def test_a_thread_that_ends_the_bot_before_it_announces_anything_is_parked(tmp_path):
    def dying(rules):
        return replace(with_operator(rules), agents=Deadly(rules.agents))

    class Deadly(dict[str, Any]):
        def __getitem__(self, name: str) -> Any:
            raise Death

    channel = FakeChannel()
    async with open_test_bot(tmp_path, script=[]) as bot:
        said = await bot.say("hi")
    for _ in range(3):
        async with open_test_bot(tmp_path, rules=dying, channel=channel) as bot:
            with suppress(Death):
                await bot.recover()

    async with open_test_bot(tmp_path, script=[]) as bot:
        log = list(await bot.log(said.thread_id))
    assert any(isinstance(event.data, ev.ThreadParked) for event in log)
    assert {part.destination for part in channel.sent} == {"c1", "operator"}


async def test_a_snapshot_that_cannot_be_read_parks_its_thread_and_not_the_bot(tmp_path):
    async with open_test_bot(tmp_path, script=[reply("one"), reply("two")]) as bot:
        said = await bot.say("hi")
        await bot.settle()
        await bot.store.save_snapshot(said.thread_id, 3, fold_version(), '{"id": []}')
        await bot.say("hi", conversation="other")
        await bot.settle()
    async with open_test_bot(tmp_path, script=[reply("three")], rules=with_operator) as bot:
        await bot.say("again", place="c1:again")
        await bot.say("again", conversation="other", place="other:again")
        await bot.settle()

        assert any(isinstance(event.data, ev.ThreadParked) for event in await bot.log(said.thread_id))
        assert bot.texts[-1] == "three"


# ---------------------------------------------------------------- a full disk


class NoRoomForSnapshots:
    def __init__(self, store: Any) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def save_snapshot(self, *args: Any) -> None:
        raise StoreFull


class LoopOnAFullDisk(Loop):
    def __init__(self, store: Any, world: Any) -> None:
        super().__init__(NoRoomForSnapshots(store), world)


async def test_a_disk_that_is_full_when_a_snapshot_is_due_does_not_end_the_bot(tmp_path):
    def always(request: Mapping[str, Any]) -> ev.ModelAnswered:
        return reply("yes")

    async with open_test_bot(tmp_path, script=always, loop_class=LoopOnAFullDisk) as bot:
        for number in range(20):
            await bot.say(f"message {number}")
            await bot.settle()

        assert len(bot.texts) == 20


# ---------------------------------------------------------------- a person takes over


async def test_what_waited_when_a_person_was_called_is_shown_when_the_agent_goes_on(tmp_path):
    script = [step("escalate", "too hard"), reply("I am back")]
    async with open_test_bot(tmp_path, script=script) as bot:
        said = await bot.say("first")
        await bot.say("second: my order is 4711")
        await bot.settle()
        await bot.control(said.thread_id, "hand_back")
        await bot.say("third")
        await bot.settle()

        assert len(bot.model.requests) == 2
        assert "my order is 4711" in shown(bot.model.requests[-1])
        assert bot.texts[-1] == "I am back"


async def test_an_edited_message_that_waited_is_shown_as_it_was_edited(tmp_path):
    async with open_test_bot(tmp_path, script=[reply("I am back")]) as bot:
        said = await bot.say("it is 1", place="c1:a")
        await bot.edit("c1:a", "it is 2")
        await bot.control(said.thread_id, "take_over")
        await bot.settle()
        await bot.control(said.thread_id, "hand_back")
        await bot.say("well?")
        await bot.settle()

        assert "it is 2" in shown(bot.model.requests[-1])
        assert "it is 1" not in shown(bot.model.requests[-1])


async def test_a_retry_of_what_a_person_has_taken_over_does_not_answer_behind_their_back(tmp_path):
    async with open_test_bot(tmp_path, script=[failure("unavailable"), reply("late")]) as bot:
        said = await bot.say("first")
        await bot.settle()
        await bot.control(said.thread_id, "take_over")
        bot.clock.advance(60)
        await bot.settle()
        await bot.control(said.thread_id, "hand_back")
        await bot.settle()

        assert "late" not in bot.texts


# ---------------------------------------------------------------- retries


async def test_a_long_wait_that_the_endpoint_asks_for_is_told_at_once_and_once(tmp_path):
    def away() -> ev.ModelAnswered:
        return ev.ModelAnswered(failure=ev.Failure(kind="unavailable", message="busy", retry_after=240))

    async with open_test_bot(tmp_path, script=[away(), away(), reply("here")]) as bot:
        await bot.say("hi")
        await bot.settle()
        at_once = list(bot.texts)
        for _ in range(2):
            bot.clock.advance(301)
            await bot.settle()

        assert len(at_once) == 1
        assert "cannot reach my language model" in at_once[0]
        assert [text for text in bot.texts if text not in at_once] == ["here"]


async def test_a_message_that_had_to_wait_is_named_when_a_later_one_was_answered_first(tmp_path):
    script = [failure("unavailable"), reply("to the second"), reply("to the first")]
    async with open_test_bot(tmp_path, script=script) as bot:
        first = await bot.say("first")
        await bot.settle()
        await bot.say("second")
        await bot.settle()
        bot.clock.advance(10)
        await bot.settle()

        assert f"answer now: seq {first.seq}" in shown(bot.model.requests[-1])
        assert "answer now" not in shown(bot.model.requests[1])
        for event in await bot.log(first.thread_id):
            if isinstance(event.data, ev.ModelAsked):
                again = await bot.loop.request_at(first.thread_id, event.seq)
                assert again in bot.model.requests


# ---------------------------------------------------------------- compaction


class LookArgs(BaseModel):
    number: int


@tool(effect="read")
async def look(args: LookArgs, ctx: ToolContext) -> str:
    """Looks."""
    return f"result {args.number} " + "x" * 3000


async def test_a_long_run_does_not_forget_what_it_was_asked(tmp_path):
    script = [*(call("look", number=n) for n in range(8)), reply("done")]
    async with open_test_bot(
        tmp_path, script=script, tools=[look], rules=lambda r: replace(r, max_context_tokens=4000)
    ) as bot:
        said = await bot.say("find the blue one")
        await bot.settle()

        types = [event.type for event in await bot.log(said.thread_id)]
        assert "context.compacted" in types
        assert all("find the blue one" in shown(request) for request in bot.model.requests)
        assert all(f"result {n}" in shown(bot.model.requests[n + 1]) for n in range(8))
        assert max(len(shown(request)) for request in bot.model.requests) < 4000 * 4


# ---------------------------------------------------------------- lanes


async def test_what_is_taken_over_is_waited_for_thread_by_thread():
    go = asyncio.Event()
    begun: list[str] = []

    async def advance(thread_id: str) -> None:
        begun.append(thread_id)
        if thread_id != "quick":
            await go.wait()

    lanes = Lanes(advance, limit=2)
    working = asyncio.ensure_future(lanes.run())
    for thread_id in ("slow", "quick", "third"):
        lanes.wake(thread_id)
    async with asyncio.timeout(5):
        await lanes.finished("quick")
        await lanes.begun()
        await asyncio.sleep(0)
    assert begun == ["slow", "quick", "third"]
    go.set()
    async with asyncio.timeout(5):
        await lanes.stop(5)
        await working
