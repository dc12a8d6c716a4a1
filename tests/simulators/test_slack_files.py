"""Files that simulated people share: shown on the page, served to the app for its token."""

import base64
from collections.abc import AsyncIterator
from dataclasses import replace

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from simulators.slack import SlackConfig, SlackSimulator
from simulators.slack.files import Upload
from simulators.slack.pane import PaneView

TOKEN = {"Authorization": "Bearer xoxb-demo"}


@pytest.fixture
async def slack() -> AsyncIterator[SlackSimulator]:
    async with SlackSimulator() as simulator:
        yield simulator


async def fetched(url: str, **options: object) -> tuple[int, str, bytes]:
    async with aiohttp.ClientSession() as session, session.get(url, **options) as response:  # type: ignore[arg-type]  # passed on
        return response.status, response.content_type, await response.read()


async def test_a_script_shares_a_file_and_the_app_reads_it_with_its_token(slack: SlackSimulator):
    sent = {"name": "a b.txt", "content_base64": base64.b64encode(b"hello").decode()}
    body = {"from": "ann", "text": "see", "files": [sent]}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{slack.base_url}/sim/slack/say", json=body) as response,
    ):
        answer = await response.json()

    event = slack.events[0]["event"]
    (file,) = event["files"]
    assert answer["ok"]
    assert (event["subtype"], file["name"], file["mimetype"], file["size"]) == (
        "file_share",
        "a b.txt",
        "text/plain",
        5,
    )
    for url in (file["url_private"], file["url_private_download"]):
        assert await fetched(url, headers=TOKEN) == (200, "text/plain", b"hello")


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer xoxb-other"}])
async def test_without_the_token_there_is_a_page_to_log_in(slack: SlackSimulator, headers: dict[str, str]):
    file = slack.files.share(Upload("a.png", b"secret"), slack.person("ann"))

    status, kind, body = await fetched(file["url_private"], headers=headers)

    assert (status, kind) == (200, "text/html")
    assert b"secret" not in body


async def test_without_the_scope_too():
    config = SlackConfig()
    async with SlackSimulator(config=replace(config, scopes=config.scopes - {"files:read"})) as slack:
        file = slack.files.share(Upload("a.png", b"secret"), slack.person("ann"))

        _, kind, _ = await fetched(file["url_private"], headers=TOKEN)

    assert kind == "text/html"


async def test_the_sdk_asks_about_a_file(slack: SlackSimulator):
    file = slack.files.share(Upload("a.png", b"1"), slack.person("ann"))
    client = AsyncWebClient(token="xoxb-demo", base_url=slack.api_url)

    assert (await client.files_info(file=file["id"]))["file"]["name"] == "a.png"
    with pytest.raises(SlackApiError, match="file_not_found"):
        await client.files_info(file="F9")


async def test_a_message_has_a_text_or_files(slack: SlackSimulator):
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{slack.base_url}/sim/slack/say", json={"from": "ann", "text": ""}) as response,
    ):
        assert response.status == 422


async def test_the_page_shows_pictures_and_names_other_files(slack: SlackSimulator):
    said = slack.say("ann", "see", files=[Upload("cat.png", b"1"), Upload("<b>.txt", b"2")])
    picture, text = slack.message(said.channel, said.ts).message["files"]

    html = str(PaneView(slack, "ann", "").render()["messages"])

    assert f'<img class="sent" src="/sim/slack/files/{picture["id"]}" alt="cat.png">' in html
    assert f'href="/sim/slack/files/{text["id"]}"' in html
    assert "&lt;b&gt;.txt" in html
    assert await fetched(f"{slack.base_url}/sim/slack/files/{picture['id']}") == (200, "image/png", b"1")


async def test_the_page_never_shows_a_file_as_a_page(slack: SlackSimulator):
    for name in ("evil.html", "evil.svg"):
        file = slack.files.share(Upload(name, b"<script>alert(1)</script>"), slack.person("ann"))

        _, kind, _ = await fetched(f"{slack.base_url}/sim/slack/files/{file['id']}")

        assert kind == "application/octet-stream"
