"""Forged, stolen and broken calls: refused, without a row and without a 500; and a flood of them keeps nobody out."""

import asyncio
import hmac
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from hypothesis import given, strategies as st

from channels.slack.events import Identity, parse
from channels.slack.signature import Signature
from simulators.slack import SlackSimulator
from tests.channels.slack_http_kit import FORM, SECRET, HttpBot, form, http_bot, message, signed

on_one_loop = pytest.mark.asyncio(loop_scope="module")
BODY = json.dumps(message()).encode()
GOOD = signed(BODY)
SIGNATURE = GOOD["x-slack-signature"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bot(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[HttpBot]:
    async with SlackSimulator() as slack, http_bot(tmp_path_factory.mktemp("bot"), slack) as made:
        yield made


def fresh(**changes: Any) -> dict[str, str]:
    """Slack's headers for BODY, but for what is changed; None leaves one out."""
    headers: dict[str, Any] = {**signed(BODY), **changes}
    return {name: value for name, value in headers.items() if value is not None}


# ---------------------------------------------------------------- forged (W05)

TABLE: dict[str, Any] = {
    "bad HMAC": lambda: fresh(**{"x-slack-signature": f"v0={'0' * 64}"}),
    "empty": lambda: fresh(**{"x-slack-signature": ""}),
    "missing": lambda: fresh(**{"x-slack-signature": None}),
    "only v0=": lambda: fresh(**{"x-slack-signature": "v0="}),
    "too short": lambda: fresh(**{"x-slack-signature": SIGNATURE[:-1]}),
    "too long": lambda: fresh(**{"x-slack-signature": SIGNATURE + "0"}),
    "upper case": lambda: fresh(**{"x-slack-signature": "v0=" + signed(BODY)["x-slack-signature"][3:].upper()}),
    "v1": lambda: fresh(**{"x-slack-signature": "v1=" + signed(BODY)["x-slack-signature"][3:]}),
    "no version": lambda: fresh(**{"x-slack-signature": signed(BODY)["x-slack-signature"][3:]}),
    "not ASCII": lambda: fresh(**{"x-slack-signature": ("v0=" + "ä" * 64).encode("latin-1")}),
    "fullwidth digits": lambda: fresh(**{"x-slack-signature": ("v0=" + "０" * 64).encode()}),
    "other app's secret": lambda: signed(BODY, secret="another"),
    "empty secret": lambda: {**GOOD, "x-slack-signature": "v0=" + hmac.new(
        b"", b"v0:" + GOOD["x-slack-request-timestamp"].encode() + b":" + BODY, "sha256").hexdigest()},
    "6 min old": lambda: signed(BODY, at=time.time() - 360),
    "6 min ahead": lambda: signed(BODY, at=time.time() + 360),
    "time abc": lambda: fresh(**{"x-slack-request-timestamp": "abc"}),
    "time missing": lambda: fresh(**{"x-slack-request-timestamp": None}),
    "time empty": lambda: fresh(**{"x-slack-request-timestamp": ""}),
    "time negative": lambda: fresh(**{"x-slack-request-timestamp": "-1"}),
    "time with a point": lambda: fresh(**{"x-slack-request-timestamp": f"{time.time()}"}),
    "time infinite": lambda: fresh(**{"x-slack-request-timestamp": "inf"}),
    "time without end": lambda: fresh(**{"x-slack-request-timestamp": "9" * 400}),
    "other time": lambda: fresh(**{"x-slack-request-timestamp": str(int(time.time()) - 60)}),
    "signature of another body": lambda: {**signed(b"{}"), "content-type": "application/json"},
}  # fmt: skip


@pytest.mark.parametrize("case", TABLE)
@pytest.mark.parametrize("path", ["events", "interactive", "commands"])
@on_one_loop
async def test_a_forged_call_is_refused_without_a_trace(bot: HttpBot, case: str, path: str):
    before = len(await bot.events())

    answer = await bot.post(path, BODY, TABLE[case]())

    assert answer.status_code == 401
    assert len(await bot.events()) == before


@on_one_loop
async def test_the_clock_is_named_where_only_the_time_is_wrong(
    bot: HttpBot, caplog: pytest.LogCaptureFixture
):
    await bot.post("events", BODY, signed(BODY, at=time.time() - 412))
    await bot.post("events", BODY, fresh(**{"x-slack-signature": f"v0={'0' * 64}"}))

    late, forged = (record.getMessage() for record in caplog.records if "refused a call" in record.msg)
    assert "41" in late
    assert "s behind the clock of this machine" in late
    assert "clock" not in forged
    assert "SLACK_SIGNING_SECRET" in forged


@pytest.mark.parametrize(("skew", "ok"), [(-301, False), (-300, True), (0, True), (300, True), (301, False)])
def test_five_minutes_are_allowed_both_ways(skew: int, ok: bool):
    verdict = Signature(SECRET).judge(signed(BODY, at=1_700_000_000 + skew), BODY, now=1_700_000_000)

    assert (verdict.ok, verdict.skew) == (ok, skew)


def test_signatures_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch):
    compared: list[tuple[str, str]] = []

    def compare(expected: str, given: str) -> bool:
        compared.append((expected, given))
        return False

    monkeypatch.setattr(hmac, "compare_digest", compare)

    Signature(SECRET).judge(GOOD, BODY, now=time.time())

    assert compared == [(SIGNATURE, SIGNATURE)]


@given(body=st.binary(max_size=200), signature=st.text(max_size=80), at=st.text(max_size=20))
def test_no_bytes_break_the_check_and_none_but_slacks_pass(body: bytes, signature: str, at: str):
    headers = {"x-slack-signature": signature, "x-slack-request-timestamp": at}

    assert not Signature(SECRET).judge(headers, body, now=1_700_000_000).ok


# ---------------------------------------------------------------- signed, and of no use


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"null", b"{", b"\xff", b"[" * 60_000, b'"x"', b'{"type": 1}', b'{"event": []}'],
    ids=lambda body: repr(body[:16]),
)
@on_one_loop
async def test_what_is_no_event_is_refused_and_not_a_500(bot: HttpBot, body: bytes):
    answers = [await bot.post("events", body, signed(body))]
    for path in ("interactive", "commands"):
        answers.append(await bot.post(path, body, signed(body, kind=FORM)))
        wrapped = form(payload=body[:2000].decode("latin-1"))
        answers.append(await bot.post(path, wrapped, signed(wrapped, kind=FORM)))

    assert {answer.status_code for answer in answers} <= {400, 403}


