"""`python -m simulators` with phones: its addresses, its people, its webhook, and what it keeps."""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
from twilio.rest import Client

from simulators.server import parse_options
from tests.simulators.twilio_kit import ToSimulator, app

EMIL = {"name": "emil", "sms": "+15550100009"}


@asynccontextmanager
async def simulators(state: Path, *more: str) -> AsyncIterator[tuple[Process, dict[str, str]]]:
    command = [sys.executable, "-m", "simulators", "--state", str(state), *more]
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, cwd=Path(__file__).parents[2])
    assert process.stdout is not None
    try:
        yield process, json.loads(await asyncio.wait_for(process.stdout.readline(), 60))
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def say(addresses: dict[str, str], from_: str, text: str) -> dict[str, Any]:
    url = f"{addresses['sim_url']}/sim/sms/say"
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, json={"from": from_, "text": text}) as response,
    ):
        answer: dict[str, Any] = await response.json()
        return answer


async def get(addresses: dict[str, str], path: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(addresses["sim_url"] + path) as response:
        return response.status, await response.text()


async def test_the_addresses_are_all_that_a_bot_needs(tmp_path: Path):
    async with simulators(tmp_path / "sim.db") as (_, addresses):
        async with ToSimulator(addresses["twilio_api_url"]) as http:
            client = Client(addresses["twilio_account_sid"], addresses["twilio_auth_token"], http_client=http)
            sent = await client.messages.create_async(
                to="+15550100003", from_=addresses["twilio_from"], body="hello carol"
            )
        _, messages = await get(addresses, "/sim/sms/messages?to=carol")

    assert addresses["twilio_api_url"] == addresses["sim_url"] + "/twilio"
    assert [message["sid"] for message in json.loads(messages)["messages"]] == [sent.sid]


async def test_people_may_have_slack_or_a_phone_alone(tmp_path: Path):
    dora = {"name": "dora", "slack_user_id": "U0DORA"}
    async with simulators(tmp_path / "sim.db", "--people", json.dumps([dora, EMIL])) as (_, addresses):
        status, html = await get(addresses, "/sim")
        emil, dora_texts = await say(addresses, "emil", "hi"), await say(addresses, "dora", "hi")

    assert status == 200
    assert '<option value="dora">' in html
    assert '<option value="emil">' not in html
    assert 'data-number="+15550100009"' in html
    assert (emil["ok"], dora_texts["ok"]) == (True, False)


async def test_nobody_on_slack_leaves_its_pane_out(tmp_path: Path):
    async with simulators(tmp_path / "sim.db", "--people", json.dumps([EMIL])) as (_, addresses):
        status, html = await get(addresses, "/sim")

    assert status == 200
    assert 'id="pane-sms"' in html
    assert 'id="pane-slack"' not in html


async def test_a_kill_loses_neither_messages_nor_opt_outs_nor_the_webhook(tmp_path: Path):
    async with app() as bot:
        async with simulators(tmp_path / "sim.db", "--sms-webhook", bot.url) as (process, addresses):
            said = await say(addresses, "ann", "stop")
            process.kill()
            await process.wait()

        async with simulators(tmp_path / "sim.db") as (_, addresses):
            _, messages = await get(addresses, "/sim/sms/messages")
            _, webhook = await get(addresses, "/sim/sms/webhook")
            _, pane = await get(addresses, "/sim/sms/pane")

    assert [m["text"][:8] for m in json.loads(messages)["messages"]] == ["stop", "You have"]
    assert json.loads(messages)["messages"][0]["sid"] == said["sid"]
    assert json.loads(webhook)["url"] == bot.url
    assert [phone["stopped"] for phone in json.loads(pane)["phones"]] == [True, False, False]


def test_the_webhook_of_the_command_line_is_left_as_it_was_unless_given():
    assert parse_options([]).sms_webhook is None
    assert parse_options(["--sms-webhook", ""]).sms_webhook == ""
    assert (
        parse_options(["--sms-webhook", "http://127.0.0.1:1/x#rc=5"]).sms_webhook
        == "http://127.0.0.1:1/x#rc=5"
    )
