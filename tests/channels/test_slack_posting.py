"""What is written to Slack: sent once, found again if in doubt, and what each failure means."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from bot.calling import retry_after
from bot.errors import SendFailed
from bot.events import Outgoing
from bot.ports import Part
from channels.slack import SlackChannel
from channels.slack.failures import send_failed
from channels.slack.web import CallFailed
from simulators.slack import SlackSimulator

DM = "T0DEMO/U0ANN"


async def nothing_known(_account: str, _conversation: str) -> bool:
    return False


def channel_at(api_url: str, *, timeout: float = 5.0) -> SlackChannel:
    return SlackChannel(
        bot_token="xoxb-demo", app_token="xapp-demo", knows=nothing_known, api_url=api_url, timeout=timeout
    )


@pytest.fixture
async def slack() -> AsyncIterator[SlackSimulator]:
    async with SlackSimulator(time_scale=0.1) as simulator:
        yield simulator


def part_for(destination: str, text: str = "hi", outbox_id: str = "ob1") -> Part:
    (part,) = channel_at("http://127.0.0.1/api/").render(
        outbox_id, Outgoing(text=text, destination=destination)
    )
    return part


async def failure(sending: Awaitable[str | None]) -> SendFailed:
    with pytest.raises(SendFailed) as failed:
        await sending
    return failed.value


# ---------------------------------------------------------------- sending


async def test_a_reply_goes_to_its_thread(slack: SlackSimulator):
    said = slack.say("ann", "@saywhen hi", channel="general")

    sent = await channel_at(slack.api_url).send(part_for(f"T0DEMO/C0GENERAL/{said.ts}", "**hello**"))

    (message,) = slack.messages()
    assert sent == f"C0GENERAL:{message['ts']}"
    assert (message["thread_ts"], message["text"]) == (said.ts, "*hello*")
    assert (message["unfurl_links"], message["unfurl_media"]) == (False, False)


async def test_a_person_in_place_of_a_channel_gets_a_direct_message(slack: SlackSimulator):
    channel = channel_at(slack.api_url)

    await channel.send(part_for(DM))
    await channel.send(part_for(DM))

    assert [(m["to"], m["thread_ts"]) for m in slack.messages()] == [("ann", None)] * 2
    assert slack.stats.posts["conversations.open"] == 1


@pytest.mark.parametrize("after", [0, 1, 120, 3600])
async def test_too_fast_waits_as_long_as_slack_says(slack: SlackSimulator, after: int):
    slack.faults.add("chat.postMessage", "429", retry_after=after)

    failed = await failure(channel_at(slack.api_url).send(part_for(DM)))

    assert (failed.kind, failed.retry_after) == ("retry", after)
    assert slack.stats.posts["chat.postMessage"] == 1


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        *((error, "final") for error in (
            "channel_not_found", "is_archived", "not_in_channel", "msg_too_long", "restricted_action",
            "invalid_blocks", "account_inactive", "token_revoked", "no_permission", "missing_scope",
            "cannot_dm_bot", "user_not_found", "an_error_of_tomorrow",
        )),
        *((error, "retry") for error in (
            "ratelimited", "service_unavailable", "request_timeout", "team_added_to_org", "invalid_auth",
        )),
        *((error, "unknown") for error in ("internal_error", "fatal_error")),
    ],
)  # fmt: skip
async def test_each_refusal_has_its_meaning(slack: SlackSimulator, error: str, kind: str):
    slack.faults.add("chat.postMessage", f"not_ok:{error}")

    failed = await failure(channel_at(slack.api_url).send(part_for(DM)))

    assert failed.kind == kind
    assert error in str(failed)
    assert slack.stats.posts["chat.postMessage"] == 1


@pytest.mark.parametrize(
    ("fault", "there"),
    [
        ("500", False),
        ("reset_before_accept", False),
        ("reset_after_accept", True),
        ("hang", False),
        ("hang_after_accept", True),
    ],
)
async def test_what_may_have_arrived_is_unknown_and_can_be_found(
    slack: SlackSimulator, fault: str, there: bool
):
    # A busy machine may take a while to connect, and then nothing was sent.
    channel = channel_at(slack.api_url, timeout=2.0 if "hang" in fault else 20.0)
    part = part_for(DM)
    slack.faults.add("chat.postMessage", fault)

    failed = await failure(channel.send(part))
    found = await channel.find(part)

    assert failed.kind == "unknown"
    assert [found] == ([f"D0ANN:{m['ts']}" for m in slack.messages()] if there else [None])
    assert slack.stats.posts["chat.postMessage"] == 1


async def test_a_connection_that_is_refused_sent_nothing():
    failed = await failure(channel_at("http://127.0.0.1:9/api/").send(part_for("T1/C1")))

    assert failed.kind == "retry"


async def test_a_dm_that_cannot_be_opened_sent_nothing(slack: SlackSimulator):
    slack.faults.add("conversations.open", "500")

    failed = await failure(channel_at(slack.api_url).send(part_for(DM)))

    assert failed.kind == "retry"
    assert "chat.postMessage" not in slack.stats.posts


async def test_a_person_who_does_not_exist_is_final(slack: SlackSimulator):
    assert (await failure(channel_at(slack.api_url).send(part_for("T0DEMO/U0NOBODY")))).kind == "final"


async def test_a_place_that_is_none_is_final(slack: SlackSimulator):
    assert (await failure(channel_at(slack.api_url).send(part_for("nowhere")))).kind == "final"


Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(answer: Answer) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_route("*", "/api/{method}", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/api/"
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    ("status", "kind", "body"),
    [
        (200, "text/html", b"<html>login</html>"),
        (200, "text/plain", b"ok"),
        (200, "application/gzip", b"\x1f\x8b"),
        (200, "application/json", b"{}"),
        (200, "application/json", b"[1]"),
        (200, "application/json", b'"ok"'),
        (200, "application/json", b"{"),
        (200, "application/json", b"\xff\xfe"),
        (200, "application/json", b'{"ok": true}'),
        (200, "application/json", b'{"ok": true, "channel": 1, "ts": null}'),
        (200, "application/json", b'{"ok": false, "error": {"code": 1}}'),
        (502, "text/html", b"<html>bad gateway</html>"),
        (503, "application/json", b'{"ok": false, "error": "service_unavailable"}'),
        (404, "text/plain", b"not here"),
    ],
)
async def test_an_answer_that_is_not_slacks_is_unknown(status: int, kind: str, body: bytes):
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(status=status, body=body, content_type=kind)

    async with serving(answer) as url:
        failed = await failure(channel_at(url).send(part_for("T1/C1")))

    assert failed.kind == "unknown"


async def test_an_answer_that_trickles_is_cut_off():
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        while True:
            await response.write(b" ")
            await asyncio.sleep(0.05)

    async with serving(answer) as url, asyncio.timeout(2):
        failed = await failure(channel_at(url, timeout=0.3).send(part_for("T1/C1")))

    assert failed.kind == "unknown"


@pytest.mark.parametrize(
    ("header", "value"),
    [("1", 1), ("3600", 3600), ("0.5", 0.5), (None, None), ("-1", None), ("nan", None), ("inf", None),
     ("soon", None), ("Wed, 21 Oct 2026 07:28:00 GMT", None)],
)  # fmt: skip
def test_a_retry_after_that_makes_no_sense_is_left_out(header: str | None, value: float | None):
    assert retry_after(header) == value


def test_an_answer_without_a_word_of_slacks_is_unknown():
    assert send_failed(CallFailed("x")).kind == "unknown"
    assert send_failed(CallFailed("x", sent=False)).kind == "retry"


# ---------------------------------------------------------------- finding


async def test_a_part_is_found_far_down_a_long_thread(slack: SlackSimulator):
    channel = channel_at(slack.api_url)
    root = slack.say("ann", "@saywhen hi", channel="general").ts
    for number in range(220):
        slack.say("bob", str(number), channel="general", thread=root)
    part = part_for(f"T0DEMO/C0GENERAL/{root}")
    sent = await channel.send(part)

    assert await channel.find(part) == sent


async def test_another_part_of_the_same_message_is_not_it(slack: SlackSimulator):
    channel = channel_at(slack.api_url)
    first, second, *_ = channel.render("ob1", Outgoing(text="word " * 1_500, destination=DM))
    await channel.send(first)

    assert await channel.find(second) is None


@pytest.mark.parametrize("fault", ["429", "500", "reset_before_accept", "not_ok:channel_not_found"])
async def test_looking_that_fails_is_done_again(slack: SlackSimulator, fault: str):
    slack.faults.add("conversations.history", fault, times=2)

    assert (await failure(channel_at(slack.api_url).find(part_for(DM)))).kind == "retry"


# ---------------------------------------------------------------- the status


async def test_a_status_is_shown_in_a_thread_and_taken_away(slack: SlackSimulator):
    channel = channel_at(slack.api_url)
    root = slack.say("ann", "@saywhen hi", channel="general").ts

    await channel.show_status(f"T0DEMO/C0GENERAL/{root}", "is thinking...")
    shown = dict(slack.workspace.statuses)
    await channel.show_status(f"T0DEMO/C0GENERAL/{root}", "")

    assert shown == {("C0GENERAL", root): "is thinking..."}
    assert slack.workspace.statuses == {}


@pytest.mark.parametrize("fault", ["429", "500", "reset_before_accept", "not_ok:missing_scope", "hang"])
async def test_a_status_that_cannot_be_shown_harms_nothing(slack: SlackSimulator, fault: str):
    slack.faults.add("assistant.threads.setStatus", fault)

    async with asyncio.timeout(2):
        await channel_at(slack.api_url, timeout=0.3).show_status("T0DEMO/C0GENERAL/1.0", "is thinking...")


async def test_the_top_level_of_a_dm_has_no_status(slack: SlackSimulator):
    await channel_at(slack.api_url).show_status("T0DEMO/D0ANN", "is thinking...")

    assert slack.stats.posts == {}
