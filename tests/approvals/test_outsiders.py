"""Mail to people whom the configuration does not know needs a person's yes, whatever is configured."""

from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import JsonValue

from agents.assistant import schedule_meeting, send_email
from bot.config import Config, ToolConfig
from bot.config.approvals import GateConfig
from bot.events import ApprovalRequested, Outgoing, ProposedAction, Step, ToolFinished
from bot.policy import why_gated, why_not_caused
from bot.rights import tool_rule
from bot.rules import Reach, Rules, Someone, ToolRule
from bot.testing import call, reply
from bot.thread import Thread
from bot.tools import Tool
from tests.approvals.kit import Opened, ask, by_button, found, opened, runs

BOT = "bot@example.org"


def someone(name: str, address: str, *, demo: bool = False) -> Someone:
    reaches = (Reach("sms", "A1", "+15550100009"), Reach("email", BOT, address))
    return Someone(name, reaches=reaches if name != "carl" else reaches[:1], demo=demo)


PEOPLE = {
    "ann": someone("ann", "ann@example.org"),
    "sarah": someone("sarah", "sarah@example.net"),
    "carl": someone("carl", ""),
    "dora": someone("dora", "dora@example.net", demo=True),
}
RULES = Rules(agents={}, people=PEOPLE, accounts={"email": BOT})
OUTSIDER = "it goes to somebody whom the configuration does not know"
LOOSEST = (
    ToolConfig(approval="never"),
    ToolConfig(approval=GateConfig(risk="none", untrusted=False)),
)
"""What config can say to let everything through."""
TOOLS = [
    pytest.param(send_email, "to", id="a mail"),
    pytest.param(schedule_meeting, "participant", id="a meeting"),
]


def why(tool: Tool, argument: str, value: JsonValue, own: ToolConfig = LOOSEST[0], **rules) -> str:
    args = {argument: value}
    step = Step(
        intent="call_tool", message="", confidence=1.0, proposed_action=ProposedAction(tool=tool.name, args=args)
    )  # fmt: skip
    rule = tool_rule(Config(), own, tool)
    return why_gated(rule, step, Thread("t1", channel="slack"), "ann", replace(RULES, **rules))


# ---------------------------------------------------------------- the rule


@pytest.mark.parametrize("own", LOOSEST, ids=["never", "no condition"])
@pytest.mark.parametrize(("tool", "argument"), TOOLS)
@pytest.mark.parametrize(
    "value",
    [
        "max@example.org",
        "max",
        "sarah@example.org",
        "ann@example.org, max@example.org",
        "ann@example.org\nBcc: max@example.org",
        "ann <max@example.org>",
        "s\u0430rah",
        "s\u0430rah@example.net",
        "stra\u00dfe@example.org",
        "",
        None,
        ["ann@example.org"],
        {"to": "ann"},
        7,
    ],
)
def test_a_mail_to_an_outsider_always_needs_a_yes(
    tool: Tool, argument: str, value: JsonValue, own: ToolConfig
):
    assert why(tool, argument, value, own) == OUTSIDER


@pytest.mark.parametrize(("tool", "argument"), TOOLS)
def test_a_call_that_does_not_say_where_it_goes_needs_a_yes(tool: Tool, argument: str):
    assert why(tool, "another", "ann") == OUTSIDER


@pytest.mark.parametrize("own", LOOSEST, ids=["never", "no condition"])
@pytest.mark.parametrize(("tool", "argument"), TOOLS)
@pytest.mark.parametrize("value", ["sarah", " Sarah ", "sarah@example.net", "SARAH@example.net", "carl"])
def test_for_a_person_of_ours_the_configuration_decides(
    tool: Tool, argument: str, value: str, own: ToolConfig
):
    assert why(tool, argument, value, own) == ""
    assert why(tool, argument, value, ToolConfig()) == "its risk is high"


def test_nobody_at_all_is_known_without_people():
    assert why(send_email, "to", "ann@example.org", people={}) == OUTSIDER


@pytest.mark.parametrize("value", ["dora", "dora@example.net"])
@pytest.mark.parametrize(
    ("simulated", "mixed", "known"),
    [({"email"}, False, True), ({"slack"}, True, False), ({"email"}, True, False), (set(), False, False)],
    ids=["all is played", "mail is real", "mail is played", "all is real"],
)
def test_a_demo_person_is_known_only_where_all_is_played(value, simulated, mixed, known):
    assert (why(send_email, "to", value, simulated=frozenset(simulated), mixed=mixed) == "") is known


