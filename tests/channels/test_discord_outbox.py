"""Answers on their way to a Discord that fails: the real store, loop and outbox behind the real adapter.

The rows O01 to O10 of what sending has to survive, with the counts that they ask for.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from bot.delivery import OutboxPolicy
from bot.events import DeliveryReported, Event, ModelAnswered
from bot.people import Contact
from bot.testing import reply
from channels.discord.failures import CallFailed
from channels.discord.parts import LIMIT, split
from simulators.discord import DiscordSimulator
from simulators.discord.config import DiscordConfig
from simulators.discord.faults import Fault, Kind, Operation
from tests.channels.discord_desk import simulated, sitting
from tests.conformance.discord_venue import DiscordVenue
from tests.conformance.stage import QUICK, Stage, open_idle_stage

PATIENT = replace(QUICK, most=timedelta(seconds=0.2))
LONG = "\n".join(f"line {number} of a long answer" for number in range(330))


@dataclass
class Post:
    """A bot whose answers go to Discord. Bob is the operator."""

    stage: Stage
    discord: DiscordSimulator

    def say(self, person: str = "ann", text: str = "hello") -> None:
        self.discord.say(person, text)

    def sends(self) -> int:
        """How many messages we have asked Discord to create."""
        return sum(request.operation == "send" for request in self.discord.rest.requests)

    def to(self, person: str) -> list[str]:
        return [message["text"] for message in self.discord.messages(to=person)]

    async def told(self, person: str, count: int = 1) -> list[str]:
        """Until so many messages have reached somebody."""
        await self.stage.until(lambda: len(self.to(person)) >= count, lambda: self.to(person))
        return self.to(person)

    async def reports(self) -> list[Event]:
        return [event for event in await self.stage.events() if isinstance(event.data, DeliveryReported)]

    async def statuses(self) -> list[str]:
        return [
            event.data.status for event in await self.reports() if isinstance(event.data, DeliveryReported)
        ]

    async def reported(self, *wanted: str) -> None:
        """Until the reports are these."""
        async with asyncio.timeout(40):
            while await self.statuses() != list(wanted):  # noqa: ASYNC110 - the store tells nobody
                await asyncio.sleep(0.01)


@asynccontextmanager
async def post(
    folder: Path, discord: DiscordSimulator | None = None, *, policy: OutboxPolicy = PATIENT, **how: float
) -> AsyncIterator[Post]:
    """The adapter does not run yet."""

    @asynccontextmanager
    async def venue() -> AsyncIterator[DiscordVenue]:
        async with discord or simulated() as open_:
            yield DiscordVenue(open_, **how)

    async with open_idle_stage(venue, "discord", folder) as stage:
        assert isinstance(stage.venue, DiscordVenue)
        found = stage.venue.discord
        stage.policy = policy
        bob = found.guild.person("bob").discord
        stage.operator = Contact("discord", str(found.config.bot_id), bob)
        yield Post(stage, found)
        assert found.posting.careless == []


@asynccontextmanager
async def running(folder: Path, discord: DiscordSimulator | None = None, **how: Any) -> AsyncIterator[Post]:
    async with post(folder, discord, **how) as office, office.stage.running():
        yield office


# ---------------------------------------------------------------- O01: asked to slow down


@pytest.mark.parametrize(
    "told", [0.2, 1, None, -5.0, "Wed, 21 Oct 2026 07:28:00 GMT", "soon", "nan"], ids=str
)
async def test_nothing_goes_out_before_the_time_that_discord_named(tmp_path: Path, told: float | str | None):
    async with running(tmp_path) as office:
        office.discord.faults.add(Fault("429", retry_after=told, times=1 if told == 1 else 3))
        office.say()
        await office.told("ann")
        await office.reported(*["failed"] * (office.sends() - 1), "sent")

        early = sum(early_try(before, after) for before, after in pairwise(await office.reports()))
        assert (early, office.to("ann")) == (0, ["I heard you."])


def early_try(before: Event, after: Event) -> bool:
    assert isinstance(before.data, DeliveryReported)
    assert before.data.not_before is not None
    return after.time < before.data.not_before


async def test_a_long_wait_is_kept_over_a_restart_and_holds_nobody_else_up(tmp_path: Path):
    async with post(tmp_path) as office:
        office.discord.faults.add(Fault("429", retry_after=3_600))
        async with office.stage.running():
            office.say()
            await office.reported("failed")
        async with office.stage.running():
            office.say("bob")
            await office.told("bob")

        (report, _) = await office.reports()
        assert isinstance(report.data, DeliveryReported)
        assert report.data.not_before is not None
        assert report.data.not_before - report.time > timedelta(minutes=59)
        assert (office.to("ann"), office.sends()) == ([], 2)


# ---------------------------------------------------------------- O02, O04, O05: nobody knows


@pytest.mark.parametrize("kind", ["500", "502", "503"])
async def test_a_discord_in_trouble_is_asked_once_for_each_try_and_gets_one_message(
    tmp_path: Path, kind: Kind
):
    async with running(tmp_path) as office:
        office.discord.faults.add(Fault(kind, times=4))
        office.say()
        await office.told("ann")
        await office.reported(*["unknown"] * 4, "sent")

        assert (office.sends(), office.to("ann")) == (5, ["I heard you."])


@pytest.mark.parametrize("kind", ["reset_after_accept", "reset_before_accept", "garbage"])
async def test_ten_answers_of_which_nobody_knows_are_ten_messages(tmp_path: Path, kind: Kind):
    async with running(tmp_path) as office:
        for number in range(1, 11):
            office.discord.faults.add(Fault(kind))
            office.say(text=f"question {number}")
            await office.told("ann", number)
            await office.reported(*["unknown", "sent"] * number)

        duplicates = len(office.to("ann")) - 10
        print(f"{kind}: 10 answers in doubt, {duplicates} duplicates, {office.sends()} calls")
        assert duplicates == 0
        assert office.sends() <= 20


async def test_a_call_that_hangs_holds_up_nobody_else_and_ends(tmp_path: Path):
    async with running(tmp_path, timeout=0.5) as office:
        office.discord.faults.add(Fault("hang"))
        office.say("ann")
        await office.stage.until(lambda: not office.discord.faults.waiting)
        office.say("bob")
        await office.told("bob")
        await office.told("ann")

        assert office.to("ann") == office.to("bob") == ["I heard you."]


# ---------------------------------------------------------------- O06, O07: it never goes


async def test_a_part_that_never_goes_ends_its_message_in_order_and_an_operator_hears_of_it(tmp_path: Path):
    parts = split(LONG)
    assert len(parts) == 5

    def think(_request: Mapping[str, Any]) -> ModelAnswered:
        return reply(LONG if len(office.stage.bot.model.requests) == 1 else "the next answer")

    async with running(tmp_path, policy=replace(PATIENT, most_attempts=4)) as office:
        office.stage.answer = think
        office.discord.faults.add(Fault("503", skip=2, times=4))
        office.say("ann", "tell me all")
        (notice,) = await office.told("bob")
        office.say("ann", "and now?")
        await office.told("ann", 3)

        assert [text.strip() for text in office.to("ann")] == [
            *(part.strip() for part in parts[:2]),
            "the next answer",
        ]
        assert "of 5 parts the first 2 arrived" in notice
        assert office.sends() == 2 + 4 + 1 + 1


@pytest.mark.parametrize(
    ("code", "status"), [(50007, 403), (10003, 404), (50001, 403), (50013, 403), (50083, 400)]
)
async def test_what_can_never_arrive_is_tried_once_and_an_operator_hears_of_it(
    tmp_path: Path, code: int, status: int
):
    async with running(tmp_path) as office:
        office.discord.faults.add(Fault("error", code=code, status=status))
        office.say("ann")
        (notice,) = await office.told("bob")
        await office.reported("dead", "sent")

        (dead, _) = await office.reports()
        assert isinstance(dead.data, DeliveryReported)
        assert dead.data.unreachable is (code == 50007)
        assert (office.to("ann"), office.sends()) == ([], 2)
        assert f"code {code}" in notice


# ---------------------------------------------------------------- O09: as fast as Discord allows


@pytest.mark.parametrize(
    "pace", [1.0, 0.0], ids=["paced by us", "held back by what Discord says of its limit"]
)
async def test_many_messages_to_one_place_get_no_penalty_and_leave_room_for_others(
    tmp_path: Path, pace: float
):
    """Five messages in five seconds, at a scale of 1:50."""
    answer = "\n\n".join(f"{number} {'x' * (LIMIT - 50)}" for number in range(40))
    discord = DiscordSimulator(config=DiscordConfig(session_seconds=1e6), time_scale=0.02)

    def think(_request: Mapping[str, Any]) -> ModelAnswered:
        return reply(answer if len(office.stage.bot.model.requests) == 1 else "short")

    async with running(tmp_path, discord, pace=pace * 0.02) as office:
        office.stage.answer = think
        office.say("ann")
        await office.told("ann")
        office.say("bob")
        told = await office.told("ann", 40)

        refused = sum(request.status == 429 for request in discord.rest.requests)
        order = [message["text"] for message in office.discord.messages(from_="bot")]
        print(f"40 messages to one place: {refused} times 429")
        assert refused == 0
        assert [text.split()[0] for text in told] == [str(number) for number in range(40)]
        assert order.index("short") < len(order) - 1


# ---------------------------------------------------------------- O10: nobody tries again behind our back

HERE = {"channel_id": "300000000000000010"}
CALLS: tuple[tuple[Operation, str, str, dict[str, str]], ...] = (
    ("send", "POST", "/channels/{channel_id}/messages", HERE),
    ("edit", "PATCH", "/channels/{channel_id}/messages/{message_id}", {**HERE, "message_id": "1"}),
    ("history", "GET", "/channels/{channel_id}/messages", HERE),
    ("typing", "POST", "/channels/{channel_id}/typing", HERE),
    ("thread", "POST", "/channels/{channel_id}/messages/{message_id}/threads", {**HERE, "message_id": "1"}),
    ("dm", "POST", "/users/@me/channels", {}),
    ("read", "GET", "/channels/{channel_id}", HERE),
)
KINDS: tuple[Kind, ...] = (
    "429", "cloudflare", "500", "502", "503", "garbage", "reset_before_accept", "reset_after_accept",
)  # fmt: skip
KINDS_OF_READS = tuple(kind for kind in KINDS if not kind.startswith("reset"))
"""aiohttp asks for something once more if a connection that it had kept open turns out to be closed."""


async def test_each_call_that_fails_is_one_request_whatever_it_is_and_however_it_fails():
    async with sitting() as desk:
        made, asked = 0, 0
        for operation, method, path, ids in CALLS:
            for kind in KINDS if method != "GET" else KINDS_OF_READS:
                desk.discord.faults.add(Fault(kind, on=operation, retry_after=0.01))
                before = len(desk.discord.rest.requests)
                with pytest.raises(CallFailed):
                    await desk.channel._web.call(method, path, json=body(method), **ids)  # type: ignore[arg-type]  # of a table
                made, asked = made + 1, asked + len(desk.discord.rest.requests) - before
                assert asked == made, (operation, kind)

        print(f"{made} calls that failed were {asked} requests")


def body(method: str) -> dict[str, object] | None:
    return None if method == "GET" else {"content": "hi", "allowed_mentions": {"parse": []}}
