"""The Slack pane in a real browser: sharing a picture, giving a thumb, opening a chat with the assistant."""

import os
import struct
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from playwright.async_api import Page, async_playwright, expect
from slack_sdk.web.async_client import AsyncWebClient

from simulators import page as sim_page
from simulators.slack import SlackSimulator
from simulators.slack.pane import slack_pane

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]


def _png(width: int, height: int) -> bytes:
    """A grey picture that a browser shows."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress((b"\0" + b"\x80" * width) * height)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@asynccontextmanager
async def at_the_page() -> AsyncIterator[tuple[SlackSimulator, Page]]:
    async with SlackSimulator() as slack:
        app = web.Application(client_max_size=64 << 20)
        slack.add_routes(app)
        sim_page.add_routes(app, [slack_pane(slack)])
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            async with async_playwright() as playwright:
                path = os.environ.get("CHROMIUM") or "/usr/bin/chromium"
                browser = await playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
                page = await browser.new_page()
                await page.goto(f"http://127.0.0.1:{runner.addresses[0][1]}/sim")
                await page.select_option('[data-slack="who"]', "ann")
                yield slack, page
                await browser.close()
        finally:
            await runner.cleanup()


async def test_a_picture_a_thumb_and_a_chat(tmp_path: Path):
    picture = tmp_path / "cat.png"
    picture.write_bytes(_png(40, 30))
    async with at_the_page() as (slack, page):
        client = AsyncWebClient(token="xoxb-demo", base_url=slack.api_url)
        await page.set_input_files('[data-slack="files"]', picture)
        await page.fill('[data-slack="text"]', "look")
        await page.press('[data-slack="text"]', "Enter")
        shown = page.locator("img.sent")
        await expect(shown).to_have_attribute("alt", "cat.png")
        assert await shown.evaluate("image => image.decode().then(() => image.naturalWidth)") == 40

        sent = await client.chat_postMessage(channel="D0ANN", text="A cat.")
        thumb = page.locator(f'[data-ts="{sent["ts"]}"] [aria-label="Thumbs up"]')
        await thumb.click()
        await expect(page.locator(".reactions")).to_have_text(":+1: 1")
        await thumb.click()
        await expect(page.locator(".reactions")).to_have_count(0)

        await page.click('[data-do="assistant"]')
        await slack.until(lambda: slack.events[-1]["event"]["type"] == "assistant_thread_started", timeout=30)
        chat = slack.events[-1]["event"]["assistant_thread"]
        await client.assistant_threads_setSuggestedPrompts(
            channel_id=chat["channel_id"],
            thread_ts=chat["thread_ts"],
            prompts=[{"title": "Help", "message": "What can you do?"}],
        )
        await page.locator('[data-do="prompt"]').click()
        await expect(page.locator(".thread .message .body")).to_have_text("What can you do?")

        assert slack.conversation("ann")[-1]["thread_ts"] == chat["thread_ts"]
