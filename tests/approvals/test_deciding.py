"""A gated call waits for the right person's word, by text or button, and runs once."""

from typing import Any

from pydantic import BaseModel

from bot.events import ApprovalAnswered, ApprovalRequested, ApprovalResolved, ToolFinished
from bot.testing import EVERYBODY, Bot, call, open_test_bot, reply
from bot.tools import ToolContext, tool


class DeployArgs(BaseModel):
    environment: str
    tag: str = "latest"


class Deploys:
    """Counts what really ran."""

    def __init__(self) -> None:
        self.ran: list[tuple[str, str]] = []

        @tool(effect="unsafe", risk="high")
        async def deploy(args: DeployArgs, ctx: ToolContext) -> str:
            """Deploys a version."""
            self.ran.append((args.environment, args.tag))
            return f"deployed {args.tag} to {args.environment}"

        self.tool = deploy


ASK = [call("deploy", environment="staging", tag="v1"), reply("It is deployed.")]


async def asked(bot: Bot) -> Any:
    await bot.say("deploy v1 to staging")
    await bot.settle()
    (request,) = await bot.open_requests()
    return request


async def kinds(bot: Bot, thread_id: str, kind: type) -> list[Any]:
    return [event.data for event in await bot.log(thread_id) if isinstance(event.data, kind)]


async def test_a_risky_call_waits_until_the_approver_texts_ok_and_runs_once(tmp_path: Any) -> None:
    deploys = Deploys()
    async with open_test_bot(tmp_path, script=ASK, tools=[deploys.tool], people=EVERYBODY) as bot:
        request = await asked(bot)
        assert deploys.ran == []
        assert "I have asked carol" in bot.texts[0]
        (sms, _) = bot.phone.sent
        code = bot.code(request.id, "carol")
        assert sms.destination == "+3"
        assert 'environment: "staging"\ntag: "v1"' in sms.text
        assert f"OK {code} " in sms.text

        await bot.text("carol", f"ok {code.lower()}.")
        await bot.settle()

        assert deploys.ran == [("staging", "v1")]
        assert bot.texts[-1] == "It is deployed."
        assert "It is deployed." in bot.phone.sent[-1].text
        (resolved,) = await kinds(bot, request.thread_id, ApprovalResolved)
        assert (resolved.status, resolved.by) == ("approved", ("carol",))
        assert await bot.open_requests() == []


async def test_the_answer_goes_to_the_thread_of_the_request_and_opens_none_of_its_own(tmp_path: Any) -> None:
    deploys = Deploys()
    async with open_test_bot(tmp_path, script=ASK, tools=[deploys.tool], people=EVERYBODY) as bot:
        request = await asked(bot)

        received = await bot.text("carol", f"OK {bot.code(request.id, 'carol')}")
        await bot.settle()

        assert received.thread_id == request.thread_id
        assert len(await bot.store.threads()) == 1


async def test_a_no_with_a_reason_reaches_the_model_as_a_decision(tmp_path: Any) -> None:
    deploys = Deploys()
    script = [call("deploy", environment="staging", tag="v1"), reply("Carol said no: freeze.")]
    async with open_test_bot(tmp_path, script=script, tools=[deploys.tool], people=EVERYBODY) as bot:
        request = await asked(bot)

        await bot.text("carol", f"No {bot.code(request.id, 'carol')} because of the code freeze")
        await bot.settle()

        assert deploys.ran == []
        (finished,) = await kinds(bot, request.thread_id, ToolFinished)
        assert finished.status == "denied"
        assert "of the code freeze" in finished.result
        assert bot.texts[-1] == "Carol said no: freeze."


async def test_the_same_call_again_after_a_no_is_refused_without_asking(tmp_path: Any) -> None:
    deploys = Deploys()
    again = call("deploy", environment="staging", tag="v1")
    async with open_test_bot(
        tmp_path, script=[again, again, reply("No.")], tools=[deploys.tool], people=EVERYBODY
    ) as bot:
        request = await asked(bot)

        await bot.text("carol", f"NO {bot.code(request.id, 'carol')}")
        await bot.settle()

        assert len(await kinds(bot, request.thread_id, ApprovalRequested)) == 1
        assert [f.status for f in await kinds(bot, request.thread_id, ToolFinished)] == ["denied", "denied"]
        assert deploys.ran == []


