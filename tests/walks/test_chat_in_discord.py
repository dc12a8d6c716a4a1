"""Chat in Discord: a conversation, a picture, a long answer, a thumb, and approvals by button, by the real program."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest
import pytest_asyncio

from simulators.discord import DiscordSimulator
from simulators.discord.config import BOT_TOKEN, DiscordConfig, Json
from simulators.discord.outgoing import Upload
from simulators.messages import MessagesSimulator
from simulators.people import Person
from tests.channels.mail_torture import png
from tests.walks.kit import RealBot, environment

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]

T = TypeVar("T")

PATIENCE = 40  # seconds; nothing is decided by time, and slow machines are slow
PEOPLE = tuple(
    Person(name, discord=f"10000000000000000{number}")
    for number, name in enumerate(("ann", "bob", "carol"), start=1)
)
SETTINGS = """
[channels.discord]
pace = "20ms"

[[people]]
name = "carol"
contact_order = ["discord"]
"""
ONCE = ["approval.requested", "approval.resolved", "tool.started", "task.started", "task.finished"]


@dataclass
class Walk:
    discord: DiscordSimulator
    bot: RealBot

    def seen(self, person: str) -> list[Json]:
        """What the bot has written to somebody alone, the oldest first."""
        return self.discord.messages(to=person)

    def in_thread(self, id_: int) -> list[Json]:
        return [each for each in self.discord.messages(from_="bot") if each["channel"] == str(id_)]

    async def reads(self, person: str, part: str, *, after: int = 0) -> Json:
        """The first message to somebody that says this, of those after the first `after`."""
        return await self.until(
            lambda: next((each for each in self.seen(person)[after:] if part in each["text"]), None),
            lambda: self.seen(person),
        )

    async def asked(self, text: str) -> Json:
        """Ann asks for something; returns the request that Carol gets."""
        before = len(self.seen("carol"))
        self.discord.say("ann", text)
        return await self.reads("carol", "ann asks for:", after=before)

    def deployed(self, tag: str) -> int:
        log = self.bot.folder / "deploys"
        return log.read_text().splitlines().count(f"deployed {tag} to staging") if log.exists() else 0

    async def get(self, path: str) -> Any:
        async with httpx.AsyncClient(base_url=self.bot.url, timeout=20, trust_env=False) as http:
            return (await http.get(path)).json()

    async def events(self, conversation: str) -> list[Json]:
        threads = (await self.get("/api/threads"))["threads"]
        (thread_id,) = [each["thread_id"] for each in threads if each["conversation"] == conversation]
        found: list[Json] = (await self.get(f"/api/threads/{thread_id}/events"))["events"]
        return found

    async def until(self, look: Callable[[], T | None], seen: Callable[[], object] = lambda: None) -> T:
        try:
            async with asyncio.timeout(PATIENCE):
                while (found := look()) is None:  # noqa: ASYNC110 - anything that may become true
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(f"waited in vain; there was {seen()}") from None
        return found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def walk(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Walk]:
    """The bot is running on Discord alone; the demo brain thinks."""
    folder: Path = tmp_path_factory.mktemp("walk")
    (folder / "config.local.toml").write_text(SETTINGS)
    async with DiscordSimulator(config=DiscordConfig(people=PEOPLE)) as discord, MessagesSimulator() as model:
        environ = environment(None, model.base_url, folder) | {
            "DISCORD_BOT_TOKEN": BOT_TOKEN,
            "DISCORD_API_URL": discord.api_url,
            "DISCORD_GATEWAY_URL": discord.gateway_url,
            "DEPLOY_LOG": str(folder / "deploys"),
        }
        bot = RealBot(folder, environ, ("--dev", "--simulated", "model,discord"))
        await bot.start()
        try:
            yield Walk(discord, bot)
            assert await bot.stop() == 0
            assert "Traceback" not in bot.output()
            assert discord.posting.careless == []
            assert discord.pings() == []
        finally:
            await bot.kill()


async def test_a_mention_opens_a_thread_in_which_the_conversation_goes_on(walk: Walk):
    said = walk.discord.say("bob", "what time is it in Tokyo?", "general")
    first = await walk.until(lambda: next(iter(walk.in_thread(said.id)), None))

    walk.discord.say("bob", "and in Paris?", str(said.id), mention=False)
    second = await walk.until(lambda: next(iter(walk.in_thread(said.id)[1:]), None))

    assert "Tokyo" in first["text"]
    assert "Paris" in second["text"]


async def test_a_picture_is_shown_to_the_model(walk: Walk):
    cat = Upload("cat.png", "image/png", png(7, 9))

    walk.discord.say("bob", "what is on this picture?", files=[cat])

    answer = await walk.reads("bob", "You have shown me")
    assert "a picture (image/png)" in answer["text"]


async def test_a_long_answer_comes_in_parts_and_a_thumb_under_it_is_feedback(walk: Walk):
    before = len(walk.seen("bob"))
    said = walk.discord.say("bob", "give me a long answer")
    await walk.reads("bob", "", after=before + 1)

    walk.discord.react("bob", walk.seen("bob")[-1]["id"], "\U0001f44d")
    walk.discord.say("bob", "thank you")
    await walk.reads("bob", "You are welcome", after=before)

    events = await walk.events(str(said.channel))
    (feedback,) = [event["data"] for event in events if event["type"] == "feedback.received"]
    assert feedback["rating"] == 5
    assert all(len(each["text"]) <= 2_000 for each in walk.seen("bob"))


async def test_a_deployment_runs_once_after_a_press_of_approve(walk: Walk):
    request = await walk.asked("deploy v1 to staging")
    assert 'tag: "v1"' in request["text"]
    assert walk.deployed("v1") == 0

    await walk.discord.press("carol", request["id"], "Approve")

    await walk.reads("ann", "deploy-staging (tag v1) is done: staging runs v1 now")
    assert walk.deployed("v1") == 1


async def test_a_reason_that_is_filled_in_is_passed_on_and_nothing_runs(walk: Walk):
    request = await walk.asked("deploy v2 to staging")

    await walk.discord.press("carol", request["id"], "Reject")
    await walk.discord.submit("carol", {"words": "it is Friday"})

    await walk.reads("ann", 'carol said no: "it is Friday"')
    assert walk.deployed("v2") == 0


async def test_what_is_changed_in_the_form_is_what_runs(walk: Walk):
    request = await walk.asked("deploy v3 to staging")

    await walk.discord.press("carol", request["id"], "Edit")
    await walk.discord.submit("carol", {"text:tag": "v3.1"})

    await walk.reads("ann", 'carol changed what I had asked for: tag is now "v3.1"')
    await walk.reads("ann", "deploy-staging (tag v3.1) is done")
    assert (walk.deployed("v3"), walk.deployed("v3.1")) == (0, 1)
