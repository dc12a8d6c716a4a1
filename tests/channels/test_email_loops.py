"""L01, L03: programs that answer each other by mail come to an end, and our own mail is never answered."""

import re
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from email import message_from_bytes
from email.message import Message
from pathlib import Path

import pytest

from bot.outbox import Outbox
from bot.testing import Bot, FakeClock, open_test_bot, reply
from channels.email.reception import Caps
from tests.channels.mail_channel_kit import MailChannel

OUR, OTHER = "bot@one.example", "bot@two.example"
MACHINE = "desk@three.example"
TELLTALE = ("auto-submitted", "x-saywhen", "x-loop", "precedence", "x-auto-response-suppress")
"""What says that a program wrote a mail; a careless gateway takes it out."""


@dataclass
class World:
    """Mail between addresses; `strip` is done to each mail on its way. Whoever has no mailbox here is a machine."""

    strip: bool = False
    references: bool = True
    boxes: dict[str, MailChannel] = field(default_factory=dict)
    bots: dict[str, Bot] = field(default_factory=dict)
    under_way: deque[tuple[str, bytes]] = field(default_factory=deque)
    sent: list[Message] = field(default_factory=list)
    ends: list[tuple[str, str]] = field(default_factory=list)

    async def send(self, message: bytes, *, sender: str, recipients: list[str]) -> str:
        self.sent.append(message_from_bytes(message))
        self.under_way += [(re.sub(r"\+[^@]*", "", each), message) for each in recipients]
        return "250 queued"

    async def deliver_all(self) -> None:
        """Until nobody has anything to say."""
        while self.under_way:
            to, raw = self.under_way.popleft()
            raw = without(raw, TELLTALE) if self.strip else raw
            if to not in self.boxes:
                self.answer_by_machine(to, message_from_bytes(raw))
                continue
            self.ends.append(await self.boxes[to].arrives(raw))
            await self.bots[to].settle()

    def answer_by_machine(self, by: str, asked: Message) -> None:
        """One that answers everything and tells nobody that it is one."""
        ids = f"In-Reply-To: {asked['Message-ID']}\r\n" if self.references else ""
        raw = letter(by, str(asked["From"]), f"Your ticket is {asked['Message-ID'].strip('<>')}", ids)
        self.under_way.append((re.sub(r".*<|>.*|\+[^@]*", "", str(asked["From"])), raw))

    def from_us(self) -> list[Message]:
        return [each for each in self.sent if OUR in str(each["From"])]


def without(raw: bytes, names: tuple[str, ...]) -> bytes:
    head, body = raw.split(b"\r\n\r\n", 1)
    lines = re.split(rb"\r\n(?![ \t])", head)
    kept = [line for line in lines if line.partition(b":")[0].decode().lower() not in names]
    return b"\r\n".join(kept) + b"\r\n\r\n" + body


def letter(by: str, to: str, text: str, headers: str = "") -> bytes:
    id_ = re.sub(r"\W", "", f"{by}{text}")
    return (
        f"From: {by}\r\nTo: {to}\r\nSubject: Hello\r\nMessage-ID: <{id_}@elsewhere.example>\r\n"
        f"Date: Mon, 23 Nov 2026 09:00:00 +0000\r\n{headers}\r\n{text}\r\n"
    ).encode()


@asynccontextmanager
async def bots(folder: Path, world: World, *accounts: str, clock: FakeClock) -> AsyncIterator[World]:
    """A bot at each address, which answers whatever it is told."""
    async with AsyncExitStack() as stack:
        for account in accounts:
            (folder / account).mkdir(exist_ok=True)
            bot = await stack.enter_async_context(
                open_test_bot(folder / account, script=lambda request: reply("Indeed."), clock=clock)
            )
            channel = MailChannel(bot, account, await bot.store.secret(), smtp=world)
            bot.outbox = Outbox(bot.store, {("email", account): channel}, clock=clock)
            world.boxes[account], world.bots[account] = channel, bot
        yield world


# ---------------------------------------------------------------- two programs


