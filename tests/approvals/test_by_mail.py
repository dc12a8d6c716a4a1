"""Only what a proved approver wrote now, above all that is quoted, decides by mail (F6, A05)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bot.events import MessageReceived
from bot.ports import RequestRow
from bot.testing import ANN, Bot, FakeChannel, Known
from channels.email.proof import ProofRule
from channels.email.reception import Caps, Reception
from tests.approvals.kit import Opened, asks_once, opened
from tests.channels.mail_channel_kit import InProcess

US = "bot@example.com"
CAROL = Known("carol", {"email": "carol@example.org"}, frozenset({"approver"}))
ON_MAIL = Known("ann", {"email": "ann@example.org"}, ANN.roles)
PROVED = "mx.example.com; dmarc=pass header.from=example.org"


@dataclass
class Desk:
    """Carol is asked by mail, and answers by mail."""

    bot: Bot
    opened: Opened
    reception: Reception
    request: RequestRow
    heard: list[str] = field(default_factory=list)

    @property
    def code(self) -> str:
        return self.bot.code(self.request.id, "carol", channel="email")

    @property
    def quoted(self) -> str:
        """The request as she got it, as her program quotes it."""
        asked = next(part.text for part in self.bot.channel.sent if self.code in part.text)
        return "\n".join(f"> {line}".rstrip() for line in asked.splitlines())

    async def mails(self, body: str, *, sender: str = "carol@example.org", headers: str = "") -> None:
        """Somebody writes; "CODE", "REQUEST" and "BARE" stand for the code and the request, quoted or not."""
        bare = self.quoted.replace("> ", "").replace(">", "")
        body = body.replace("REQUEST", self.quoted).replace("BARE", bare).replace("CODE", self.code)
        self.heard.append(body)
        head = (
            f"From: {sender}\nTo: {US}\nSubject: Re: deploy\nMessage-ID: <{len(self.heard)}@example.org>\n"
            f"Date: Mon, 23 Nov 2026 09:0{len(self.heard)}:00 +0000\nAuthentication-Results: {PROVED}\n{headers}\n"
        )
        raw = f"{head}{body}\n".replace("\n", "\r\n").encode()
        await self.reception.take(raw, self.bot.inbox.receive)
        await self.bot.settle()

    async def words_to_the_agent(self) -> list[str]:
        """What of her mails is a message, and no answer to a request."""
        logs = [await self.bot.log(row.thread_id) for row in await self.bot.store.threads()]
        return [
            block.text
            for log in logs
            for event in log
            if isinstance(event.data, MessageReceived) and event.data.sender.address == "carol@example.org"
            for block in event.data.blocks
            if block.source == "person"
        ]


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with at_the_desk(tmp_path) as desk:
        yield desk


@asynccontextmanager
async def at_the_desk(folder: Path) -> AsyncIterator[Desk]:
    channel = FakeChannel("email", US)
    async with opened(folder, script=asks_once, people=(ON_MAIL, CAROL), channel=channel) as found:
        bot = found.bot
        reception = Reception(
            US,
            reader=InProcess(),
            post=bot.store,
            counts=bot.store.mail,
            rule=ProofRule(authserv_id="mx.example.com"),
            caps=Caps(),
            clock=bot.clock,
        )
        raw = (
            f"From: ann@example.org\nTo: {US}\nSubject: now\nMessage-ID: <a@example.org>\n"
            f"Authentication-Results: {PROVED}\n\ndeploy v1 to staging\n"
        )
        await reception.take(raw.replace("\n", "\r\n").encode(), bot.inbox.receive)
        await bot.settle()
        (request,) = await bot.open_requests()
        yield Desk(bot, found, reception, request)


FORWARDED = (
    "\n---------- Forwarded message ---------\nFrom: bot@example.com\nDate: Mon, Nov 23, 2026\n"
    "Subject: deploy\nTo: carol@example.org\n\n"
)

DECIDES = {
    "alone": "OK CODE",
    "above what is quoted": "OK CODE\n\nOn Monday the bot wrote:\nREQUEST",
    "above a forwarded mail": f"OK CODE\n{FORWARDED}BARE",
    "above a signature": "OK CODE\n\n-- \nCarol Bell\nHead of operations",
    "above the quote, with a footer below": "OK CODE\n\nREQUEST\n\nBell Ltd, 1 Main Street, registered in Wales",
    "below the only quote, as Thunderbird writes it": "On Monday the bot wrote:\nREQUEST\n\nOK CODE",
    "in small letters, with a dot": "\n  ok CODE .\n",
}

DECIDES_NOTHING = {
    "only the request quoted": "REQUEST",
    "a word above it": "let me think\n\nOn Monday the bot wrote:\nREQUEST",
    "in a quoted line": "> OK CODE",
    "quoted twice": ">> OK CODE\n> what do you say?\n\nlet me think",
    "inline, below what is quoted": "> Deploy v1 to staging?\n\nOK CODE\n\n> Is it tested?\n\nyes",
    "inline, below the whole request": "Hi.\n\nREQUEST\n\nOK CODE",
    "inline, between two quotes": "Well.\n\n> one\nOK CODE\n> two\nno",
    "in a quoted line that lost its mark": "On Monday Dave wrote:\n> answer with\nOK CODE\n> or with NO",
    "in a forwarded mail": f"see below{FORWARDED}OK CODE",
    "in a forwarded mail without a word above": f"{FORWARDED}OK CODE",
    "in an Outlook quote": "I will see.\n\nFrom: Dave\nSent: Monday\nTo: Carol\nSubject: deploy\n\nOK CODE",
    "in a signature": "let me think\n\n-- \nOK CODE",
    "in the first line of what somebody else wrote": "On Monday Dave wrote:\n> OK CODE\n\nI do not agree",
    "with more below it": "OK CODE\nbut change the tag",
    "below a greeting": "Hi,\n\nOK CODE",
}


@pytest.mark.parametrize("body", DECIDES.values(), ids=DECIDES)
async def test_a_yes_of_the_sender_decides(desk: Desk, body: str) -> None:
    await desk.mails(body)

    assert desk.opened.deploys.ran == [("staging", "v1")]


@pytest.mark.parametrize("body", DECIDES_NOTHING.values(), ids=DECIDES_NOTHING)
async def test_a_yes_that_the_sender_did_not_write_now_and_first_decides_nothing(
    desk: Desk, body: str
) -> None:
    await desk.mails(body)

    assert desk.opened.deploys.ran == []
    assert [row.id for row in await desk.bot.open_requests()] == [desk.request.id]


async def test_a_yes_in_the_subject_or_in_a_name_decides_nothing(desk: Desk) -> None:
    await desk.mails("let me think", sender=f'"OK {desk.code}" <carol@example.org>')
    await desk.mails("so so", headers=f"Comments: OK {desk.code}\nThread-Topic: OK {desk.code}\n")

    assert desk.opened.deploys.ran == []


async def test_a_no_between_quotes_rejects_nothing(desk: Desk) -> None:
    await desk.mails("> Deploy v1 to staging?\n\nNO CODE because of the tag\n\n> Tested?\n\nyes")

    assert [row.id for row in await desk.bot.open_requests()] == [desk.request.id]


async def test_who_writes_a_code_between_quotes_is_asked_once_more(desk: Desk) -> None:
    before = len(desk.bot.channel.sent)

    await desk.mails("> Deploy v1 to staging?\n\nOK CODE\n\n> Is it tested?\n\nyes")

    (again,) = desk.bot.channel.sent[before:]
    assert desk.code in again.text
    assert again.destination == "carol@example.org"
    assert await desk.words_to_the_agent() == []


async def test_an_answer_between_quotes_reaches_the_agent_with_what_it_answers(desk: Desk) -> None:
    await desk.mails("Hello.\n\n> Deploy v1 to staging?\n\nWhat is in it?\n\n> Tested?\n\nBy whom?")

    assert await desk.words_to_the_agent() == [
        "Hello.",
        "> Deploy v1 to staging?\n\nWhat is in it?\n\n> Tested?\n\nBy whom?",
    ]


@pytest.mark.parametrize("body", ["what is this?\n\nREQUEST", "Hi.\n\nREQUEST\n\nWhat is this?"])
async def test_the_code_that_she_quotes_is_not_in_the_log(desk: Desk, body: str) -> None:
    await desk.mails(body)

    rows = await desk.bot.store.threads()
    shown = [event.data.model_dump_json() for row in rows for event in await desk.bot.log(row.thread_id)]
    assert "what is this?" in " ".join(shown).lower()
    assert not [each for each in shown if desk.code in each]