@pytest.mark.parametrize(
    "changes",
    [
        {"api_app_id": "A0OTHER"},
        {"api_app_id": ""},
        {"team_id": "T0OTHER", "authorizations": [{"team_id": "T0OTHER", "user_id": "U0BOT"}]},
        {"team_id": None, "authorizations": None},
    ],
)
@on_one_loop
async def test_an_event_for_another_app_or_workspace_is_refused(bot: HttpBot, changes: dict[str, Any]):
    answer = await bot.event({**message("for others", "1700000009.000100"), **changes})

    assert answer.status_code == 403
    assert "1700000009" not in str([event.dedupe for event in await bot.events()])


@on_one_loop
async def test_an_event_of_a_shared_channel_names_us_among_the_authorizations(bot: HttpBot):
    payload = message("from afar", "1700000010.000100", user="W0FAR", user_team="T0FAR", source_team="T0FAR")

    answer = await bot.event({**payload, "team_id": "T0FAR"})

    assert answer.status_code == 200
    assert "1700000010" in str([event.dedupe for event in await bot.events()])


@pytest.mark.parametrize("changes", [{"api_app_id": "A0OTHER"}, {"team_id": "T0OTHER"}])
@on_one_loop
async def test_a_command_for_another_app_or_workspace_is_refused(bot: HttpBot, changes: dict[str, str]):
    fields = {"api_app_id": "A0DEMO", "team_id": "T0DEMO", "user_id": "U0ANN", "channel_id": "D0ANN",
              "trigger_id": "1.2.3", "command": "/saywhen", "text": "hi", **changes}  # fmt: skip
    body = form(**fields)

    assert (await bot.post("commands", body, signed(body, kind=FORM))).status_code == 403


@on_one_loop
async def test_other_kinds_and_ways_are_refused(bot: HttpBot):
    url = f"{bot.url}/webhooks/slack/events"

    assert (await bot.post("events", BODY, signed(BODY, kind=FORM))).status_code == 415
    assert (await bot.post("interactive", BODY, signed(BODY))).status_code == 415
    assert (await bot.client.get(url)).status_code == 405
    assert (await bot.post("nothing", BODY, signed(BODY))).status_code == 404


@on_one_loop
async def test_slack_may_check_the_certificate_of_the_commands(bot: HttpBot):
    body = form(ssl_check="1", token="x")

    assert (await bot.post("commands", body, signed(body, kind=FORM))).status_code == 200


@given(
    payload=st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "event",
                        "type",
                        "channel",
                        "user",
                        "ts",
                        "message",
                        "text",
                        "files",
                        "authorizations",
                        "item",
                        "assistant_thread",
                    ]
                ),
                inner,
                max_size=4,
            )
        ),
    )
)
def test_no_shape_breaks_the_reading(payload: Any):
    parse({"event": payload, "api_app_id": payload}, me=Identity("T0DEMO", "U0BOT"))
    parse(payload, me=Identity("T0DEMO", "U0BOT"))


# ---------------------------------------------------------------- a flood (W06)


@on_one_loop
async def test_too_much_is_refused_before_it_is_read(bot: HttpBot):
    large = b"x" * 70_000

    answer = await bot.post("events", large, signed(large))

    assert answer.status_code == 413


@on_one_loop
async def test_a_flood_of_unsigned_calls_keeps_no_signed_one_out(bot: HttpBot):
    large, small = b"x" * 1_000_000, b"x" * 1_000
    headers = {"content-type": "application/json"}

    async def push(body: bytes) -> int:
        try:
            url = f"{bot.url}/webhooks/slack/events"
            return (await flooder.post(url, content=body, headers=headers)).status_code
        except httpx.TransportError:
            return 413  # it was hung up on while it still wrote

    async with httpx.AsyncClient(timeout=30) as flooder, asyncio.TaskGroup() as tasks:
        flood = [tasks.create_task(push(large if n % 4 == 0 else small)) for n in range(120)]
        slow = [tasks.create_task(_drip(bot.url)) for _ in range(10)]
        started = time.monotonic()
        signed_one = await bot.event(message("in the flood", "1700000020.000100"))
        took = time.monotonic() - started

    assert signed_one.status_code == 200
    assert took < 3
    assert {task.result() for task in flood} <= {401, 413}
    assert not any(task.result() for task in slow)


async def _drip(url: str) -> bytes:
    """A caller that promises a body and sends it byte by byte, as long as anybody waits."""
    _reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
    writer.write(b"POST /webhooks/slack/events HTTP/1.1\r\nhost: x\r\ncontent-length: 60000\r\n\r\n")
    for _ in range(20):
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.02)
    writer.close()
    return b""
