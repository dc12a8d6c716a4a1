"""Answers to strangers that a person sees first: nothing leaves before their yes, nor any word about it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.events import Outgoing, TurnEnded
from bot.rules import Rules
from bot.send_reply import send_reply
from bot.testing import EVERYBODY, Bot, Script, open_test_bot, reply

STRANGER = "U9"
LONG = "word " * 2000


def drafting(rules: Rules) -> Rules:
    operator = Outgoing(text="", channel="fake", account="A1", destination="OPERATOR")
    return replace(rules, drafts=frozenset({"fake"}), operator=operator)


def bot_with(folder: Path, script: Script, rules: Callable[[Rules], Rules] = drafting):
    return open_test_bot(folder, script=script, tools=[send_reply], people=EVERYBODY, rules=rules)


def heard(bot: Bot) -> list[str]:
    """What the stranger reads."""
    return [part.text for part in bot.channel.sent if part.destination == "c1"]


async def test_a_stranger_gets_the_answer_once_a_person_has_said_yes_to_it(tmp_path: Path) -> None:
    async with bot_with(tmp_path, [reply(LONG)]) as bot:
        await bot.say("what do you sell?", by=STRANGER)
        await bot.settle()
        (request,) = await bot.open_requests()
        before = heard(bot)

        await bot.press("carol", request.id, "approve")
        await bot.settle()

        assert before == []
        assert heard(bot) == [LONG]


async def test_a_person_may_change_the_answer_before_it_leaves(tmp_path: Path) -> None:
    async with bot_with(tmp_path, [reply("Everything is free.")]) as bot:
        await bot.say("what does it cost?", by=STRANGER)
        await bot.settle()
        (request,) = await bot.open_requests()

        await bot.press("carol", request.id, "edit", args={"to": STRANGER, "text": "It costs 5."})
        await bot.settle()

        assert heard(bot) == ["It costs 5."]


async def test_what_is_rejected_never_leaves_and_the_agent_writes_another_answer(tmp_path: Path) -> None:
    async with bot_with(tmp_path, [reply("Buzz off."), reply("Good day.")]) as bot:
        await bot.say("hello", by=STRANGER)
        await bot.settle()
        (request,) = await bot.open_requests()

        await bot.press("carol", request.id, "reject", message="be polite")
        await bot.settle()
        (second,) = await bot.open_requests()
        await bot.press("carol", second.id, "approve")
        await bot.settle()

        assert heard(bot) == ["Good day."]


async def test_the_same_answer_written_again_after_a_no_goes_to_a_person(tmp_path: Path) -> None:
    async with bot_with(tmp_path, [reply("Buzz off."), reply("Buzz off.")]) as bot:
        await bot.say("hello", by=STRANGER)
        await bot.settle()
        (request,) = await bot.open_requests()

        await bot.press("carol", request.id, "reject")
        await bot.settle()

        assert "Buzz off." not in heard(bot)
        assert await bot.open_requests() == []


async def test_a_request_that_nobody_answers_says_nothing_to_the_stranger_but_to_an_operator(
    tmp_path: Path,
) -> None:
    async with bot_with(tmp_path, [reply("Hi.")]) as bot:
        received = await bot.say("hello", by=STRANGER)
        await bot.settle()

        bot.clock.advance(timedelta(days=1).total_seconds())
        await bot.settle()

        assert heard(bot) == []
        assert [part.destination for part in bot.channel.sent] == ["OPERATOR"]
        (ended,) = [e.data for e in await bot.log(received.thread_id) if isinstance(e.data, TurnEnded)]
        assert ended.reason


async def test_without_anybody_to_approve_it_a_person_is_called(tmp_path: Path) -> None:
    def without_approvers(rules: Rules) -> Rules:
        agent = rules.agents["assistant"]
        tools = {name: replace(rule, approvers=()) for name, rule in agent.tools.items()}
        return replace(drafting(rules), agents={"assistant": replace(agent, tools=tools)})

    async with bot_with(tmp_path, [reply("Hi.")], without_approvers) as bot:
        await bot.say("hello", by=STRANGER)
        await bot.settle()

        assert "Hi." not in heard(bot)
        assert any(part.destination == "OPERATOR" for part in bot.channel.sent)


@pytest.mark.parametrize("by", ["U1", "U2"])
async def test_people_of_the_configuration_are_answered_at_once(tmp_path: Path, by: str) -> None:
    async with bot_with(tmp_path, [reply("Hi.")]) as bot:
        await bot.say("hello", by=by)
        await bot.settle()

        assert heard(bot) == ["Hi."]


async def test_the_model_is_not_offered_the_tool_behind_it(tmp_path: Path) -> None:
    async with bot_with(tmp_path, [reply("Hi.")]) as bot:
        await bot.say("hello", by="U1")
        await bot.settle()

        assert "send_reply" not in str(bot.model.requests)


async def test_an_answer_that_a_strangers_words_may_have_caused_carries_no_link_away(tmp_path: Path) -> None:
    """G06: the model is scripted as fully obedient to the attacker."""

    def filtering(rules: Rules) -> Rules:
        return replace(rules, links=("docs.example.org",))

    said = "See [this](https://evil.example/?q=secret) and https://docs.example.org/a"
    async with bot_with(tmp_path, [reply(said), reply(said)], filtering) as bot:
        await bot.say("what do you sell?", by=STRANGER)
        await bot.settle()
        await bot.say("what do you sell?", by="U1", conversation="c2")
        await bot.settle()

        assert "secret" not in heard(bot)[0]
        assert "https://docs.example.org/a" in heard(bot)[0]
        assert [part.text for part in bot.channel.sent if part.destination == "c2"] == [said]
