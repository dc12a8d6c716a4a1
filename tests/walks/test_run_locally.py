"""Run it locally: talk to it over HTTP, kill it, and find everything where it was."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from simulators.messages import MessagesSimulator
from simulators.slack import SlackSimulator
from tests.walks.kit import RealBot, environment

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bot(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RealBot]:
    folder: Path = tmp_path_factory.mktemp("walk")
    async with SlackSimulator() as slack, MessagesSimulator() as model:
        bot = RealBot(folder, environment(slack, model.base_url, folder))
        await bot.start()
        try:
            yield bot
        finally:
            await bot.kill()


def client(bot: RealBot) -> httpx.AsyncClient:
    token = bot.environ["API_TOKEN"]
    return httpx.AsyncClient(
        base_url=bot.url, timeout=30, trust_env=False, headers={"authorization": f"Bearer {token}"}
    )


async def say(bot: RealBot, text: str, *, conversation: str = "c1", id: str = "") -> dict[str, Any]:
    async with client(bot) as http:
        body = {"conversation": conversation, "text": text} | ({"id": id} if id else {})
        answer = await http.post("/api/messages?wait=20", json=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_message_is_answered_and_its_reminder_arrives_in_the_same_thread(bot: RealBot):
    said = await say(bot, "remind me in 1 second to stretch")

    assert "stretch" in said["reply"]
    async with client(bot) as http:
        for _ in range(40):
            events = (await http.get(f"/api/threads/{said['thread_id']}/events?wait=1")).json()["events"]
            if [event["type"] for event in events][-1] == "turn.ended" and "timer.fired" in str(events):
                break
            await asyncio.sleep(0.1)
    assert "timer.fired" in [event["type"] for event in events]


async def test_after_kill_minus_nine_the_conversation_goes_on_and_a_repeated_message_is_known(bot: RealBot):
    before = await say(bot, "what time is it?", conversation="c2", id="m1")

    await bot.kill()
    await bot.start()
    again = await say(bot, "what time is it?", conversation="c2", id="m1")
    after = await say(bot, "and in Tokyo?", conversation="c2", id="m2")

    assert (again["thread_id"], again["seq"]) == (before["thread_id"], before["seq"])
    assert after["thread_id"] == before["thread_id"]
    assert after["reply"]
