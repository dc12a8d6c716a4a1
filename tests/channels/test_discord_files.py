"""Files that people send in Discord: fetched before the message is stored, or a reference that says why not."""

import asyncio
import base64
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from aiohttp import web

from bot.events import Block, Incoming, MessageEdited, MessageReceived
from bot.files import LARGEST_READ
from channels.discord.attached import MOST_BYTES, File, files_of, may_be_fetched, worth_fetching
from channels.discord.files import REMEMBERED, Files
from simulators.discord import DiscordSimulator
from simulators.discord.faults import Fault
from simulators.discord.outgoing import Upload
from tests.channels.discord_desk import Inbox, simulated, sitting
from tests.channels.mail_torture import png

PICTURE = png(7, 9)
CAT = Upload("cat.png", "image/png", PICTURE)
NOTES = Upload("notes.txt", "text/plain; charset=utf-8", b"milk\neggs")
FILM = Upload("film.mp4", "video/mp4", b"\0\0\0\x20ftypisom")


def files(incoming: Incoming) -> list[Block]:
    assert isinstance(incoming.data, MessageReceived | MessageEdited)
    return [block for block in incoming.data.blocks if block.source == "attachment"]


def fetched(discord: DiscordSimulator) -> list[str]:
    return [each.name for each in discord.cdn.fetched]


# ---------------------------------------------------------------- through the simulated Discord


async def test_a_picture_and_a_text_reach_the_model_and_what_it_cannot_read_is_left_where_it_is():
    async with sitting() as desk:
        desk.discord.say("ann", "what is this?", files=[CAT, NOTES, FILM])
        await desk.heard(1)

        picture, notes, film = files(desk.inbox.got[0])
        assert (picture.kind, picture.media_type, picture.name) == ("image", "image/png", "cat.png")
        assert base64.b64decode(picture.data) == PICTURE
        assert notes.text.endswith("\nmilk\neggs")
        assert (film.text, film.data) == ("video/mp4; 1 KB", "")
        assert sorted(fetched(desk.discord)) == ["cat.png", "notes.txt"]


async def test_no_token_goes_to_the_server_of_files():
    async with sitting() as desk:
        desk.discord.say("ann", "look", files=[CAT])
        await desk.heard(1)

        assert [(each.status, each.authorization) for each in desk.discord.cdn.fetched] == [(200, "")]


async def test_files_of_messages_that_are_not_for_us_are_not_fetched():
    async with sitting() as desk:
        desk.discord.say("bob", "look at my cat, carol", "general", mention=False, files=[CAT])
        desk.discord.say("bob", "and you, bot, at this", "general", files=[NOTES])
        await desk.heard(1)

        assert fetched(desk.discord) == ["notes.txt"]


async def test_a_picture_that_we_are_asked_about_is_fetched_too():
    async with sitting() as desk:
        shown = desk.discord.say("bob", "my cat", "general", mention=False, files=[CAT])
        desk.discord.say("ann", "what is on it?", "general", reply_to=str(shown.id))
        await desk.heard(1)

        (picture,) = files(desk.inbox.got[0])
        assert base64.b64decode(picture.data) == PICTURE
        assert picture.ref.split("/")[1] == str(shown.id)


async def test_an_edit_brings_its_picture_without_fetching_it_again():
    async with sitting() as desk:
        said = desk.discord.say("ann", "what is ths?", files=[CAT])
        desk.discord.edit(str(said.id), "what is this?")
        await desk.heard(2)

        before, after = (files(incoming) for incoming in desk.inbox.got)
        assert before == after
        assert len(fetched(desk.discord)) == 1


async def test_what_was_missed_comes_with_its_files():
    async with simulated() as discord:
        inbox = Inbox()
        async with sitting(discord, inbox=inbox) as desk:
            discord.say("ann", "before")
            await desk.heard(1)
        discord.say("ann", "meanwhile", files=[CAT])
        async with sitting(discord, inbox=inbox) as desk:
            await desk.heard(2)

        assert base64.b64decode(files(inbox.got[1])[0].data) == PICTURE


