"""`python -m simulators` with Discord: its addresses, its people, and what a kill leaves."""

import asyncio
import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from simulators.people import Person
from simulators.server import Options, serve
from tests.simulators.test_twilio_server import get, simulators

DORA = {"name": "dora", "discord": "200000000000000777"}


async def say(addresses: dict[str, str], body: dict[str, Any]) -> dict[str, Any]:
    url = f"{addresses['sim_url']}/sim/discord/say"
    async with aiohttp.ClientSession() as session, session.post(url, json=body) as response:
        answer: dict[str, Any] = await response.json()
        return answer


async def resumed(addresses: dict[str, str], session_id: str, seq: int) -> list[str]:
    """The texts that a session gets when it is resumed."""
    texts = []
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(addresses["discord_gateway_url"]) as ws,
    ):
        token = addresses["discord_bot_token"]
        await ws.send_json({"op": 6, "d": {"token": token, "session_id": session_id, "seq": seq}})
        while (frame := await ws.receive_json(timeout=30))["t"] != "RESUMED":
            if frame["t"] == "MESSAGE_CREATE":
                texts.append(frame["d"]["content"])
    return texts


async def test_the_addresses_are_all_that_a_bot_needs_and_a_kill_loses_nothing(tmp_path: Path):
    people = ("--people", json.dumps([DORA]))
    async with simulators(tmp_path / "sim.db", *people) as (process, addresses):
        headers = {"Authorization": f"Bot {addresses['discord_bot_token']}"}
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.get(f"{addresses['discord_api_url']}/users/@me") as response,
            session.ws_connect(addresses["discord_gateway_url"]) as ws,
        ):
            me = await response.json()
            identify = {"token": addresses["discord_bot_token"], "intents": 1 | (1 << 12)}
            await ws.send_json({"op": 2, "d": identify})
            while (frame := await ws.receive_json(timeout=30))["t"] != "READY":
                pass
            said = await say(addresses, {"from": "dora", "text": "hi"})
            process.kill()
            await process.wait()
        _session = frame["d"]["session_id"]

    async with simulators(tmp_path / "sim.db", *people) as (_, addresses):
        await say(addresses, {"from": "dora", "text": "again"})
        texts = await resumed(addresses, _session, frame["s"])
        _, listed = await get(addresses, "/sim/discord/messages?from=dora")
        _, html = await get(addresses, "/sim")

    assert me["username"] == "saywhen"
    assert texts == ["hi", "again"]
    assert json.loads(listed)["messages"][0]["id"] == said["id"]
    assert 'id="pane-discord"' in html
    assert '<option value="dora">' in html


async def test_nobody_on_discord_leaves_its_pane_out(capsys: pytest.CaptureFixture[str]):
    stop = asyncio.Event()
    serving = asyncio.create_task(serve(Options(people=(Person("emil", sms="+15550100009"),)), stop=stop))
    while not (said := capsys.readouterr().out):
        assert not serving.done()
        await asyncio.sleep(0.01)
    status, html = await get(json.loads(said), "/sim")
    stop.set()
    await serving

    assert status == 200
    assert 'id="pane-discord"' not in html
