"""Slack over HTTP: real calls to the real web side, stored in a real database."""

import asyncio
import json
import logging
import random
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.config import ConfigError, load
from bot.errors import ChannelRefused, Overloaded, StoreFull
from bot.events import Incoming
from bot.ports import Received
from channels.slack import SlackChannel
from simulators.slack import SlackSimulator
from tests.channels.slack_http_kit import HttpBot, http_bot, message, request, signed


@pytest.fixture
async def slack() -> AsyncIterator[SlackSimulator]:
    async with SlackSimulator(time_scale=0.1) as simulator:
        simulator.deliveries.ack_seconds = 3.0
        yield simulator


@pytest.fixture
async def bot(tmp_path: Path, slack: SlackSimulator) -> AsyncIterator[HttpBot]:
    async with http_bot(tmp_path, slack) as made:
        yield made


# ---------------------------------------------------------------- what comes is stored, then acknowledged


async def test_slack_accepts_the_address_and_messages_arrive(bot: HttpBot):
    bot.slack.say("ann", "hello")
    bot.slack.say("bob", "@saywhen lunch?", channel="general")
    await bot.slack.until(lambda: bot.slack.stats.acks == 3)

    assert sorted(await bot.texts()) == ["hello", "lunch?"]
    assert bot.slack.stats.redeliveries == 0


async def test_nothing_is_acknowledged_before_it_is_stored(bot: HttpBot):
    bot.web.refusal = StoreFull()
    refused = await bot.event(message())
    bot.web.refusal = None
    stored_then = await bot.stored()

    taken = await bot.event(message())

    assert (refused.status_code, stored_then) == (503, [])
    assert (taken.status_code, len(await bot.stored())) == (200, 1)


async def test_what_could_not_be_stored_comes_again(bot: HttpBot):
    bot.web.refusal = Overloaded()
    bot.slack.say("ann", "hello")
    await bot.slack.until(lambda: bot.slack.state.all_deliveries()[0].attempt)

    bot.web.refusal = None
    await bot.slack.until(lambda: bot.slack.stats.acks, timeout=20)

    assert await bot.texts() == ["hello"]


async def test_what_is_told_by_http_is_what_is_told_by_socket(tmp_path: Path):
    async def told(*, over_http: bool) -> list[Incoming]:
        got: list[Incoming] = []

        async def receive(incoming: Incoming) -> Received:
            got.append(incoming)
            return Received("t1", len(got), duplicate=False)

        async def never(_account: str, _conversation: str) -> bool:
            return False

        async with SlackSimulator() as slack:
            channel = SlackChannel(
                bot_token="xoxb-demo", app_token="xapp-demo", signing_secret=slack.config.signing_secret,
                knows=never, api_url=slack.api_url,
            )  # fmt: skip
            task = asyncio.create_task(channel.run(receive))
            await slack.until(lambda: channel.health().state == "connected")
            for payload in (message("hello"), message("<@U0BOT> a &amp; b", "2.1", channel="C0GENERAL")):
                if over_http:
                    hook = channel.webhooks["slack/events"]
                    body = json.dumps(payload).encode()
                    assert (await hook(request("slack/events", body, signed(body)), receive)).status == 200
                else:
                    assert (await slack.deliveries.once("events_api", payload)).failure is None
            task.cancel()
        return got

    assert await told(over_http=True) == await told(over_http=False)


async def test_calls_are_refused_for_now_while_slack_has_not_said_who_we_are(slack: SlackSimulator):
    channel = SlackChannel(bot_token="xoxb-demo", signing_secret="s", knows=None)  # type: ignore[arg-type]
    body = b'{"type": "event_callback", "team_id": "T0DEMO"}'

    answer = await channel.webhooks["slack/events"](
        request("slack/events", body, signed(body, secret="s")),
        None,  # type: ignore[arg-type]
    )

    assert answer.status == 503


async def test_slack_holding_events_back_is_logged(bot: HttpBot, caplog: pytest.LogCaptureFixture):
    limited = {"type": "app_rate_limited", "team_id": "T0DEMO", "api_app_id": "A0DEMO"}

    answer = await bot.event(limited)

    assert answer.status_code == 200
    assert "app_rate_limited" in caplog.text


# ---------------------------------------------------------------- the same again (W01 to W04)


async def test_fifty_deliveries_at_once_are_one_message(bot: HttpBot):
    said = bot.slack.say("ann", "hello")

    acknowledged = await bot.slack.redeliver(str(said.event_id), times=50)

    assert acknowledged == 50
    assert await bot.texts() == ["hello"]


async def test_the_same_message_under_other_event_ids_is_one_message(bot: HttpBot):
    for number in range(11):
        answer = await bot.event({**message(), "event_id": f"Ev{number}"})
        assert answer.status_code == 200

    assert await bot.texts() == ["hello"]


@pytest.mark.parametrize("reason", ["http_timeout", "http_error", "connection_failed", "unknown_error"])
async def test_a_repetition_that_is_the_only_delivery_is_taken(bot: HttpBot, reason: str):
    answer = await bot.event(message(), x_slack_retry_num="3", x_slack_retry_reason=reason)

    assert answer.status_code == 200
    assert await bot.texts() == ["hello"]


