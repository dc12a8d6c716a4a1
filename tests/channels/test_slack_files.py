"""Files that people share in Slack: fetched with our token, from Slack alone, before the message is stored."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from yarl import URL

from bot.events import Block, MessageEdited, MessageReceived
from channels.slack import fetching
from channels.slack.fetching import Fetching
from channels.slack.files import OUTSIDE, TOO_LARGE, TOO_MUCH, SlackFile, file_in, references
from channels.slack.intake import ACK_WITHIN
from channels.slack.order import Order
from channels.slack.web import Web
from simulators.slack import SlackConfig, SlackSimulator
from simulators.slack.files import Upload
from tests.channels.mail_torture import png
from tests.channels.slack_http_kit import SocketBot, http_bot, message, socket_bot

PICTURE = png(7, 9)
PATIENT = 30.0  # seconds, so that a busy machine does not make a file late


@pytest.fixture(params=["socket", "http"])
async def bot(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SocketBot]:
    async with SlackSimulator() as slack:
        opened = socket_bot if request.param == "socket" else http_bot
        async with opened(tmp_path, slack, files_within=PATIENT) as made:
            yield made


@asynccontextmanager
async def by_socket(
    folder: Path, config: SlackConfig | None = None, *, within: float = PATIENT
) -> AsyncIterator[SocketBot]:
    async with (
        SlackSimulator(config=config) as slack,
        socket_bot(folder, slack, files_within=within) as made,
    ):
        yield made


async def blocks_of(bot: SocketBot, text: str) -> list[Block]:
    """The attachments of the message that says this, once it is stored."""
    await bot.until_heard(text)
    data = [event.data for event in await bot.stored()]
    (found,) = [d for d in data if isinstance(d, MessageReceived) and d.blocks[0].text == text]
    return [block for block in found.blocks if block.source == "attachment"]


# ---------------------------------------------------------------- what the model gets


async def test_pictures_and_texts_come_with_their_content(bot):
    files = [Upload("a cat.png", PICTURE), Upload("notes.md", b"# Plan\r\nship it\n", "text/plain")]
    bot.slack.say("ann", "look", files=files)

    picture, text = await blocks_of(bot, "look")

    assert (picture.kind, picture.name, picture.media_type) == ("image", "a cat.png", "image/png")
    assert base64.b64decode(picture.data) == PICTURE
    assert text.text.endswith("\n# Plan\nship it\n")


async def test_a_file_of_another_kind_is_named_and_not_fetched(bot):
    bot.slack.say("ann", "see", files=[Upload("all.zip", b"PK\x03\x04"), Upload("x.bin", b"1")])

    archive, other = await blocks_of(bot, "see")

    assert (archive.name, archive.data, other.data) == ("all.zip", "", "")
    assert not bot.slack.files.fetched


async def test_what_is_not_meant_for_us_is_not_fetched(bot):
    bot.slack.say("ann", "for bob", "general", files=[Upload("a.png", PICTURE)])
    bot.slack.say("ann", "@saywhen hello", "general")

    await bot.until_heard("hello")
    await bot.slack.until(lambda: not bot.slack.state.pending_deliveries(), timeout=30)

    assert await bot.texts() == ["hello"]
    assert not bot.slack.files.fetched


async def test_a_file_without_a_word_is_a_message_too(bot):
    bot.slack.say("ann", "", files=[Upload("a.png", PICTURE)])

    await bot.slack.until(lambda: bot.slack.files.fetched, timeout=30)
    bot.slack.say("ann", "that was it")
    await bot.until_heard("that was it")

    first, _ = await bot.stored()
    assert [(block.name, bool(block.data)) for block in first.data.blocks] == [("a.png", True)]


async def test_a_mention_with_a_picture_is_fetched_once_though_it_comes_twice(bot):
    bot.slack.say("ann", "@saywhen look", "general", files=[Upload("a.png", PICTURE)])

    (picture,) = await blocks_of(bot, "look")
    await bot.slack.until(lambda: not bot.slack.state.pending_deliveries(), timeout=30)

    assert picture.data
    assert len(bot.slack.files.fetched) == len(await bot.stored()) == 1


async def test_an_edit_does_not_fetch_the_picture_again(bot):
    said = bot.slack.say("ann", "look", files=[Upload("a.png", PICTURE)])
    await blocks_of(bot, "look")
    bot.slack.edit(said.channel, said.ts, "look here")
    await bot.slack.until(lambda: not bot.slack.state.pending_deliveries(), timeout=30)

    (edited,) = await bot.stored("message.edited")

    assert isinstance(edited.data, MessageEdited)
    assert base64.b64decode(edited.data.blocks[1].data) == PICTURE
    assert len(bot.slack.files.fetched) == 1


# ---------------------------------------------------------------- what cannot be had


async def test_what_does_not_come_in_time_is_named_with_the_reason_and_acknowledged(tmp_path):
    async with by_socket(tmp_path, within=0.3) as bot:
        bot.slack.faults.add("file", "hang")
        bot.slack.say("ann", "look", files=[Upload("slow.png", PICTURE)])

        (late,) = await blocks_of(bot, "look")
        await bot.slack.until(lambda: not bot.slack.state.pending_deliveries(), timeout=30)

    assert (late.name, late.data) == ("slow.png", "")
    assert fetching.IN_TIME in late.text


def test_files_leave_time_to_store_the_message_before_slack_sends_it_again():
    assert fetching.WITHIN <= ACK_WITHIN - 1


@pytest.mark.parametrize(("fault", "why"), [("500", fetching.NOT_FOUND), ("reset_before_accept", "in time")])
async def test_a_file_that_slack_does_not_give_is_only_named(tmp_path, fault, why):
    async with by_socket(tmp_path) as bot:
        bot.slack.faults.add("file", fault, times=5)  # a broken connection is tried again
        bot.slack.say("ann", "look", files=[Upload("a.png", PICTURE)])

        (picture,) = await blocks_of(bot, "look")

    assert (picture.name, picture.data) == ("a.png", "")
    assert why in picture.text


async def test_without_the_scope_the_model_is_told_what_is_missing(tmp_path):
    config = SlackConfig()
    config = replace(config, scopes=config.scopes - {"files:read"})
    async with by_socket(tmp_path, config) as bot:
        bot.slack.say("ann", "look", files=[Upload("a.png", PICTURE)])

        (picture,) = await blocks_of(bot, "look")

    assert fetching.NO_SCOPE in picture.text
    assert not picture.data


async def test_of_files_that_are_too_much_together_the_later_ones_are_named(tmp_path):
    large = PICTURE + bytes(3_000_000)
    async with by_socket(tmp_path) as bot:
        bot.slack.say("ann", "look", files=[Upload(f"{n}.png", large) for n in range(4)])

        blocks = await blocks_of(bot, "look")

    assert [TOO_MUCH in block.text for block in blocks] == [False, False, True, True]
    assert len(bot.slack.files.fetched) == 2


async def test_what_slack_shows_only_when_asked_is_asked_for(tmp_path):
    async with by_socket(tmp_path) as bot:
        about = bot.slack.files.share(Upload("a.png", PICTURE), bot.slack.person("ann"))
        bot.slack.deliveries.emit(
            message("look", files=[{"id": about["id"], "file_access": "check_file_info"}])["event"]
        )

        (picture,) = await blocks_of(bot, "look")

    assert base64.b64decode(picture.data) == PICTURE


def test_a_file_that_is_not_at_slack_says_so():
    file = file_in({"id": "F1", "name": "a.png", "mimetype": "image/png", "size": 9, "mode": "external",
                    "is_external": True, "url_private": "https://drive.example.org/1"})  # fmt: skip

    assert file is not None
    assert not file.wanted
    assert OUTSIDE in references([file])[0].text


# ---------------------------------------------------------------- where the token goes


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/a.png",
        "https://files.slack.com.evil.example/a.png",
        "https://evilslack.com/a.png",
        "https://files.slack.com@evil.example/a.png",
        "https://user:pw@files.slack.com/a.png",
        "https://files.slack.com:8443/a.png",
        "http://files.slack.com/a.png",
        "http://127.0.0.1:1/a.png",
        "file:///etc/passwd",
        "//evil.example/a.png",
        "/a.png",
        "https://[::1/a.png",
        "https://files.slack.com:x/a.png",
    ],
)
async def test_our_token_goes_to_slack_alone(url):
    fetch = Fetching(Web("xoxb-demo", api_url="http://127.0.0.1:9/api/"))
    file = SlackFile("F1", "a.png", "image/png", 10, url)

    (found,) = await fetch.fetch([file])

    assert found.refused == fetching.ELSEWHERE


@pytest.mark.parametrize(
    ("url", "is_slack"),
    [
        ("https://files.slack.com/files-pri/T1-F1/a.png", True),
        ("https://acme.slack.com/a", True),
        ("https://slack.com/a", True),
        ("https://127.0.0.1:9/api/", False),
        ("http://127.0.0.1:9/files/a.png", True),
    ],
)
def test_slacks_own_hosts_and_what_stands_in_for_slack(url, is_slack):
    fetch = Fetching(Web("xoxb-demo", api_url="http://127.0.0.1:9/api/"))

    assert fetch._is_slack(URL(url)) is is_slack


@asynccontextmanager
async def serving(answer: Any) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_get("/{rest:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def fetching_from(url: str) -> AsyncIterator[Fetching]:
    slack = Web("xoxb-demo", api_url=f"{url}/api/")
    slack.open()
    try:
        yield Fetching(slack)
    finally:
        await slack.close()


async def test_a_redirect_to_another_place_is_not_followed():
    asked: list[str] = []

    async def elsewhere(request: web.Request) -> web.Response:
        asked.append(request.headers.get("Authorization", ""))
        return web.Response(body=PICTURE, content_type="image/png")

    async with serving(elsewhere) as other:

        async def redirect(_request: web.Request) -> web.Response:
            return web.Response(status=302, headers={"Location": f"{other}/a.png"})

        async with serving(redirect) as slack, fetching_from(slack) as fetch:
            (found,) = await fetch.fetch([SlackFile("F1", "a.png", "image/png", 10, f"{slack}/a.png")])

    assert (found.refused, asked) == (fetching.ELSEWHERE, [])


async def test_a_redirect_within_slack_is_followed_but_not_for_ever():
    async def circle(request: web.Request) -> web.Response:
        if request.path == "/a.png":
            return web.Response(status=302, headers={"Location": "/b.png"})
        if request.path == "/b.png":
            return web.Response(body=PICTURE, content_type="image/png")
        return web.Response(status=302, headers={"Location": request.path})

    async with serving(circle) as slack, fetching_from(slack) as fetch:
        files = [SlackFile(n, f"{n}.png", "image/png", 10, f"{slack}/{n}.png") for n in ("a", "round")]
        once, round_ = await fetch.fetch(files)

    assert (bool(once.data), round_.refused) == (True, fetching.NOT_FOUND)


async def test_more_than_slack_said_is_not_read_to_its_end():
    sent = 0

    async def endless(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse(headers={"Content-Type": "image/png"})
        await response.prepare(request)
        while sent < 200_000_000:
            await response.write(bytes(100_000))
            sent += 100_000
        return response

    async with serving(endless) as slack, fetching_from(slack) as fetch:
        (found,) = await fetch.fetch([SlackFile("F1", "a.png", "image/png", 10, f"{slack}/a.png")])

    assert found.refused in (TOO_LARGE, fetching.IN_TIME)
    assert not found.data
    assert sent < 200_000_000


# ---------------------------------------------------------------- order


async def test_a_text_after_a_picture_is_stored_after_it(tmp_path):
    async with by_socket(tmp_path, within=0.5) as bot:
        bot.slack.faults.add("file", "hang")
        bot.slack.say("ann", "look", files=[Upload("slow.png", PICTURE)])
        for text in ("one", "two", "three"):
            bot.slack.say("ann", text)

        await bot.until_heard("three")

        assert await bot.texts() == ["look", "one", "two", "three"]


async def test_nobody_elsewhere_waits_for_a_picture(tmp_path):
    async with by_socket(tmp_path) as bot:
        bot.slack.faults.add("file", "hang")
        bot.slack.say("ann", "look", files=[Upload("slow.png", PICTURE)])
        await bot.slack.until(lambda: not bot.slack.faults.waiting, timeout=30)
        bot.slack.say("bob", "hello")

        await bot.until_heard("hello")
        heard_by_then = await bot.texts()
        bot.slack.faults.release()
        await bot.until_heard("look")

    assert heard_by_then == ["hello"]


async def test_a_place_is_waited_for_by_those_behind_it_even_if_one_between_gives_up():
    order, log = Order(), []
    gate = asyncio.Event()

    async def first() -> None:
        async with order.place("c", slow=True) as turn:
            await gate.wait()
            await turn()
            log.append("first")

    async def second() -> None:
        async with order.place("c", slow=True):
            raise LookupError

    async def third() -> None:
        async with order.place("c", slow=False) as turn:
            await turn()
            log.append("third")

    running = [asyncio.create_task(work()) for work in (first, second, third)]
    with pytest.raises(LookupError):
        await running[1]
    gate.set()
    await asyncio.gather(running[0], running[2])

    assert log == ["first", "third"]
    assert not order._under_way
