"""What an approver read is what the tool got, to the byte, or they were not asked there (F6.12, A08)."""

import random
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import BaseModel, JsonValue

from bot.approvals import final_call, requested
from bot.canonical import call_digest, text_hash
from bot.drafting import fold_drafts
from bot.events import (
    ApprovalRequested,
    Block,
    Draft,
    MessageReceived,
    Sender,
    ToolStarted,
    TurnStarted,
    decode,
)
from bot.rules import AgentRules, Reach, Rules, Someone, ToolRule
from bot.shown import parse_shown, shown
from bot.step import checked_args, read_args
from bot.testing import START, FakeChannel, call, reply
from bot.thread import Answer, Thread
from bot.tools import ToolContext, tool
from tests.approvals.kit import WHOLE, ask, by_button, found, opened

COUNT = 10_000 if WHOLE else 1_500
NASTY = (
    [chr(code) for code in range(0x20)]
    + list("\u00a0\u00ad\u0301\u0430\u0435\u043e\u0131\u1100\u115f\u180e\u200b\u200c\u200d\u200e\u200f\u2028\u2029")
    + list("\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\u2800\u3000\u3164\ufe0e\ufe0f\ufeff\uff21")
    + list("\uffa0\ufffc\ufffd\ufffe")
    + list("\U0001d11e\U0001f44d\U0001f3fd\U000e0041\U000e007f\U000f0000\U0010ffff\x7f\x80\x85\x9f")
    + list("abcXYZ019 \"'\\/:,.{}[]<>&%$#@!?-_=+*~`^|éÉßñ中文字ひらがな한글אבגدعربي")
    + ["\n", "\r\n", "\t", "  ", "OK 7K3PWX"]
    + ["\nenvironment: \"production\"", "\\u202e", "\\n", "Why you are asked: ", "e\u0301"]
)  # fmt: skip


class Anything(BaseModel):
    text: str
    other: str
    number: float
    whole: int
    flag: bool
    items: list[str]


GOT: list[BaseModel] = []


@tool(effect="unsafe", risk="high")
async def act(args: Anything, ctx: ToolContext) -> str:
    """Does anything."""
    GOT.append(args)
    return "done"


def text(chance: random.Random) -> str:
    match chance.randrange(200):
        case 0:
            return chance.choice(NASTY) * 30_000
        case roll if roll < 20:
            return "".join(
                chr(chance.choice((chance.randrange(0xD800), chance.randrange(0xE000, 0x110000))))
                for _ in range(30)
            )
        case _:
            return "".join(chance.choice(NASTY) for _ in range(chance.randrange(12)))


def args_of(seed: int) -> dict[str, JsonValue]:
    chance = random.Random(seed)
    numbers = (
        0.0,
        -0.0,
        1.0,
        0.1 + 0.2,
        1e300,
        5e-324,
        123456789.123,
        float(chance.randrange(10**9)),
        chance.random(),
    )
    given: dict[str, JsonValue] = {
        "text": text(chance),
        "other": text(chance),
        "number": chance.choice(numbers),
        "whole": chance.choice((0, -1, 10**17, chance.randrange(10**6))),
        "flag": chance.random() < 0.5,
        "items": [text(chance) for _ in range(chance.randrange(3))],
    }  # fmt: skip
    return checked_args(Anything, given)


def call_lines(request: ApprovalRequested) -> str:
    """The lines of the call among those that an approver reads."""
    lines = request.shown.split("\n")
    end = next(
        number for number, line in enumerate(lines) if line.startswith(("Why you are asked: ", "Open until "))
    )
    return "\n".join(lines[1:end])


# ---------------------------------------------------------------- thousands, by the core alone

RULE = ToolRule("unsafe", risk="high", approvers=("carol",))
FITS = {"sms": 450, "chat": 3000, "mail": 50_000}
REACHES = tuple(
    Reach(name, "A", name, lambda text, most=most: len(text) <= most) for name, most in FITS.items()
)
PEOPLE = {"carol": Someone("carol", reaches=REACHES)}
RULES = Rules(agents={"assistant": AgentRules({"act": RULE})}, people=PEOPLE)


def asked_for(args: dict[str, JsonValue]) -> tuple[Thread, ApprovalRequested]:
    """A request for this call, as it is in the log and read back from it."""
    thread = fold_drafts(
        Thread("t", agent="assistant"), [Draft(TurnStarted(input=1, version=1), run="r1")], START
    )
    wanted = ToolStarted(
        call_id="c1", tool="act", args=args, args_digest=call_digest("act", args), effect="unsafe", key="k"
    )
    drafts = requested(thread, thread.open_turn, wanted, RULE, "its risk is high", now=START, rules=RULES)
    stored = decode("approval.requested", 1, drafts[0].data.model_dump_json())
    assert isinstance(stored, ApprovalRequested)
    return fold_drafts(thread, [Draft(stored, run="r1")], START), stored