async def test_a_message_waits_for_the_files_of_the_one_before_and_other_channels_do_not():
    async with sitting() as desk:
        desk.discord.faults.add(Fault("hang", on="file"))
        desk.discord.say("ann", "first", files=[CAT])
        desk.discord.say("ann", "second")
        desk.discord.say("bob", "elsewhere")
        await desk.heard(1)
        await desk.discord.until(lambda: not desk.discord.faults.waiting)
        assert desk.inbox.said == ["elsewhere"]

        desk.discord.faults.release()
        await desk.heard(3)

        assert desk.inbox.said == ["elsewhere", "first", "second"]
        assert base64.b64decode(files(desk.inbox.got[1])[0].data) == PICTURE


# ---------------------------------------------------------------- a server that misbehaves

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Server:
    url: str = ""
    asked: int = 0
    let_go: asyncio.Event = field(default_factory=asyncio.Event)
    answer: Answer | None = None

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked += 1
        return await self.answer(request) if self.answer else web.Response(body=PICTURE)

    async def held(self, _request: web.Request) -> web.StreamResponse:
        await self.let_go.wait()
        return web.Response(body=PICTURE)

    async def endless(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"\0" * 100_000)

    async def drips(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(1_000_000):
            await response.write(b"\0")
            await asyncio.sleep(0.01)
        return response

    async def cut(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": str(len(PICTURE))})
        await response.prepare(request)
        await response.write(PICTURE[:10])
        assert request.transport is not None
        request.transport.abort()
        return response

    async def elsewhere(self, request: web.Request) -> web.StreamResponse:
        raise web.HTTPFound(f"{self.url}/other?{request.query_string}")

    async def zipped(self, _request: web.Request) -> web.StreamResponse:
        return web.Response(body=gzip.compress(b"\0" * 50_000_000), headers={"Content-Encoding": "gzip"})


@asynccontextmanager
async def slow_server() -> AsyncIterator[Server]:
    server = Server()
    app = web.Application()
    app.router.add_get("/{path:.*}", server.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield server
    finally:
        server.let_go.set()
        await runner.cleanup()


async def no_pause(_seconds: float) -> None:
    await asyncio.sleep(0)


def at(url: str, *, ref: str = "1/2/3", size: int = len(PICTURE)) -> File:
    return File(ref, url, "cat.png", "image/png", size)


async def looked_at(server: Server, file: File, *, within: float = 20.0) -> Block:
    loader = Files(api_url=f"{server.url}/api/v10", within=within, sleep=no_pause)
    async with loader.open():
        return (await loader.shown([file]))[file.ref]


@pytest.mark.parametrize(
    ("how", "why", "times"),
    [
        ("endless", "it is larger than Discord said", 1),
        ("cut", "Discord could not send it", 3),
        ("elsewhere", "HTTP status 302", 1),
        ("zipped", "not shown: ", 1),
    ],
)
async def test_what_a_server_gets_wrong_is_said_and_the_message_comes_without_it(
    how: str, why: str, times: int
):
    async with slow_server() as server:
        server.answer = getattr(server, how)

        block = await looked_at(server, at(f"{server.url}/cat.png"))

        assert why in block.text
        assert (block.data, block.name, block.ref) == ("", "cat.png", "1/2/3")
        assert server.asked == times


@pytest.mark.parametrize(("status", "times"), [(404, 1), (403, 1), (429, 3), (503, 3)])
async def test_only_what_may_pass_is_asked_for_again(status: int, times: int):
    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=status)

    async with slow_server() as server:
        server.answer = answer

        block = await looked_at(server, at(f"{server.url}/cat.png"))

        assert "not shown" in block.text
        assert server.asked == times


async def test_what_failed_once_is_there_at_the_second_try():
    async with slow_server() as server:

        async def answer(_request: web.Request) -> web.StreamResponse:
            return web.Response(body=PICTURE) if server.asked > 1 else web.Response(status=502)

        server.answer = answer
        block = await looked_at(server, at(f"{server.url}/cat.png"))

    assert base64.b64decode(block.data) == PICTURE


async def test_the_files_of_a_message_are_fetched_at_the_same_time():
    async with slow_server() as server:
        server.answer = server.held
        loader = Files(api_url=server.url)
        several = [at(f"{server.url}/{number}", ref=f"1/2/{number}") for number in range(10)]
        async with loader.open(), asyncio.timeout(30), asyncio.TaskGroup() as tasks:
            shown = tasks.create_task(loader.shown(several))
            while server.asked < len(several):  # noqa: ASYNC110 - the server counts
                await asyncio.sleep(0.005)
            server.let_go.set()

    assert all(block.data for block in shown.result().values())


@pytest.mark.parametrize("how", ["held", "drips"])
async def test_a_file_that_does_not_come_in_time_is_left_where_it_is(how: str):
    async with slow_server() as server:
        server.answer = getattr(server, how)

        block = await looked_at(server, at(f"{server.url}/cat.png"), within=0.2)

    assert "not shown: Discord did not send it within 0.2 seconds" in block.text


async def test_what_is_remembered_for_edits_is_bounded():
    async with slow_server() as server:
        loader = Files(api_url=server.url)
        async with loader.open():
            for number in range(REMEMBERED + 20):
                await loader.shown([at(f"{server.url}/x", ref=f"1/2/{number}")])

    assert len(loader._known) == REMEMBERED


async def test_an_address_elsewhere_is_never_asked():
    async with slow_server() as server, slow_server() as other:
        block = await looked_at(server, at(f"{other.url}/cat.png"))

        assert "its address is not Discord's" in block.text
        assert (server.asked, other.asked) == (0, 0)


# ---------------------------------------------------------------- pure


@pytest.mark.parametrize(
    ("url", "api_url", "may"),
    [
        ("https://cdn.discordapp.com/attachments/1/2/cat.png?ex=1&is=2&hm=3&", "", True),
        ("https://media.discordapp.net/attachments/1/2/cat.png", "", True),
        ("https://CDN.discordapp.com/attachments/1/2/cat.png", "", True),
        ("http://cdn.discordapp.com/attachments/1/2/cat.png", "", False),
        ("https://cdn.discordapp.com:8443/cat.png", "", False),
        ("https://me:secret@cdn.discordapp.com/cat.png", "", False),
        ("https://cdn.discordapp.com.evil.example/cat.png", "", False),
        ("https://evil.example/cdn.discordapp.com/cat.png", "", False),
        ("https://cdn.discordapp.com@evil.example/cat.png", "", False),
        ("https://xcdn.discordapp.com/cat.png", "", False),
        ("file:///etc/passwd", "", False),
        ("//cdn.discordapp.com/cat.png", "", False),
        ("http://127.0.0.1:80/cat.png", "", False),
        ("https://[::1/", "", False),
        ("https://cdn.discordapp.com:99999/", "", False),
        ("", "", False),
        ("http://127.0.0.1:80/cdn/cat.png", "http://127.0.0.1/api/v10", True),
        ("http://127.0.0.1:81/cdn/cat.png", "http://127.0.0.1/api/v10", False),
        ("https://127.0.0.1/cdn/cat.png", "http://127.0.0.1/api/v10", False),
        ("https://cdn.discordapp.com/cat.png", "http://127.0.0.1/api/v10", True),
    ],
)
def test_files_are_fetched_from_discord_alone_or_from_what_stands_in_for_it(
    url: str, api_url: str, may: bool
):
    assert may_be_fetched(url, api_url) is may


def test_no_more_is_fetched_than_a_message_may_have():
    half = MOST_BYTES // 2
    found = [at("x", ref=str(number), size=min(half, LARGEST_READ)) for number in range(4)]

    assert sum(file.size for file in worth_fetching(found)) <= MOST_BYTES


@pytest.mark.parametrize(
    ("size", "why"), [(LARGEST_READ, ""), (LARGEST_READ + 1, "too large"), (-1, "")], ids=str
)
def test_a_picture_that_is_too_large_is_not_even_asked_for(size: int, why: str):
    file = at("x", size=size)

    assert file.is_read is (not why)
    assert why in file.unread().refused


def test_the_files_of_a_message_that_is_passed_on_count_as_its_own():
    about = {"id": "7", "filename": "cat.png", "content_type": "image/png", "size": 3, "url": "u"}
    passed_on = {"message": {"attachments": [about, {"filename": "without an id"}]}}
    found = files_of({"id": "2", "channel_id": "1", "message_snapshots": [passed_on, "junk"]})

    assert [file.ref for file in found] == ["1/2/7"]
