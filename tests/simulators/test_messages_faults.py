"""Each fault as the unmodified SDK sees it: which exception, or which silent half answer."""

import asyncio
import json
import time

import anthropic
import httpx2
import pytest

from simulators.messages import MessagesSimulator
from simulators.messages_faults import KINDS, Fault
from simulators.messages_script import Reply
from tests.simulators.messages_kit import STEP, client_of, request

TEXT = "The quick brown fox jumps over the lazy dog, again and again. 🦊"

RAISED: dict[str, type[Exception]] = {
    "bad_request": anthropic.BadRequestError,
    "too_long": anthropic.BadRequestError,
    "low_credit": anthropic.BadRequestError,
    "unauthorized": anthropic.AuthenticationError,
    "billing": anthropic.PaymentRequiredError,
    "forbidden": anthropic.PermissionDeniedError,
    "not_found": anthropic.NotFoundError,
    "too_large": anthropic.RequestTooLargeError,
    "rate_limited": anthropic.RateLimitError,
    "spend_limit": anthropic.RateLimitError,
    "error": anthropic.InternalServerError,
    "gateway_timeout": anthropic.InternalServerError,
    "overloaded": anthropic.OverloadedError,
    "bad_gateway": anthropic.InternalServerError,
    "unavailable": anthropic.ServiceUnavailableError,
    "disconnect": anthropic.APIConnectionError,
    "disconnect_mid": anthropic.APIConnectionError,
    "cut_json": json.JSONDecodeError,
    "empty_body": json.JSONDecodeError,
    "pings": anthropic.APIConnectionError,
}
SILENT = {"html", "empty_object", "null", "no_message_stop", "sse_error", "delay", "slow"}


async def read_stream(client, seen):
    async for event in await client.messages.create(**request(), stream=True):
        seen.append(event.type)


def test_every_fault_is_in_these_tests():
    assert set(RAISED) | SILENT == KINDS


@pytest.mark.parametrize("kind", RAISED)
async def test_a_fault_raises_what_the_sdk_makes_of_it_and_the_next_call_is_fine(kind):
    async with MessagesSimulator([TEXT]) as sim, client_of(sim) as client:
        sim.faults.add(kind, seconds=0.05)
        with pytest.raises(RAISED[kind]) as caught:
            await client.messages.create(**request())
        message = await client.messages.create(**request())

    assert message.content[0].text == TEXT
    if isinstance(caught.value, anthropic.APIStatusError) and kind not in ("bad_gateway", "unavailable"):
        assert caught.value.request_id == sim.requests[0].request_id
        assert caught.value.api_message


async def test_the_sdk_lets_html_an_empty_object_and_null_through():
    script = [Fault("html"), Fault("empty_object"), Fault("null")]
    async with MessagesSimulator(script) as sim, client_of(sim) as client:
        html = await client.messages.create(**request())
        empty = await client.messages.create(**request())
        null = await client.messages.create(**request())

    assert isinstance(html, str)
    assert empty.stop_reason is None
    assert null is None


async def test_an_error_body_can_come_with_a_200():
    async with (
        MessagesSimulator([Reply(text=TEXT, fault=Fault("sse_error"))]) as sim,
        client_of(sim) as client,
    ):
        message = await client.messages.create(**request())

    assert message.type == "error"


@pytest.mark.parametrize("kind", ["cut_json", "no_message_stop", "pings"])
async def test_a_stream_that_ends_early_but_cleanly_raises_nothing(kind):
    async with MessagesSimulator([TEXT]) as sim, client_of(sim) as client:
        sim.faults.add(kind, seconds=0.05)
        stream = await client.messages.create(**request(), stream=True)
        kinds = [event.type async for event in stream]

    assert "message_stop" not in kinds
    assert ("message_delta" in kinds) == (kind == "no_message_stop")


@pytest.mark.parametrize(
    ("kind", "raised"),
    # once the stream has begun, the SDK no longer wraps what its HTTP client raises
    [("disconnect", anthropic.APIConnectionError), ("disconnect_mid", httpx2.RemoteProtocolError)],
)
async def test_a_stream_that_is_cut_off_raises(kind, raised):
    seen: list[str] = []
    async with MessagesSimulator([TEXT]) as sim, client_of(sim) as client:
        sim.faults.add(kind)
        with pytest.raises(raised):
            await read_stream(client, seen)

    assert "message_stop" not in seen
    assert ("message_start" in seen) == (kind == "disconnect_mid")


