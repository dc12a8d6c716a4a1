"""Steering over HTTP: what `make run` and tests of whole processes use."""

import json
from datetime import UTC, datetime

import anthropic
import httpx2
import pytest
from aiohttp import web
from anthropic import AsyncAnthropic

from simulators.messages import add_routes
from tests.simulators.messages_kit import STEP, request


@pytest.fixture
async def base_url():
    app = web.Application()
    add_routes(app, prefix="/anthropic", now=lambda: datetime(2026, 11, 23, tzinfo=UTC))
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/anthropic"
    await runner.cleanup()


@pytest.fixture
async def client(base_url):
    async with AsyncAnthropic(base_url=base_url, api_key="sk", max_retries=0) as client:
        yield client


@pytest.fixture
async def control(base_url):
    async with httpx2.AsyncClient(base_url=f"{base_url}/control") as control:
        yield control


async def test_scripted_replies_come_first_and_then_the_demo_brain_again(client, control):
    replies = [
        STEP,
        {"text": "prose"},
        {"body_base64": "/w==", "status": 200},
        {"fault": {"kind": "overloaded"}},
    ]
    scripted = await control.post("/script", json={"replies": replies})

    assert scripted.json() == {"left": 4}
    assert json.loads((await client.messages.create(**request())).content[0].text) == STEP
    assert (await client.messages.create(**request())).content[0].text == "prose"
    with pytest.raises(UnicodeDecodeError):
        await client.messages.create(**request())
    with pytest.raises(anthropic.OverloadedError):
        await client.messages.create(**request())
    assert (await client.messages.create(**request())).model == "demo-brain"


async def test_faults_are_set_shown_and_cleared(client, control):
    await control.post("/faults", json={"kind": "rate_limited", "times": 2, "retry_after": "7"})

    for left in (1, 0):
        with pytest.raises(anthropic.RateLimitError) as caught:
            await client.messages.create(**request())
        assert caught.value.response.headers["retry-after"] == "7"
        assert sum(fault["times"] for fault in (await control.get("/faults")).json()["waiting"]) == left

    await control.post("/faults", json=[{"kind": "error", "times": None}, {"kind": "html"}])
    assert (await control.delete("/faults")).json() == {"waiting": []}
    assert (await client.messages.create(**request())).model == "demo-brain"


async def test_requests_are_listed_without_the_key_and_can_be_forgotten(client, control):
    await client.messages.create(**request("first"))

    listed = await control.get("/requests")

    (call,) = listed.json()["requests"]
    assert call["body"]["messages"][0]["content"][0]["text"] == "first"
    assert (call["endpoint"], call["status"], call["reply"]["model"]) == ("messages", 200, "demo-brain")
    assert "Bearer" not in listed.text
    assert (await control.delete("/requests")).json() == {"requests": []}


async def test_a_script_can_be_taken_back(control):
    await control.post("/script", json={"replies": ["a", "b"]})

    assert (await control.delete("/script")).json() == {"left": 0}
    assert (await control.get("/script")).json() == {"left": 0}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/faults", {"kind": "nonsense"}),
        ("/faults", {"colour": "red"}),
        ("/script", {}),
        ("/script", {"replies": [{"colour": "red"}]}),
    ],
)
async def test_control_that_makes_no_sense_is_a_400_with_a_reason(control, path, body):
    response = await control.post(path, json=body)

    assert response.status_code == 400
    assert response.json()["error"]


async def test_control_that_is_not_json_is_a_400(control):
    assert (await control.post("/script", content=b"{")).status_code == 400
