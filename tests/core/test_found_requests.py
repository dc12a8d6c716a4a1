"""Found by the random schedules: ends of requests and questions that were told wrong, or to nobody, or never came."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from bot import events as ev
from bot.events import Incoming
from bot.fold import fold_all
from bot.rules import Rules
from bot.testing import EVERYBODY, Bot, call, failure, open_test_bot, reply
from bot.thread import Thread
from bot.tools import Ask, Stored, Tool, ToolContext, tool


class Args(BaseModel):
    n: int


@tool(effect="unsafe", risk="high")
async def deploy(args: Args, ctx: ToolContext) -> str:
    """Deploys."""
    return "deployed"


def asks(during: Sequence[Any] = ()) -> Tool:
    @tool(effect="stored", then="finish", risk="low")
    async def ask(args: Args, ctx: ToolContext) -> Stored:
        """Asks Dave."""
        for each in during:
            await each()
        return Stored("asked", questions=(Ask("dave", "Which one?", expires=timedelta(hours=1)),))

    return ask


def with_rule(**changes: Any) -> Any:
    def changed(rules: Rules) -> Rules:
        agent = rules.agents["assistant"]
        tools = {**agent.tools, "deploy": replace(agent.tools["deploy"], **changes)}
        return replace(rules, agents={"assistant": replace(agent, tools=tools)})

    return changed


async def indexed(bot: Bot, folder: Path, thread_id: str) -> tuple[Thread, set[str], set[str]]:
    """The thread, the ids of its timers in the index, and those of what waits for an answer there."""
    thread = fold_all(Thread(thread_id), await bot.log(thread_id))
    with closing(sqlite3.connect(folder / "test.db")) as connection:
        timers = {row[0] for row in connection.execute("SELECT timer_id FROM timers")}
        waiting = {row[0] for row in connection.execute("SELECT id FROM requests WHERE status = 'pending'")}
    return thread, timers, waiting


async def answered(bot: Bot, question_id: str) -> None:
    """Dave's answer comes into the log, whatever the door would say of it by then."""
    row = await bot.store.request(question_id)
    assert row is not None
    by = ev.Answerer(person="dave", channel="phone", address="+4", proof="provider")
    data = ev.QuestionAnswered(question_id=question_id, text="this one", by=by)
    await bot.store.receive(Incoming(data, channel="phone", thread_id=row.thread_id))
    bot.woken[row.thread_id] = None


async def test_an_answer_between_the_end_of_a_question_and_its_timer_does_not_leave_it_open_for_ever(
    tmp_path: Path,
) -> None:
    script = [call("ask", n=1), reply("thanks")]
    async with open_test_bot(tmp_path, script=script, tools=[asks()], people=EVERYBODY) as bot:
        said = await bot.say("ask dave")
        await bot.settle()
        (question,) = await bot.open_requests()
        bot.clock.advance(3600)

        await answered(bot, question.id)
        await bot.settle()

        thread, timers, waiting = await indexed(bot, tmp_path, said.thread_id)
        assert (dict(thread.questions), thread.status) == ({}, "idle")
        assert set(thread.timers) == timers == waiting == set()
        assert bot.texts[-1] == "thanks"


async def test_a_stop_drops_the_timers_of_open_questions_from_the_index_too(tmp_path: Path) -> None:
    async with open_test_bot(tmp_path, script=[call("ask", n=1)], tools=[asks()], people=EVERYBODY) as bot:
        said = await bot.say("ask dave")
        await bot.settle()

        await bot.control(said.thread_id, "stop")
        await bot.settle()

        thread, timers, waiting = await indexed(bot, tmp_path, said.thread_id)
        assert set(thread.timers) == timers == waiting == set()


async def test_a_question_that_is_asked_while_the_stop_comes_in_ends_and_its_answer_starts_nothing(
    tmp_path: Path,
) -> None:
    async def stop() -> None:
        (row,) = await bot.store.threads()
        await bot.control(row.thread_id, "stop")

    script = [call("ask", n=1)]
    async with open_test_bot(tmp_path, script=script, tools=[asks([stop])], people=EVERYBODY) as bot:
        said = await bot.say("ask dave")
        await bot.settle()
        thread, timers, waiting = await indexed(bot, tmp_path, said.thread_id)
        assert (set(thread.timers), set(thread.questions)) == (timers, waiting)

        for question in await bot.open_requests():
            await answered(bot, question.id)
        await bot.settle()

        thread, timers, waiting = await indexed(bot, tmp_path, said.thread_id)
        assert set(thread.timers) == timers == waiting == set()
        assert len(bot.model.requests) == 1


async def test_a_yes_that_comes_too_late_to_start_is_not_asked_for_again_of_nobody(tmp_path: Path) -> None:
    """Only a further level could say yes, and it did; the first one has nobody left."""
    levels = (ev.Level(after=60, approvers=("dave",)),)
    rules = with_rule(approvers=("carol",), levels=levels)
    today: list[Rules] = []

    def first(given: Rules) -> Rules:
        today.append(rules(given))
        return today[0]

    async with open_test_bot(
        tmp_path,
        script=[call("deploy", n=1), reply("it was not done")],
        tools=[deploy],
        people=EVERYBODY,
        rules=first,
    ) as bot:
        said = await bot.say("deploy")
        await bot.settle()
        bot.clock.advance(61)
        await bot.settle()
        (request,) = await bot.open_requests()
        await bot.control(said.thread_id, "pause")
        await bot.press("dave", request.id, "approve")
        bot.loop._world = replace(
            bot.loop._world, rules=lambda: with_rule(approvers=(), levels=levels)(today[0])
        )
        bot.clock.advance(3600)
        await bot.control(said.thread_id, "resume")
        await bot.settle()

        log = await bot.log(said.thread_id)
        requests = [event.data for event in log if isinstance(event.data, ev.ApprovalRequested)]
        assert [len(each.approvers) for each in requests] == [1]
        assert bot.texts[-1] == "it was not done"


async def test_whoever_said_yes_before_a_no_is_not_named_as_having_said_no_and_hears_of_it(
    tmp_path: Path,
) -> None:
    async with open_test_bot(
        tmp_path,
        script=[call("deploy", n=1), reply("dave said no")],
        tools=[deploy],
        people=EVERYBODY,
        rules=with_rule(approvers=("carol", "dave"), quorum=2),
    ) as bot:
        said = await bot.say("deploy")
        await bot.settle()
        (request,) = await bot.open_requests()

        await bot.press("carol", request.id, "approve")
        await bot.press("dave", request.id, "reject", message="not today")
        await bot.settle()

        (ended,) = [e.data for e in await bot.log(said.thread_id) if isinstance(e.data, ev.ApprovalResolved)]
        assert (ended.status, ended.by) == ("rejected", ("dave",))
        assert [each.destination for each in ended.outgoing] == ["+3"]


async def test_a_take_over_drops_the_retries_from_the_index_too(tmp_path: Path) -> None:
    async with open_test_bot(tmp_path, script=[failure("unavailable")], people=EVERYBODY) as bot:
        said = await bot.say("hello")
        await bot.settle()

        await bot.control(said.thread_id, "take_over")
        bot.woken.clear()

        thread, timers, _ = await indexed(bot, tmp_path, said.thread_id)
        assert set(thread.timers) == timers