async def test_two_bots_that_get_each_others_mail_exchange_one_answer(tmp_path: Path):
    async with bots(tmp_path, World(), OUR, OTHER, clock=FakeClock()) as world:
        world.under_way.append((OUR, letter(OTHER, OUR, "I am a bot too")))

        await world.deliver_all()

    assert len(world.sent) == 1
    assert world.ends[-1] == ("ignored", "it was sent automatically (Auto-Submitted: auto-replied)")


async def test_without_the_headers_that_tell_they_stop_at_the_cap_of_a_conversation(tmp_path: Path):
    most, clock = Caps().per_thread_and_hour, FakeClock()
    async with bots(tmp_path, World(strip=True), OUR, OTHER, clock=clock) as world:
        world.under_way.append((OUR, letter(OTHER, OUR, "I am a bot too")))

        await world.deliver_all()

    assert len(world.from_us()) <= most
    assert len(world.sent) <= 2 * most + 1
    assert world.ends[-1] == ("capped", f"{most} mails came into this conversation within an hour")


@pytest.mark.parametrize(
    ("references", "most", "words"),
    [
        (True, Caps().per_thread_and_hour, "came into this conversation within an hour"),
        (False, Caps().per_sender_and_day, "came from this sender within a day"),
    ],
    ids=["in one conversation", "each time in another"],
)
async def test_a_machine_that_answers_everything_is_answered_so_many_times(
    tmp_path: Path, references: bool, most: int, words: str
):
    async with bots(tmp_path, World(references=references), OUR, clock=FakeClock()) as world:
        world.under_way.append((OUR, letter(MACHINE, OUR, "Ticket opened")))

        await world.deliver_all()

    assert len(world.sent) == most
    assert world.ends[-1] == ("capped", f"{most} mails {words}")


async def test_a_restart_does_not_start_the_count_again_and_an_hour_does(tmp_path: Path):
    most, clock = Caps().per_thread_and_hour, FakeClock()
    async with bots(tmp_path, World(), OUR, clock=clock) as world:
        world.under_way.append((OUR, letter(MACHINE, OUR, "Ticket opened")))
        await world.deliver_all()
    last = world.sent[-1]

    async with bots(tmp_path, World(), OUR, clock=clock) as again:
        again.answer_by_machine(MACHINE, last)
        await again.deliver_all()
        assert (len(again.sent), again.ends[-1][0]) == (0, "capped")

        clock.now += timedelta(hours=1, seconds=1)
        again.under_way.append(
            (OUR, letter(MACHINE, OUR, "Ticket closed", f"In-Reply-To: {last['Message-ID']}\r\n"))
        )
        await again.deliver_all()

    assert len(again.sent) == most


# ---------------------------------------------------------------- our own mail


def as_it_left(raw: bytes) -> bytes:
    return raw


def without_its_headers(raw: bytes) -> bytes:
    return without(raw, TELLTALE)


def as_somebody_elses(raw: bytes) -> bytes:
    """A mailing list or a gateway that writes its own name into From."""
    return re.sub(rb"(?m)^From: .*$", b"From: Dora <dora@elsewhere.example>", without_its_headers(raw))


def with_a_new_id(raw: bytes) -> bytes:
    return re.sub(rb"(?m)^Message-ID: .*\r$", b"Message-ID: <new@gate.example>\r", without_its_headers(raw))


def from_its_reply_address(raw: bytes) -> bytes:
    token = "a" * 26
    return re.sub(rb"(?m)^From: .*$", f"From: bot+{token}@one.example".encode(), with_a_new_id(raw))


@pytest.mark.parametrize(
    "echo", [as_it_left, without_its_headers, as_somebody_elses, with_a_new_id, from_its_reply_address]
)
async def test_our_own_mail_that_comes_back_is_not_answered(tmp_path: Path, echo: Callable[[bytes], bytes]):
    async with bots(tmp_path, World(), OUR, clock=FakeClock()) as world:
        world.under_way.append((OUR, letter("dora@elsewhere.example", OUR, "Hello")))
        await world.boxes[OUR].arrives(world.under_way.popleft()[1])
        await world.bots[OUR].settle()
        (_, ours) = world.under_way.popleft()

        world.under_way.append((OUR, echo(ours)))
        await world.deliver_all()

    assert len(world.sent) == 1
    assert world.ends[-1][0] == "ignored"
