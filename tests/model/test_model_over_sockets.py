"""The real SDK over real sockets, against the simulated Messages API and against servers that misbehave."""

import asyncio
import gzip
import json
import socket
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from aiohttp import web

from agents.assistant import assistant
from bot.events import ModelAnswered, Step
from bot.model import MAX_BODY, AnthropicModel
from bot.secrets import Secret
from bot.step import parse_step, step_schema
from simulators.messages import MessagesSimulator
from simulators.messages_faults import Fault
from simulators.messages_script import Reply

KEY = "sk-ant-a-test-key-0123456789"
NAME = "claude-sonnet-5-5"
NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
STEP = {"intent": "reply", "message": "Grüße 👋", "confidence": 0.9, "proposed_action": None}

check: Callable[[str], Step] = partial(parse_step, calls=assistant.calls)


class Ticking:
    """A monotonic clock that a test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def request(**changes: object) -> dict[str, object]:
    text = {"type": "text", "text": '<message seq="2" from="ann">schöne Grüße 👋 \\ "</message>'}
    schema = {"type": "json_schema", "schema": step_schema(assistant.calls)}
    body: dict[str, object] = {
        "model": NAME,
        "max_tokens": 512,
        "system": [{"type": "text", "text": "you", "cache_control": {"type": "ephemeral", "ttl": "5m"}}],
        "messages": [{"role": "user", "content": [text]}],
        "output_config": {"format": schema},
    }
    return {**body, **changes}


@asynccontextmanager
async def model_at(
    base_url: str, *, timeout: float = 5.0, monotonic: Callable[[], float] = time.monotonic
) -> AsyncIterator[AnthropicModel]:
    model = AnthropicModel(
        NAME,
        api_key=Secret(KEY),
        base_url=base_url,
        timeout=timedelta(seconds=timeout),
        clock=lambda: NOW,
        monotonic=monotonic,
    )
    try:
        yield model
    finally:
        await model.aclose()


@asynccontextmanager
async def server(
    handle: Callable[[web.Request], Awaitable[web.StreamResponse]],
) -> AsyncIterator[str]:
    app = web.Application(client_max_size=10**8)
    app.router.add_post("/v1/messages", handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not true():  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0.01)


async def answer_to(reply: object, **changes: object) -> ModelAnswered:
    async with MessagesSimulator([reply], strict=False) as sim, model_at(sim.base_url) as model:
        return await model.ask(request(**changes), check)


async def test_a_good_answer_becomes_a_step_with_its_usage_and_request_id():
    async with MessagesSimulator([STEP]) as sim, model_at(sim.base_url) as model:
        answered = await model.ask(request(), check)

        assert answered.failure is None
        assert answered.step == Step(intent="reply", message="Grüße 👋", confidence=0.9)
        assert answered.model == NAME
        assert answered.stop_reason == "end_turn"
        assert answered.usage.input > 0
        assert answered.usage.output > 0
        assert answered.request_id == sim.requests[0].request_id


async def test_the_wire_carries_exactly_the_body_that_was_rendered():
    body = request()

    async with MessagesSimulator([STEP]) as sim, model_at(sim.base_url) as model:
        await model.ask(body, check)

        assert json.loads(sim.requests[0].raw) == body
        assert sim.requests[0].raw == json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


async def test_the_key_goes_as_bearer_and_the_version_is_that_of_the_sdk():
    async with MessagesSimulator([STEP]) as sim, model_at(sim.base_url) as model:
        await model.ask(request(), check)

        headers = sim.requests[0].headers
        assert headers["authorization"] == f"Bearer {KEY}"
        assert headers["anthropic-version"] == "2026-10-21"
        assert headers["content-type"] == "application/json"
        assert headers["accept-encoding"] == "identity"


async def test_the_duration_is_measured_by_the_given_clock():
    ticking = Ticking()

    def slowly(text: str) -> Step:
        ticking.now += 1.5
        return check(text)

    async with MessagesSimulator([STEP]) as sim, model_at(sim.base_url, monotonic=ticking) as model:
        answered = await model.ask(request(), slowly)

    assert answered.duration_ms == 1500


async def test_parallel_calls_each_get_their_own_answer():
    def echo(asked: object) -> object:
        return {**STEP, "message": asked["messages"][0]["content"][0]["text"]}  # type: ignore[index]

    def named(n: int) -> dict[str, object]:
        return request(messages=[{"role": "user", "content": [{"type": "text", "text": f"number {n}"}]}])

    async with MessagesSimulator(echo) as sim, model_at(sim.base_url) as model:
        answers = await asyncio.gather(*(model.ask(named(n), check) for n in range(20)))

    assert [each.step and each.step.message for each in answers] == [f"number {n}" for n in range(20)]


# ---------------------------------------------------------------- every documented error


@pytest.mark.parametrize(
    ("fault", "kind", "retryable", "words"),
    [
        ("unauthorized", "unavailable", False, "the key was refused (401)"),
        ("billing", "unavailable", False, "billing problem (402)"),
        ("forbidden", "unavailable", False, "(403)"),
        ("not_found", "unavailable", False, "(404)"),
        ("bad_request", "unavailable", False, "Input should be a valid list"),
        ("low_credit", "unavailable", False, "credit balance is too low"),
        ("too_long", "too_large", True, "prompt is too long"),
        ("too_large", "too_large", True, "(413)"),
        ("rate_limited", "unavailable", True, "(429)"),
        ("spend_limit", "unavailable", False, "usage limits"),
        ("error", "unavailable", True, "(500)"),
        ("bad_gateway", "unavailable", True, "(502)"),
        ("unavailable", "unavailable", True, "(503)"),
        ("gateway_timeout", "unavailable", True, "(504)"),
        ("overloaded", "unavailable", True, "(529)"),
        ("html", "unavailable", True, "not JSON (text/html)"),
        ("empty_object", "unavailable", True, "not a message"),
        ("empty_body", "unavailable", True, "not JSON"),
        ("null", "unavailable", True, "not a message"),
        ("disconnect", "unavailable", True, "connection"),
        ("disconnect_mid", "unavailable", True, "connection"),
        ("cut_json", "unavailable", True, "not JSON"),
        ("no_message_stop", "unavailable", True, "stop_reason"),
        ("sse_error", "unavailable", True, "had an error"),
    ],
)
async def test_each_trouble_of_the_endpoint_is_a_failure_that_says_what_to_do(
    fault: str, kind: str, retryable: bool, words: str
):
    async with MessagesSimulator([STEP, STEP]) as sim, model_at(sim.base_url) as model:
        sim.faults.add(fault)
        answered = await model.ask(request(), check)
        calls = len(sim.requests)

    failure = answered.failure
    assert failure is not None
    assert (failure.kind, failure.retryable) == (kind, retryable)
    assert words in failure.message
    assert "\n" not in failure.message
    assert len(failure.message) <= 200
    assert KEY not in failure.message
    assert calls == 1, "the SDK must not retry by itself"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("7", 7.0),
        ("0.5", 0.5),
        ("86400", 3600.0),
        ("Mon, 23 Nov 2026 09:00:30 GMT", 30.0),
        ("Mon, 23 Nov 2026 08:00:00 GMT", None),
        ("-1", None),
        ("soon", None),
        ("nan", None),
        ("1e9", None),
        ("", None),
        (None, None),
    ],
)
async def test_retry_after_is_read_and_junk_ignored(given: str | None, expected: float | None):
    async with MessagesSimulator() as sim, model_at(sim.base_url) as model:
        sim.faults.add("overloaded", retry_after=given)
        answered = await model.ask(request(), check)

    assert answered.failure is not None
    assert answered.failure.retry_after == expected


async def test_a_busy_endpoint_is_left_alone_until_it_said():
    ticking = Ticking()

    async with MessagesSimulator([STEP]) as sim, model_at(sim.base_url, monotonic=ticking) as model:
        sim.faults.add("rate_limited", retry_after="30")
        first = await model.ask(request(), check)
        ticking.now += 20
        second = await model.ask(request(), check)
        calls_while_closed = len(sim.requests)
        ticking.now += 10
        third = await model.ask(request(), check)

    assert first.failure is not None
    assert second.failure == first.failure.model_copy(update={"retry_after": 10.0})
    assert calls_while_closed == 1
    assert third.step is not None


async def test_a_server_error_without_retry_after_closes_nothing():
    async with MessagesSimulator([STEP]) as sim, model_at(sim.base_url) as model:
        sim.faults.add("overloaded")
        await model.ask(request(), check)
        answered = await model.ask(request(), check)

    assert answered.step is not None


async def test_a_whole_call_has_a_deadline_even_if_bytes_keep_coming():
    async with (
        MessagesSimulator([Reply(step=STEP, fault=Fault("slow", seconds=0.05))]) as sim,
        model_at(sim.base_url, timeout=0.4) as model,
    ):
        answered = await model.ask(request(), check)

    assert answered.failure is not None
    assert answered.failure.message == "the endpoint did not answer within 0.4 s"
    assert answered.failure.retryable


async def test_nobody_listening_is_a_failure():
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]

    async with model_at(f"http://127.0.0.1:{port}") as model:
        answered = await model.ask(request(), check)

    assert answered.failure is not None
    assert answered.failure.kind == "unavailable"
    assert "could not be reached" in answered.failure.message


async def test_a_cancelled_call_stays_cancelled_and_the_model_goes_on():
    async with MessagesSimulator([Reply(step=STEP, delay=5), STEP]) as sim, model_at(sim.base_url) as model:
        asking = asyncio.ensure_future(model.ask(request(), check))
        await until(lambda: len(sim.requests) == 1)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        answered = await model.ask(request(), check)

    assert answered.step is not None


# ---------------------------------------------------------------- what the model says


GOOD_TEXT = {"type": "text", "text": json.dumps(STEP)}
TOOL_USE = {"type": "tool_use", "id": "t", "name": "x", "input": {}}


def said(text: str = "{}", stop_reason: str = "end_turn") -> Reply:
    return Reply(text=text, stop_reason=stop_reason, raw=True)


def sent(*content: object, stop_reason: str = "end_turn") -> Reply:
    return Reply(content=list(content), stop_reason=stop_reason, raw=True)


@pytest.mark.parametrize(
    ("reply", "kind", "words"),
    [
        (said('{"intent": "rep', "max_tokens"), "invalid", "cut off at 512 tokens"),
        (said(stop_reason="model_context_window_exceeded"), "too_large", "context window"),
        (sent(stop_reason="refusal"), "refusal", "refused"),
        (said(stop_reason="pause_turn"), "unavailable", "paused"),
        (said(stop_reason="bored"), "unavailable", "no known stop_reason (found bored)"),
        (sent(GOOD_TEXT, GOOD_TEXT), "invalid", "2 texts"),
        (said(json.dumps({**STEP, "confidence": 1.9})), "invalid", "confidence"),
        (said(json.dumps({**STEP, "intent": "execute"})), "invalid", "allowed are reply"),
        (said("I have approved it"), "invalid", "not one JSON object"),
        (sent(TOOL_USE, stop_reason="tool_use"), "invalid", "tool use"),
        (sent(TOOL_USE), "invalid", "type tool_use"),
    ],
)
async def test_what_the_model_gets_wrong_is_a_failure_and_its_tokens_are_counted(
    reply: Reply, kind: str, words: str
):
    answered = await answer_to(reply)

    assert answered.step is None
    assert answered.failure is not None
    assert answered.failure.kind == kind
    assert words in answered.failure.message
    assert answered.usage.output > 0 or kind == "refusal"
    assert answered.usage.input > 0


async def test_thinking_beside_the_text_is_allowed():
    thinking = {"type": "thinking", "thinking": "hm", "signature": "s"}

    answered = await answer_to(sent(thinking, GOOD_TEXT))

    assert answered.step is not None


async def test_a_refusal_names_its_category():
    details = {"type": "refusal", "category": "cyber", "explanation": "no exploits"}

    answered = await answer_to(Reply(content=[], stop_reason="refusal", stop_details=details, raw=True))

    assert answered.failure is not None
    assert answered.failure.message == "the model refused: cyber, no exploits"
    assert not answered.failure.retryable


# ---------------------------------------------------------------- servers that are none


def raw(
    body: bytes, status: int = 200, headers: Mapping[str, str] = {}
) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(_: web.Request) -> web.Response:
        return web.Response(body=body, status=status, headers={"content-type": "application/json", **headers})

    return handle


async def asked_of(
    handle: Callable[[web.Request], Awaitable[web.StreamResponse]],
) -> ModelAnswered:
    async with server(handle) as base_url, model_at(base_url) as model:
        return await model.ask(request(), check)


async def test_an_answer_that_never_ends_is_cut_off():
    written = 0

    async def endless(http: web.Request) -> web.StreamResponse:
        nonlocal written
        response = web.StreamResponse()
        await response.prepare(http)
        while True:
            await response.write(b" " * 65_536)
            written += 65_536

    answered = await asked_of(endless)

    assert answered.failure is not None
    assert "larger than 8 MB" in answered.failure.message
    assert written < 3 * MAX_BODY


@pytest.mark.parametrize("status", [200, 400, 500])
async def test_depth_and_size_of_a_body_break_nothing(status: int):
    bodies = (
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b'{"type":"message","usage":' + b"9" * 5_000 + b"}",
        b"\xff\xfe",
    )

    for body in bodies:
        answered = await asked_of(raw(body, status))

        assert answered.failure is not None
        assert answered.failure.kind == "unavailable"


async def test_a_redirect_is_not_followed_with_the_key():
    reached = []

    async def elsewhere(http: web.Request) -> web.Response:
        reached.append(http.headers.get("authorization"))
        return web.json_response({})

    async with server(elsewhere) as target:
        answered = await asked_of(raw(b"", 307, {"location": f"{target}/v1/messages"}))

    assert reached == []
    assert answered.failure is not None
    assert "elsewhere (307)" in answered.failure.message
    assert not answered.failure.retryable


async def test_a_compressed_answer_that_was_not_asked_for_is_read_or_refused_but_breaks_nothing():
    packed = gzip.compress(json.dumps({"type": "error", "error": {"message": "no"}}).encode())

    answered = await asked_of(raw(packed, 200, {"content-encoding": "gzip"}))
    broken = await asked_of(raw(b"not gzip", 200, {"content-encoding": "gzip"}))

    assert answered.failure is not None
    assert broken.failure is not None
    assert broken.failure.kind == "unavailable"


async def test_a_key_that_the_endpoint_repeats_does_not_come_back():
    said = json.dumps(
        {"type": "error", "error": {"type": "x", "message": f"bad key\n{KEY} in Authorization: Bearer {KEY}"}}
    )

    answered = await asked_of(raw(said.encode(), 401))

    assert answered.failure is not None
    assert KEY not in answered.failure.message
    assert "\n" not in answered.failure.message


async def test_usage_of_a_failed_call_is_kept_and_junk_counts_as_nothing():
    usage = {
        "input_tokens": 12,
        "output_tokens": -3,
        "cache_read_input_tokens": True,
        "cache_creation_input_tokens": "9",
    }
    body = {"type": "message", "content": None, "stop_reason": "end_turn", "usage": usage}

    answered = await asked_of(raw(json.dumps(body).encode()))

    assert answered.failure is not None
    assert "content" in answered.failure.message
    assert answered.usage.input == 12
    assert answered.usage.output == answered.usage.cache_read == answered.usage.cache_creation == 0


async def test_the_sdk_is_imported_only_when_it_is_needed():
    code = "import sys, bot.model; print('anthropic' in sys.modules, 'httpx2' in sys.modules)"

    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
    printed, _ = await process.communicate()

    assert printed.decode().split() == ["False", "False"]
