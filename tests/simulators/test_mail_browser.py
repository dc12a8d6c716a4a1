"""The simulated mail with the mouse in a real browser: write, answer, accept an invitation."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from playwright.async_api import Page, async_playwright, expect

from simulators import page as sim_page
from simulators.mail import MailSimulator
from simulators.mail.pane import mail_pane
from tests.simulators.mail_kit import send
from tests.simulators.test_mail_people import invite

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]


@asynccontextmanager
async def bob_at_his_desk() -> AsyncIterator[tuple[MailSimulator, Page]]:
    mail = MailSimulator()
    app = web.Application()
    mail.add_routes(app)
    sim_page.add_routes(app, [mail_pane(mail)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    await mail.start()
    try:
        async with async_playwright() as playwright:
            path = os.environ.get("CHROMIUM") or "/usr/bin/chromium"
            browser = await playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
            page = await browser.new_page()
            await page.goto(f"http://127.0.0.1:{runner.addresses[0][1]}/sim")
            await page.select_option('[data-mail="who"]', "bob@example.org")
            yield mail, page
            await browser.close()
    finally:
        await mail.stop()
        await runner.cleanup()
        mail.state.close()


async def test_a_mail_is_written_answered_and_answered_again():
    async with bob_at_his_desk() as (mail, page):
        await expect(page.locator(".empty")).to_have_text("No mail.")
        await page.fill('[data-mail="subject"]', "A <b>question</b>")
        await page.fill('[data-mail="text"]', "first")
        await page.click("button[type=submit]")
        await expect(page.locator(".mail.mine h3")).to_have_text("A <b>question</b>")

        await send(mail, "second", To="bob@example.org", Subject="Re: A question")
        await page.click(".mail:not(.mine) [data-do=reply]")
        await expect(page.locator('[data-mail="subject"]')).to_have_value("Re: A question")
        await page.fill('[data-mail="text"]', "third")
        await page.click("button[type=submit]")
        await expect(page.locator(".mail")).to_have_count(3)
        await expect(page.locator(".mail.mine .mail-quoted")).to_be_visible()

        first, _, third = mail.messages(all_=True)

    assert (first["from"], first["in_reply_to"], first["text"]) == ("bob@example.org", "", "first\n")
    assert (third["in_reply_to"], third["text"].split("\n")[0]) == ("<1@saywhen.test>", "third")


async def test_an_invitation_is_accepted_with_one_click():
    async with bob_at_his_desk() as (mail, page):
        await page.select_option('[data-mail="who"]', "ann@example.org")
        await invite(mail)

        await page.click('[data-answer="accepted"]')
        await expect(page.locator(".mail.mine h3")).to_contain_text("Accepted: A meeting")

        answer = mail.messages(all_=True)[-1]

    assert (answer["calendar"]["method"], answer["from"]) == ("REPLY", "ann@example.org")
