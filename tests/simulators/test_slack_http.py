"""Events over signed HTTP, checked by bolt's own request verifier."""

import asyncio
from datetime import UTC, datetime, timedelta

from aiohttp import web

from simulators.slack import SlackSimulator
from tests.simulators.slack_kit import http_bot


async def test_bolt_accepts_the_challenge_and_the_signature():
    async with SlackSimulator() as slack, http_bot(slack) as (bot, url):
        assert await slack.use_http(url)

        said = slack.say("ann", "over HTTP")
        await slack.until(lambda: slack.stats.acks)

        assert bot.events[0]["text"] == "over HTTP"
        assert bot.bodies[-1]["event_id"] == said.event_id
        assert bot.headers[-1] == (None, None)


async def test_bolt_refuses_a_signature_made_ten_minutes_ago():
    clock = datetime.now(UTC)
    async with SlackSimulator(now=lambda: clock) as slack, http_bot(slack) as (bot, url):
        assert await slack.use_http(url)
        clock -= timedelta(minutes=10)
        slack.deliveries.retry_delays = ()

        slack.say("ann", "too late")
        await slack.until(lambda: slack.stats.given_up)

        assert bot.events == []


async def test_a_failed_request_comes_again_with_number_and_reason():
    async with SlackSimulator() as slack, http_bot(slack) as (bot, url):
        slack.deliveries.retry_delays = (0.0, 0.01, 0.01)
        assert await slack.use_http(url)
        bot.acks = False

        slack.say("ann", "nobody answers")
        await slack.until(lambda: slack.stats.given_up)

        assert bot.headers[-4:] == [
            (None, None),
            ("1", "http_error"),
            ("2", "http_error"),
            ("3", "http_error"),
        ]


async def test_a_slow_answer_is_a_timeout_and_a_closed_port_a_failed_connection():
    reasons: list[str | None] = []

    async def slow(request: web.Request) -> web.Response:
        body = await request.json()
        if body["type"] == "url_verification":
            return web.Response(text=body["challenge"])
        reasons.append(request.headers.get("x-slack-retry-reason"))
        await asyncio.sleep(5)
        return web.Response()

    runner = await _serve(slow)
    async with SlackSimulator(time_scale=0.1) as slack:
        slack.deliveries.retry_delays = (0.0,)
        assert await slack.use_http(_address(runner))

        slack.say("ann", "slow")
        await slack.until(lambda: slack.stats.given_up == 1)
        await runner.cleanup()
        slack.say("ann", "gone")
        await slack.until(lambda: slack.stats.given_up == 2)

        assert reasons == [None, "http_timeout"]
        assert slack.state.all_deliveries()[-1].reason == "connection_failed"


async def test_the_header_x_slack_no_retry_stops_the_retries():
    requests: list[str] = []

    async def refuse(request: web.Request) -> web.Response:
        body = await request.json()
        requests.append(body["type"])
        if body["type"] == "url_verification":
            return web.Response(text=body["challenge"])
        return web.Response(status=500, headers={"X-Slack-No-Retry": "1"})

    runner = await _serve(refuse)
    async with SlackSimulator() as slack:
        assert await slack.use_http(_address(runner))

        slack.say("ann", "hello")
        await slack.until(lambda: slack.stats.given_up)

        assert requests == ["url_verification", "event_callback"]
    await runner.cleanup()


async def test_an_address_without_the_challenge_is_not_used():
    async def deaf(_request: web.Request) -> web.Response:
        return web.Response(text="hello")

    runner = await _serve(deaf)
    async with SlackSimulator() as slack:
        assert not await slack.use_http(_address(runner))

        assert slack.deliveries.carrier is slack.sockets
    await runner.cleanup()


async def _serve(handler) -> web.AppRunner:
    app = web.Application()
    app.router.add_post("/", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return runner


def _address(runner: web.AppRunner) -> str:
    return f"http://127.0.0.1:{runner.addresses[0][1]}/"
