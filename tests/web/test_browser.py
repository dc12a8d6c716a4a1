"""The pages in a real browser: chat, timeline, keyboard, and what happens when the bot goes away."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from bot.testing import call, reply
from tests.web.kit import TOKEN, Web, open_web, serving

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

EVIL = "<img src=x onerror=\"document.title='gone'\"> [x](javascript:alert(1)) **bold**"


@asynccontextmanager
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        path = os.environ.get("CHROMIUM") or "/usr/bin/chromium"
        launched = await playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        try:
            yield launched
        finally:
            await launched.close()


@asynccontextmanager
async def page_of(web: Web, path: str = "/") -> AsyncIterator[tuple[Page, str]]:
    """A page of the bot; anything the browser complains about fails the test."""
    complaints: list[str] = []
    async with serving(web.app) as url, browser() as launched:
        page = await launched.new_page()
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        await page.goto(url + path)
        yield page, url
    assert complaints == []


async def say(page: Page, text: str) -> None:
    await page.fill("#text", text)
    await page.press("#text", "Enter")


async def test_a_conversation_by_keyboard_alone(tmp_path):
    async with (
        open_web(tmp_path, script=[reply("Good **morning**."), reply("Good night.")]) as web,
        page_of(web) as (page, _),
    ):
        await expect(page.locator("#text")).to_be_focused()
        await page.keyboard.type("Good morning")
        await page.keyboard.press("Shift+Enter")
        await page.keyboard.type("dear bot")
        await page.keyboard.press("Enter")
        await expect(page.locator(".bubble.bot strong")).to_have_text("morning")
        await expect(page.locator(".bubble.me .words")).to_have_text("Good morning\ndear bot")
        await expect(page.locator("#text")).to_be_focused()
        await expect(page.locator("#text")).to_have_value("")
        await say(page, "Good night")
        await expect(page.locator(".bubble.bot")).to_have_count(2)
        await page.reload()
        await expect(page.locator(".bubble")).to_have_count(4)


async def test_it_shows_that_it_thinks_and_then_the_reply(tmp_path):
    async with open_web(tmp_path) as web, page_of(web) as (page, _):
        web.thinking.clear()
        await say(page, "hello")
        await expect(page.locator("#status")).to_have_text("thinking …")
        await expect(page.locator(".bubble.me")).to_have_count(1)
        web.thinking.set()
        await expect(page.locator(".bubble.bot")).to_have_count(1)
        await expect(page.locator("#status")).to_have_text("")


async def test_conversations_are_kept_apart(tmp_path):
    async with open_web(tmp_path) as web, page_of(web) as (page, _):
        await say(page, "first")
        await expect(page.locator(".bubble.bot")).to_have_count(1)
        web.bot.clock.advance(1)
        await page.click("#new")
        await expect(page.locator(".bubble")).to_have_count(0)
        await say(page, "second")
        await expect(page.locator(".bubble.me .words")).to_have_text("second")
        await expect(page.locator("#conversations a")).to_have_count(2)
        await page.click("#conversations li:nth-child(2) a")
        await expect(page.locator(".bubble.me .words")).to_have_text("first")
        await page.go_back()
        await expect(page.locator(".bubble.me .words")).to_have_text("second")


async def test_hostile_words_stay_words(tmp_path):
    async with open_web(tmp_path, script=[reply(EVIL), reply(EVIL)]) as web, page_of(web) as (page, _):
        await say(page, EVIL)
        await expect(page.locator(".bubble.bot strong")).to_have_text("bold")
        await expect(page.locator(".bubble.me .words")).to_have_text(EVIL)
        assert await page.locator(".bubble img, .bubble a[href^=javascript]").count() == 0
        await page.click("#thread-link")
        await expect(page.locator(".card.person .words")).to_have_text(EVIL)
        assert await page.locator(".card img, .card a[href^=javascript]").count() == 0
        assert "gone" not in await page.title()


async def test_words_that_could_not_be_sent_stay_in_the_box(tmp_path):
    from bot.errors import Overloaded

    async with open_web(tmp_path) as web, serving(web.app) as url, browser() as launched:
        page = await launched.new_page()
        await page.goto(url)
        web.refusal = Overloaded()
        await say(page, "hello")
        await expect(page.locator("#status")).to_contain_text("Too many messages")
        await expect(page.locator("#text")).to_have_value("hello")
        web.refusal = None
        await page.press("#text", "Enter")
        await expect(page.locator(".bubble.me")).to_have_count(1)
        assert len([e for e in await web.bot.log(await thread_id(page)) if e.type == "message.received"]) == 1


async def thread_id(page: Page) -> str:
    href = await page.get_attribute("#thread-link", "href")
    assert href is not None
    return href.removeprefix("/threads/")


async def test_the_timeline_grows_and_shows_what_the_model_saw(tmp_path):
    async with open_web(tmp_path, script=[call("no_tool"), reply("one"), reply("two")]) as web:
        said = (await web.say("first")).json()["thread_id"]
        async with page_of(web, f"/threads/{said}") as (page, _):
            await expect(page.locator("#bill")).to_contain_text("2 model calls")
            await page.locator("details.request summary").first.click()
            await expect(page.locator(".seen").first).to_contain_text(
                '<message seq="2" from="guest" at="2026-11-23T09:00 Monday">first</message>'
            )
            before = await page.locator(".card").count()
            await web.say("second")
            await expect(page.locator("#bill")).to_contain_text("3 model calls")
            await expect(page.locator(".card")).to_have_count(before + 5)
            await page.locator("details.request summary").last.press("Enter")
            await expect(page.locator(".seen").last).to_contain_text("second")
            seqs = [await each.inner_text() for each in await page.locator(".seq").all()]
            assert seqs == [str(number) for number in range(1, len(seqs) + 1)]


async def test_in_production_people_sign_in_first(tmp_path):
    async with (
        open_web(tmp_path, open_to_loopback=False, dev=False) as web,
        serving(web.app) as url,
        browser() as launched,
    ):
        page = await launched.new_page()
        await page.goto(f"{url}/threads")
        await page.fill("#token", "wrong")
        await page.press("#token", "Enter")
        await expect(page.locator(".problem")).to_have_text("This is not the token.")
        await page.fill("#token", TOKEN)
        await page.press("#token", "Enter")
        await page.click("text=Chat")
        await say(page, "hello")
        await expect(page.locator(".bubble.bot")).to_have_count(1)
        assert TOKEN not in await page.evaluate("document.cookie")


@pytest.mark.parametrize("width", [360, 1200])
@pytest.mark.parametrize("path", ["/", "/threads", "/threads/ID"])
async def test_no_page_is_wider_than_the_screen(tmp_path, width, path):
    async with open_web(tmp_path, script=[reply("x" * 500 + "\n\n```\n" + "y" * 500 + "\n```")]) as web:
        found = (
            await web.say("z" * 500, conversation="a conversation with quite a long name of its own")
        ).json()
        async with page_of(web, path.replace("ID", found["thread_id"])) as (page, _):
            await page.set_viewport_size({"width": width, "height": 700})
            await page.wait_for_timeout(300)
            assert await page.evaluate("document.documentElement.scrollWidth") <= width