@pytest.mark.prove
def test_of_thousands_of_calls_each_runs_as_it_was_shown_or_was_not_offered_there() -> None:
    offered = dict.fromkeys([*FITS, "nowhere"], 0)
    for seed in range(COUNT):
        args = args_of(seed)

        thread, request = asked_for(args)
        (approval,) = thread.approvals.values()
        yes = Answer(9, START + timedelta(seconds=1), "approve", "carol", "sms")
        started = final_call(approval, yes, "k", request.approval_id)
        got = read_args(Anything, started.args).model_dump(mode="json")

        lines = call_lines(request)
        assert call_digest("act", parse_shown(lines)) == call_digest("act", got) == request.args_digest, seed
        assert request.shown_hash == text_hash(lines), seed
        assert all(char.isprintable() or char == "\n" for char in lines), seed
        for message in request.outgoing:
            assert message.text == request.shown
            assert len(message.text) < FITS[message.channel]
        offered[request.outgoing[0].channel if request.outgoing else "nowhere"] += 1
    assert min(offered.values()) > 0, offered


# ---------------------------------------------------------------- some of them through the whole bot


async def test_through_the_whole_bot_the_tool_gets_what_the_phone_showed(ram: Path) -> None:
    GOT.clear()
    many = 150 if WHOLE else 60
    script = [step for seed in range(many) for step in (call("act", **args_of(seed)), reply("Done."))]
    async with opened(ram, script=script, tools=[act]) as it:
        it.bot.phone.longest = 2000
        read = []
        for seed in range(many):
            before = len(it.bot.phone.sent)
            row = await ask(it.bot, conversation=f"c{seed}")
            (request,) = await found(it.bot, row.thread_id, ApprovalRequested)
            for part in it.bot.phone.sent[before:]:
                assert len(part.text) <= 2000
                assert call_lines(request) in part.text
            read.append(parse_shown(call_lines(request)))
            await by_button(it.bot, "carol", row)
            await it.bot.settle()

    assert [call_digest("act", each.model_dump(mode="json")) for each in GOT] == [
        call_digest("act", each) for each in read
    ]


async def test_what_no_channel_shows_whole_is_asked_nowhere_and_an_operator_hears_so(tmp_path: Path) -> None:
    script = [call("deploy", environment="x" * 5000, tag="v1"), reply("Done.")]
    async with opened(tmp_path, script=script, channel=FakeChannel(longest=1000)) as it:
        it.bot.phone.longest = 160
        row = await ask(it.bot)

        assert it.bot.phone.sent == []
        operator = [part.text for part in it.bot.channel.sent if part.destination == "OPERATOR"]
        assert len(operator) == 1
        assert "bot approvals" in operator[0]
        assert (
            "I could not reach carol or dave"
            in [part.text for part in it.bot.channel.sent if part.destination == "c1"][-1]
        )
        assert row.status == "pending"


async def test_what_the_phone_cannot_show_goes_to_the_next_channel(tmp_path: Path) -> None:
    async with opened(tmp_path) as it:
        it.bot.phone.longest = 100
        await ask(it.bot)

        (to_carol,) = [part for part in it.bot.channel.sent if part.destination == "U3"]
        assert 'tag: "v1"' in to_carol.text
        assert it.bot.phone.sent == []


async def test_an_address_cannot_write_a_line_of_its_own_into_a_request(tmp_path: Path) -> None:
    hostile = 'U9\ntag: "v9"\u202e'
    script = [reply("Hello."), call("deploy", environment="staging", tag="v1"), reply("Done.")]
    async with opened(tmp_path, script=script) as it:
        await it.bot._receive(quoting(hostile), "c1", "k1", hostile)
        await it.bot.settle()
        row = await ask(it.bot)

        (request,) = await found(it.bot, row.thread_id, ApprovalRequested)
        assert "U9" in request.shown
        assert [line for line in request.shown.split("\n") if line.startswith("tag: ")] == ['tag: "v1"']
        assert "\u202e" not in request.shown


def quoting(address: str) -> MessageReceived:
    """A message that quotes somebody."""
    sender = Sender(channel="fake", address=address, proof="provider")
    return MessageReceived(place="x", blocks=(Block(source="quoted", text="deploy v9"),), sender=sender)


def test_the_lines_of_a_call_are_read_back_from_what_was_asked() -> None:
    _, request = asked_for(args_of(1))

    assert shown("act", request.args) == call_lines(request)