@pytest.mark.parametrize(("later", "status"), [(0, 200), (3_600, 401), (30 * 86_400, 401)])
async def test_a_replayed_call_has_no_effect(tmp_path: Path, slack: SlackSimulator, later: int, status: int):
    passed, began = 0, time.time()
    async with http_bot(tmp_path, slack, clock=lambda: time.time() + passed) as bot:
        first = await bot.event(message(), at=began)
        passed = later

        again = await bot.event(message(), at=began)

        assert (first.status_code, again.status_code) == (200, status)
        assert len(await bot.stored()) == 1


async def test_a_call_with_further_headers_is_the_same_call(bot: HttpBot):
    await bot.event(message())

    await bot.event(message(), x_forwarded_for="10.0.0.1", x_slack_something="new")

    assert len(await bot.stored()) == 1


# ---------------------------------------------------------------- not running, not configured


async def test_without_a_signing_secret_there_are_no_webhooks():
    channel = SlackChannel(bot_token="xoxb-demo", app_token="xapp-demo", knows=None)  # type: ignore[arg-type]

    assert channel.webhooks == {}


async def test_an_empty_signing_secret_can_never_check_anything():
    with pytest.raises(ValueError, match="nothing could arrive"):
        SlackChannel(bot_token="xoxb-demo", signing_secret="", knows=None)  # type: ignore[arg-type]


async def test_its_health_is_that_of_slacks_last_word(bot: HttpBot):
    before = bot.channel.health()
    await bot.event(message())
    after = bot.channel.health()

    assert (before.state, after.state) == ("connected", "connected")
    assert after.detail == ""
    assert after.quiet is not None
    assert after.age is not None
    assert after.age < 5


async def test_a_token_that_is_no_good_ends_it_with_a_reason(slack: SlackSimulator):
    slack.faults.add("auth.test", "not_ok:token_revoked")
    channel = SlackChannel(
        bot_token="xoxb-demo", signing_secret="s", knows=None, api_url=slack.api_url  # type: ignore[arg-type]
    )  # fmt: skip

    with pytest.raises(ChannelRefused, match="SLACK_BOT_TOKEN"):
        await asyncio.wait_for(channel.run(None), 5)  # type: ignore[arg-type]


async def test_neither_secret_nor_token_is_logged(bot: HttpBot, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)

    await bot.event(message())
    await bot.event(message(), secret="another")

    assert not any(secret in caplog.text for secret in ("demo-signing-secret", "xoxb-demo", "verification"))


TOKENS = {"SLACK_BOT_TOKEN": "xoxb-1-real"}
SIGNING = {"SLACK_SIGNING_SECRET": "0123456789abcdef"}


@pytest.mark.parametrize(
    ("environ", "missing"),
    [
        (TOKENS, ["channels.slack.app_token"]),
        (SIGNING, ["channels.slack.bot_token"]),
        (TOKENS | SIGNING, []),
        (TOKENS | SIGNING | {"SLACK_APP_TOKEN": "xapp-1-real"}, []),
    ],
    ids=["only the bot token", "only the secret", "by HTTP", "both"],
)
def test_a_signing_secret_stands_for_the_app_token(
    tmp_path: Path, environ: dict[str, str], missing: list[str]
):
    (tmp_path / "config.toml").write_text("", "utf-8")
    found: list[str] = []
    try:
        on = load(root=tmp_path, environ=environ, dev=True).channels.slack.on
    except ConfigError as error:
        found, on = [problem.key for problem in error.problems], False

    assert (found, on) == (missing, not missing)


# ---------------------------------------------------------------- out of order (W07)


async def test_in_whatever_order_things_come_the_same_is_stored(bot: HttpBot):
    orders = [random.Random(seed).sample(range(5), 5) for seed in range(20)]

    for at, order in enumerate(orders, start=1_700_000_000):
        payloads = _a_conversation(f"{at}")
        for number in (*order, *order):
            assert (await bot.event(payloads[number])).status_code == 200

    stored = [event for event in await bot.events() if event.type.startswith("message.")]
    kinds = Counter(event.type for event in stored)
    assert kinds == {"message.deleted": 20, "message.edited": 20, "message.received": 60}
    assert len({event.dedupe for event in stored}) == 100


def _a_conversation(at: str) -> list[dict[str, Any]]:
    """A message, its edit, its end, a reply to it, and another message."""
    old = message("hello", f"{at}.000100")["event"]
    new = {**old, "text": "hi", "edited": {"user": "U0ANN", "ts": f"{at}.000200"}}
    where = {"channel": "D0ANN", "channel_type": "im", "type": "message"}
    changed = {**where, "subtype": "message_changed", "message": new, "previous_message": old}
    deleted = {**where, "subtype": "message_deleted", "deleted_ts": old["ts"], "previous_message": new}
    return [
        message("hello", f"{at}.000100"),
        {**message(), "event": changed},
        {**message(), "event": deleted},
        message("reply", f"{at}.000300", thread_ts=f"{at}.000100"),
        message("last", f"{at}.000400"),
    ]