@pytest.mark.parametrize(("tool", "argument"), TOOLS)
def test_a_stranger_causes_no_mail_at_all(tool: Tool, argument: str):
    assert why_not_caused(tool_rule(Config(), LOOSEST[0], tool), "", RULES)


def test_a_tool_that_writes_to_nobody_is_not_touched_by_the_rule():
    step = Step(intent="call_tool", message="", confidence=1.0, proposed_action=ProposedAction(tool="x"))
    rule = ToolRule("stored", risk="high", gate=tool_rule(Config(), LOOSEST[0], send_email).gate)

    assert why_gated(rule, step, Thread("t1"), "ann", RULES) == ""


# ---------------------------------------------------------------- in the whole bot

LETTER: dict[str, JsonValue] = {"subject": "Lunch", "body": "At one?\n\nAnn"}


def mail(to: str):
    return call("send_email", to=to, **LETTER)


def loosest(bot: Opened) -> None:
    """Config lets mail go, and Bob has an address."""
    bot.live.change("send_email", gate=tool_rule(Config(), LOOSEST[0], send_email).gate)
    bot.live.change_person("bob", reaches=(Reach("email", BOT, "bob@example.org"),))


def letters(finished: list[ToolFinished]) -> list[Outgoing]:
    return [each for result in finished for each in result.outgoing]


def open_bot(folder: Path, *script):
    return opened(folder, script=script, tools=[send_email], rules={"accounts": {"email": BOT}})


async def test_a_mail_to_an_outsider_waits_shown_whole_and_leaves_as_shown(tmp_path: Path):
    async with open_bot(tmp_path, mail("Max@Example.com"), reply("Done.")) as here:
        loosest(here)
        row = await ask(here.bot, "write to max")
        (asked,) = await found(here.bot, row.thread_id, ApprovalRequested)
        before = await found(here.bot, row.thread_id, ToolFinished)
        await by_button(here.bot, "carol", row)
        await here.bot.settle()

        assert (asked.why, before) == (OUTSIDER, [])
        assert (
            'send_email\nbody: "At one?\\n\\nAnn"\nsubject: "Lunch"\nto: "max@example.com"\n' in asked.shown
        )
        (letter,) = letters(await found(here.bot, row.thread_id, ToolFinished))
        assert (letter.destination, letter.subject, letter.text) == (
            "max@example.com",
            "Lunch",
            "At one?\n\nAnn",
        )


async def test_a_mail_to_a_person_of_ours_leaves_at_once_where_config_says_so(tmp_path: Path):
    async with open_bot(tmp_path, mail("bob"), reply("Done.")) as here:
        loosest(here)
        thread_id = (await here.bot.say("write to bob")).thread_id
        await here.bot.settle()

        (letter,) = letters(await found(here.bot, thread_id, ToolFinished))
        assert letter.destination == "bob@example.org"
        assert await found(here.bot, thread_id, ApprovalRequested) == []


async def test_the_address_that_was_shown_for_a_name_gets_the_mail_though_the_person_moved(tmp_path: Path):
    async with open_bot(tmp_path, mail("bob"), reply("Done.")) as here:
        here.live.change_person("bob", reaches=(Reach("email", BOT, "bob@example.org"),))
        row = await ask(here.bot, "write to bob")
        (asked,) = await found(here.bot, row.thread_id, ApprovalRequested)
        here.live.change_person("bob", reaches=(Reach("email", BOT, "eve@example.org"),))
        await by_button(here.bot, "carol", row)
        await here.bot.settle()

        (letter,) = letters(await found(here.bot, row.thread_id, ToolFinished))
        (ran,) = await runs(here.bot, row.thread_id)
        assert asked.args["to"] == ran["to"] == letter.destination == "bob@example.org"


async def test_without_a_mailbox_nobody_is_asked(tmp_path: Path):
    async with opened(
        tmp_path, script=(mail("max@example.com"), reply("No mail.")), tools=[send_email]
    ) as here:
        thread_id = (await here.bot.say("write to max")).thread_id
        await here.bot.settle()

        assert await found(here.bot, thread_id, ApprovalRequested) == []
        assert "e-mail is not set up" in str(here.bot.model.requests[-1]["messages"])
