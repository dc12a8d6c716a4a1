"""`python -m simulators`: one port, one line of addresses, state that stays, a quick end."""

import asyncio
import json
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

PEOPLE = [{"name": "dora", "slack_user_id": "U0DORA", "tz": "Europe/Paris", "email": "dora@example.com"}]


@asynccontextmanager
async def simulators(state: Path, *more: str) -> AsyncIterator[tuple[Process, dict[str, str]]]:
    command = [
        sys.executable,
        "-m",
        "simulators",
        "--state",
        str(state),
        "--people",
        json.dumps(PEOPLE),
        *more,
    ]
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, cwd=Path(__file__).parents[2])
    assert process.stdout is not None
    try:
        yield process, json.loads(await asyncio.wait_for(process.stdout.readline(), 20))
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def say(addresses: dict[str, str], text: str) -> dict[str, Any]:
    async with aiohttp.ClientSession() as session:
        body = {"from": "dora", "text": text}
        async with session.post(f"{addresses['sim_url']}/sim/slack/say", json=body) as response:
            answer: dict[str, Any] = await response.json()
            return answer


async def get(url: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return response.status, await response.text()


async def test_everything_is_on_one_port_and_the_page_is_there(tmp_path: Path):
    async with simulators(tmp_path / "sim.db") as (_, addresses):
        status, html = await get(f"{addresses['sim_url']}/sim")
        style, _ = await get(f"{addresses['sim_url']}/sim/static/sim.css")
        said = await say(addresses, "hello")

    assert addresses.keys() >= {"slack_api_url", "messages_url", "sim_url"}
    assert addresses["slack_api_url"] == addresses["sim_url"] + "/slack/api/"
    assert (status, style) == (200, 200)
    assert "dora" in html
    assert (said["ok"], said["channel"]) == (True, "D0DORA")


async def test_the_control_of_the_messages_api_refuses_foreign_hosts_too(tmp_path: Path):
    async with simulators(tmp_path / "sim.db") as (_, addresses), aiohttp.ClientSession() as session:
        url = f"{addresses['messages_url']}/control/faults"
        async with session.get(url, headers={"Host": "evil.example"}) as foreign, session.get(url) as own:
            assert (foreign.status, own.status) == (403, 200)


async def test_sigterm_ends_it_cleanly_within_two_seconds_even_with_an_open_socket(tmp_path: Path):
    async with simulators(tmp_path / "sim.db") as (process, addresses), aiohttp.ClientSession() as session:
        headers = {"Authorization": "Bearer xapp-demo"}
        async with session.post(
            addresses["slack_api_url"] + "apps.connections.open", headers=headers
        ) as response:
            url = (await response.json())["url"]
        async with session.ws_connect(url) as ws:
            await ws.receive_json()
            await say(addresses, "never acknowledged")

            process.send_signal(signal.SIGTERM)

            assert await asyncio.wait_for(process.wait(), 2) == 0


async def test_a_kill_loses_neither_messages_nor_undelivered_events(tmp_path: Path):
    async with simulators(tmp_path / "sim.db") as (process, addresses):
        said = await say(addresses, "remember me")
        process.kill()
        await process.wait()

    async with simulators(tmp_path / "sim.db") as (_, addresses):
        _, conversation = await get(f"{addresses['sim_url']}/sim/slack/conversation?channel=dora")
        _, events = await get(f"{addresses['sim_url']}/sim/slack/events")

    assert [message["ts"] for message in json.loads(conversation)] == [said["ts"]]
    assert [(e["event_id"], e["state"]) for e in json.loads(events)] == [(said["event_id"], "pending")]


async def test_it_ends_when_its_parent_is_not_the_one_that_started_it(tmp_path: Path):
    async with simulators(tmp_path / "sim.db", "--parent", "1") as (process, _):
        assert await asyncio.wait_for(process.wait(), 2) == 0
