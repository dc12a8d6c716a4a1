"""A request in the simulated Slack, decided with the mouse in a real browser."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from playwright.async_api import Page, async_playwright, expect

from simulators import page as sim_page
from simulators.slack import SlackSimulator
from simulators.slack.pane import slack_pane
from tests.channels.slack_desk import TEXT, Desk, sitting

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]


@asynccontextmanager
async def carol_at_her_desk() -> AsyncIterator[tuple[Desk, Page]]:
    async with SlackSimulator() as slack, sitting(slack) as desk:
        app = web.Application()
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
                await page.select_option('[data-slack="who"]', "carol")
                yield desk, page
                await browser.close()
        finally:
            await runner.cleanup()


async def test_a_request_is_changed_in_its_form_and_approved():
    async with carol_at_her_desk() as (desk, page):
        await desk.asked()
        await expect(page.locator(".body pre")).to_have_text(TEXT)

        await page.click("text=Edit >> nth=0")
        await page.fill('[data-block="json:count"]', "three")
        await page.click("text=Approve changed")
        await expect(page.locator(".modal label .error")).to_contain_text("This is not JSON")
        await expect(page.locator('[data-block="json:count"]')).to_have_value("three")
        await page.fill('[data-block="json:count"]', "3")
        await page.click("text=Approve changed")
        await expect(page.locator(".modal")).to_be_hidden()
        await expect(page.locator(".body .context")).to_contain_text("You sent changed arguments")

    ((_, _, args, _),) = desk.inbox.answers
    assert args == {"env": "<!channel> & staging", "count": 3, "tags": ["a"]}


async def test_a_request_is_approved_with_one_click():
    async with carol_at_her_desk() as (desk, page):
        await desk.asked()

        await page.click("button.primary:has-text('Approve')")
        await expect(page.locator(".body .context")).to_contain_text("You chose Approve")
        await expect(page.locator(".body button.block")).to_have_count(0)

    assert [answer[0] for answer in desk.inbox.answers] == ["approve"]