async def test_an_edit_runs_what_the_person_made_of_it_and_the_model_is_told(tmp_path: Any) -> None:
    deploys = Deploys()
    async with open_test_bot(tmp_path, script=ASK, tools=[deploys.tool], people=EVERYBODY) as bot:
        request = await asked(bot)

        await bot.press("carol", request.id, "edit", args={"environment": "staging", "tag": "v2"})
        await bot.settle()

        assert deploys.ran == [("staging", "v2")]
        shown = str(bot.model.requests[-1]["messages"])
        assert "a person changed the arguments to" in shown
        assert "v2" in shown


async def test_an_edit_that_the_tool_does_not_take_decides_nothing(tmp_path: Any) -> None:
    deploys = Deploys()
    async with open_test_bot(tmp_path, script=ASK, tools=[deploys.tool], people=EVERYBODY) as bot:
        request = await asked(bot)

        await bot.press("carol", request.id, "edit", args={"environment": 3, "tool": "rm"})
        await bot.settle()

        assert deploys.ran == []
        assert len(await bot.open_requests()) == 1
        assert "cannot be used" in bot.phone.sent[-1].text


async def test_a_person_can_answer_instead_of_the_tool(tmp_path: Any) -> None:
    deploys = Deploys()
    async with open_test_bot(tmp_path, script=ASK, tools=[deploys.tool], people=EVERYBODY) as bot:
        request = await asked(bot)

        await bot.press("carol", request.id, "respond", message="it runs already")
        await bot.settle()

        assert deploys.ran == []
        (finished,) = await kinds(bot, request.thread_id, ToolFinished)
        assert (finished.status, finished.answered_by) == ("ok", "carol")


async def test_after_expiry_nothing_runs_and_the_requester_is_told(tmp_path: Any) -> None:
    deploys = Deploys()
    async with open_test_bot(tmp_path, script=ASK, tools=[deploys.tool], people=EVERYBODY) as bot:
        request = await asked(bot)

        bot.clock.advance(5 * 3600)
        await bot.settle()
        assert "Nobody decided in time" in bot.texts[-1]
        await bot.text("carol", f"OK {bot.code(request.id, 'carol')}")
        await bot.settle()

        assert deploys.ran == []
        assert "already expired" in bot.phone.sent[-1].text


async def test_somebody_else_with_the_right_code_decides_nothing(tmp_path: Any) -> None:
    deploys = Deploys()
    async with open_test_bot(tmp_path, script=ASK, tools=[deploys.tool], people=EVERYBODY) as bot:
        request = await asked(bot)

        await bot.text("bob", f"OK {bot.code(request.id, 'carol')}")
        await bot.press("bob", request.id, "approve")
        await bot.press("bob", request.id, "approve", handle=bot.keys.handle("approval", request.id, "carol"))
        await bot.settle()

        assert deploys.ran == []
        assert len(await bot.open_requests()) == 1


async def test_codes_are_nowhere_in_the_log(tmp_path: Any) -> None:
    deploys = Deploys()
    async with open_test_bot(tmp_path, script=ASK, tools=[deploys.tool], people=EVERYBODY) as bot:
        request = await asked(bot)
        code = bot.code(request.id, "carol")

        await bot.text("carol", f"yes {code}")
        await bot.text("carol", f"OK {code}")
        await bot.settle()

        assert deploys.ran == [("staging", "v1")]
        stored = (tmp_path / "test.db").read_bytes() + (tmp_path / "test.db-wal").read_bytes()
        assert code.encode() not in stored


async def test_words_that_only_sound_like_a_yes_are_asked_about_once_more(tmp_path: Any) -> None:
    deploys = Deploys()
    async with open_test_bot(tmp_path, script=ASK, tools=[deploys.tool], people=EVERYBODY) as bot:
        request = await asked(bot)

        for text in ("yes", f"YES {bot.code(request.id, 'carol')}", "ok but change the tag", "👍"):
            await bot.text("carol", text)
            await bot.settle()
            assert "I did not take that as a decision" in bot.phone.sent[-1].text
            assert bot.code(request.id, "carol") in bot.phone.sent[-1].text

        assert deploys.ran == []
        refused = await kinds(bot, request.thread_id, ApprovalAnswered)
        assert [answer.refused for answer in refused] == ["ambiguous"] * 4