async def test_an_error_event_in_a_stream_raises_that_error():
    async with MessagesSimulator([TEXT]) as sim, client_of(sim) as client:
        sim.faults.add("sse_error", type="rate_limit_error", message="slow down")
        with pytest.raises(anthropic.APIStatusError, match="slow down"):
            await read_stream(client, [])


async def test_a_delay_only_costs_time():
    async with MessagesSimulator([TEXT]) as sim, client_of(sim) as client:
        sim.faults.add("delay", seconds=0.2)
        start = time.monotonic()
        message = await client.messages.create(**request())

    assert time.monotonic() - start >= 0.2
    assert message.content[0].text == TEXT


@pytest.mark.parametrize("stream", [False, True])
async def test_one_byte_at_a_time_runs_into_a_total_deadline(stream):
    async with MessagesSimulator([TEXT]) as sim, client_of(sim) as client:
        sim.faults.add("slow", seconds=0.01)
        call = read_stream(client, []) if stream else client.messages.create(**request())
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(call, 0.3)


@pytest.mark.parametrize("retry_after", ["1", "3600", "-1", "Wed, 21 Oct 2026 07:28:00 GMT", "soon", None])
async def test_retry_after_is_sent_as_it_was_given(retry_after):
    async with MessagesSimulator() as sim, client_of(sim) as client:
        sim.faults.add("rate_limited", retry_after=retry_after)
        with pytest.raises(anthropic.RateLimitError) as caught:
            await client.messages.create(**request())

    assert caught.value.response.headers.get("retry-after") == retry_after


async def test_a_fault_leaves_the_script_where_it_was():
    async with MessagesSimulator(["one", "two"]) as sim, client_of(sim) as client:
        sim.faults.add("disconnect_mid")
        with pytest.raises(anthropic.APIConnectionError):
            await client.messages.create(**request())
        texts = [(await client.messages.create(**request())).content[0].text for _ in range(2)]

    assert texts == ["one", "two"]


async def test_a_fault_in_the_script_takes_its_own_turn():
    async with MessagesSimulator(["one", Fault("overloaded"), "two"]) as sim, client_of(sim) as client:
        assert (await client.messages.create(**request())).content[0].text == "one"
        with pytest.raises(anthropic.OverloadedError):
            await client.messages.create(**request())
        assert (await client.messages.create(**request())).content[0].text == "two"


async def test_a_fault_can_hit_one_model_or_begin_later():
    async with MessagesSimulator(lambda _: TEXT) as sim, client_of(sim) as client:
        sim.faults.add("overloaded", times=None, model="claude-sonnet-5-5", skip=1)
        await client.messages.create(**request())
        for _ in range(3):
            with pytest.raises(anthropic.OverloadedError):
                await client.messages.create(**request())
            await client.messages.create(**request(model="claude-haiku-5-5"))
        sim.faults.clear()
        await client.messages.create(**request())

    assert len(sim.requests) == 8


async def test_counting_can_fail_on_its_own():
    async with MessagesSimulator([TEXT]) as sim, client_of(sim) as client:
        sim.faults.add("error", endpoint="count_tokens")
        await client.messages.create(**request())
        with pytest.raises(anthropic.InternalServerError):
            await client.messages.count_tokens(model="claude-sonnet-5-5", messages=request()["messages"])


async def test_a_whole_http_answer_can_be_scripted():
    reply = Reply(body=b"teapot", status=418, headers={"content-type": "text/plain", "x-kind": "tea"})
    async with MessagesSimulator([reply]) as sim, client_of(sim) as client:
        with pytest.raises(anthropic.APIStatusError) as caught:
            await client.messages.create(**request())

    assert (caught.value.status_code, caught.value.response.headers["x-kind"]) == (418, "tea")


async def test_the_simulator_stops_at_once_while_a_call_still_waits():
    async with MessagesSimulator([Reply(step=STEP, delay=60)]) as sim, client_of(sim) as client:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.messages.create(**request()), 0.3)
        start = time.monotonic()

    assert time.monotonic() - start < 5


def test_an_unknown_fault_is_refused_with_the_list_of_kinds():
    with pytest.raises(ValueError, match="overloaded"):
        Fault("overlaoded")
