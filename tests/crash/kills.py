"""Kills a real bot under load, again and again, and judges what is left: the plug is pulled at random times.

`bot run` in a process of its own, through the real SDKs, against the simulators; the checker reads the database,
what Slack was told and what the tool did.
"""

import asyncio
import random
import re
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from bot import events as ev
from simulators.messages import MessagesSimulator
from simulators.slack import SlackSimulator
from tests.sim.checks import Counts, check_database, must
from tests.walks.kit import ROOT, RealBot, environment

AGENT = '''"""An agent with one tool that must not run twice."""

import asyncio
import os

from pydantic import BaseModel

from bot.tools import Agent, ToolContext, tool


class Args(BaseModel):
    number: int


@tool(effect="unsafe", risk="low")
async def job(args: Args, ctx: ToolContext) -> str:
    """Do a job."""
    file = os.open({path!r}, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(file, f"{{args.number}}\\n".encode())
    os.close(file)
    await asyncio.sleep(0.4)
    return "done"


jobber = Agent(name="jobber", description="does jobs", prompt="jobber", tools=(job,))
'''
CONFIG = """
default_agent = "jobber"
[paths]
agents = ["more_agents"]
[limits]
take_over_tries = 100
"""
PROMPT = "---\nagent: jobber\n---\nYou do jobs.\n"
NUMBER = re.compile(r"\b(job|message) (\d+)\b")


@dataclass
class Load:
    """People who write all the time; a model that thinks for a moment."""

    seed: int
    slack: SlackSimulator
    said: list[str] = field(default_factory=list)
    asked: int = 0
    stopped: bool = False

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)

    def think(self, request: Mapping[str, Any]) -> dict[str, Any]:
        blocks = [block["text"] for block in request["messages"][0]["content"]][:-1]
        last = max(n for n, block in enumerate(blocks) if block.startswith(("<message", "<edited")))
        found = NUMBER.search(blocks[last])
        kind, number = (found[1], int(found[2])) if found else ("message", 0)
        done = any(block.startswith("<tool_result") for block in blocks[last:])
        call = {"tool": "job", "args": {"number": number}} if kind == "job" and not done else None
        step = {
            "intent": "call_tool" if call else "reply",
            "message": "" if call else f"answer to {number}",
            "confidence": 0.9,
            "proposed_action": call,
        }
        return {"step": step, "delay": self.random.uniform(0, 0.1)}

    async def people(self) -> None:
        while not self.stopped:
            self.asked += 1
            kind = self.random.choice(("job", "message"))
            who = self.random.choice(("ann", "bob", "carol"))
            text = f"{kind} {self.asked}"
            if self.random.random() < 0.5:
                self.slack.say(who, f"<@U0BOT> {text}", self.random.choice(("general", "random")))
            else:
                self.slack.say(who, text)
            self.said.append(text)
            await asyncio.sleep(self.random.uniform(0.05, 0.3))


async def run(folder: Path, *, kills: int, seed: int) -> Counts:
    """So many lives, each ended by SIGKILL, then one that comes to rest; raises Violation."""
    _lay_out(folder)
    counts: Counts = Counter(kills=kills)
    async with SlackSimulator(time_scale=0.2) as slack:
        load = Load(seed, slack)
        async with MessagesSimulator(load.think) as model:
            bot = RealBot(folder, environment(slack, model.base_url, folder))
            people = asyncio.ensure_future(load.people())
            try:
                await _kill_again_and_again(bot, kills, load)
                load.stopped = True
                await people
                await bot.start()
                await _come_to_rest(bot, slack)
                must(await bot.stop() == 0, "kills", "it did not stop by itself")
            finally:
                people.cancel()
                await bot.kill()
            counts["model calls seen"] = len(model.requests)
        _judge(folder, slack, counts, kills)
        counts["said"] = len(load.said)
    return counts


def _lay_out(folder: Path) -> None:
    (folder / "more_agents").mkdir()
    (folder / "prompts").mkdir()
    (folder / "prompts" / "jobber.md").write_text(PROMPT)
    (folder / "more_agents" / "jobber.py").write_text(AGENT.format(path=str(folder / "jobs")))
    (folder / "config.toml").write_text((ROOT / "config.toml").read_text())
    (folder / "config.local.toml").write_text(CONFIG)
    for prompt in (ROOT / "prompts").glob("*.md"):
        (folder / "prompts" / prompt.name).write_text(prompt.read_text())


async def _kill_again_and_again(bot: RealBot, kills: int, load: Load) -> None:
    for _ in range(kills):
        await bot.start()
        await asyncio.sleep(load.random.uniform(0.3, 4.0))
        await bot.kill()


async def _come_to_rest(bot: RealBot, slack: SlackSimulator) -> None:
    """Until Slack has nothing left to tell, and every thread is idle; a person hands back what they were given."""
    async with httpx.AsyncClient(
        base_url=bot.url, timeout=10, trust_env=False, headers=_bearer(bot)
    ) as client:
        async with asyncio.timeout(120):
            quiet = 0
            while quiet < 3:
                await asyncio.sleep(0.2)
                threads = (await client.get("/api/threads?limit=500")).json()["threads"]
                held = [t for t in threads if t["status"] in ("with_person", "parked", "paused")]
                for thread in held:
                    resumed = await client.post(f"/api/threads/{thread['thread_id']}/resume", json={})
                    resumed.raise_for_status()
                busy = held or slack.state.pending_deliveries() or any(t["status"] != "idle" for t in threads)
                quiet = 0 if busy or not await _is_sent(client) else quiet + 1


async def _is_sent(client: httpx.AsyncClient) -> bool:
    with suppress(httpx.HTTPError):
        text = (await client.get("/metrics")).text
        return "saywhen_outbox_sending 0" in text
    return False


def _bearer(bot: RealBot) -> dict[str, str]:
    return {"authorization": f"Bearer {bot.environ['API_TOKEN']}"}


def _judge(folder: Path, slack: SlackSimulator, counts: Counts, kills: int) -> None:
    logs = check_database(folder / "bot.db", "kills", counts)
    events = [event for log in logs.values() for event in log]
    places = {event.data.place for event in events if isinstance(event.data, ev.MessageReceived)}
    for delivery in slack.state.all_deliveries():
        counts[f"deliveries {delivery.state}"] += 1
        payload = delivery.payload["event"]
        is_for_us = payload.get("bot_id") is None and payload.get("subtype") is None
        if delivery.state == "acked" and is_for_us:
            known = any(place.endswith(payload["ts"]) for place in places)
            must(known, "kills", f"acknowledged and lost: {payload['text']}")
    jobs = Counter((folder / "jobs").read_text().split()) if (folder / "jobs").exists() else Counter[str]()
    must(all(times == 1 for times in jobs.values()), "kills", f"jobs done twice: {jobs.most_common(3)}")
    counts["jobs done"] = jobs.total()
    counts["jobs unknown"] = sum(
        isinstance(event.data, ev.ToolFinished) and event.data.status == "unknown" for event in events
    )
    sent = Counter(message["text"] + (message["thread_ts"] or "") for message in slack.messages())
    answers = [text for text in sent if text.startswith("answer to ")]
    doubled = sum(sent[text] - 1 for text in answers)
    counts["replies"], counts["replies doubled"] = len(answers), doubled
    must(doubled <= kills, "kills", f"{doubled} replies came twice")
    must(
        "Traceback" not in (folder / "output").read_text(errors="replace"),
        "kills",
        "a traceback in the output",
    )
