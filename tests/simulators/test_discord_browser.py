"""The Discord pane in a real browser: writing, pressing a button, filling in a form, going to a thread."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import discord
import pytest
from aiohttp import web
from playwright.async_api import Page, async_playwright, expect

from simulators import page as sim_page
from simulators.discord import DiscordSimulator
from simulators.discord.pane import discord_pane
from tests.simulators.discord_kit import UNLIMITED, Bot, connected

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]


@asynccontextmanager
async def at_the_page() -> AsyncIterator[tuple[DiscordSimulator, Bot, Page]]:
    async with DiscordSimulator(config=UNLIMITED) as simulator, connected(simulator) as bot:
        app = web.Application()
        simulator.add_routes(app)
        sim_page.add_routes(app, [discord_pane(simulator)])
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            async with async_playwright() as playwright:
                path = os.environ.get("CHROMIUM") or "/usr/bin/chromium"
                browser = await playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
                page = await browser.new_page()
                await page.goto(f"http://127.0.0.1:{runner.addresses[0][1]}/sim")
                yield simulator, bot, page
                await browser.close()
        finally:
            await runner.cleanup()


class Form(discord.ui.Modal, title="Why not?"):
    reason: discord.ui.TextInput[Any] = discord.ui.TextInput(label="Reason", style=discord.TextStyle.long)

    async def on_submit(self, interaction: discord.Interaction) -> None:
        await interaction.response.edit_message(content=f"Not paid: {self.reason.value}", view=None)


async def open_form(interaction: discord.Interaction) -> None:
    if interaction.type is discord.InteractionType.component:
        await interaction.response.send_modal(Form())


async def test_a_person_writes_presses_and_fills_in_a_form():
    async with at_the_page() as (simulator, bot, page):
        bot.answer = open_form
        await expect(page.locator('[data-discord="connected"]')).to_have_text("the bot is connected")
        await page.fill('[data-discord="text"]', "please pay **42**")
        await page.keyboard.press("Enter")
        await expect(page.locator(".message strong")).to_have_text("42")
        await simulator.until(lambda: bot.heard)
        view = discord.ui.View()
        view.add_item(discord.ui.Button(label="Reject", style=discord.ButtonStyle.red, custom_id="r"))
        await bot.heard[0].channel.send("Pay 42?", view=view)
        await page.click("button.danger:has-text('Reject')")
        await page.fill("[data-field]", "too dear")
        await page.click(".modal button.primary")
        await expect(page.locator(".message.bot .markdown")).to_have_text("Not paid: too dear")
        await expect(page.locator(".modal")).to_be_hidden()

    assert bot.texts() == ["please pay **42**"]


async def test_a_person_goes_to_a_channel_replies_reacts_and_starts_a_thread():
    async with at_the_page() as (simulator, bot, page):
        await page.select_option('[data-discord="who"]', "bob")
        await page.click(".place:has-text('#general')")
        await expect(page.locator('[data-discord="title"]')).to_have_text("#general")
        await page.fill('[data-discord="text"]', "hello")
        await page.keyboard.press("Enter")
        await simulator.until(lambda: bot.heard)
        await bot.heard[0].reply("hi bob")
        answer = page.locator(".message.bot")
        await answer.hover()
        await answer.locator("text=👍").click()
        await expect(answer.locator(".reactions")).to_contain_text("👍 1")
        await answer.locator('[data-do="reply"]').click()
        await page.fill('[data-discord="text"]', "thanks")
        await page.keyboard.press("Enter")
        await simulator.until(lambda: len(bot.heard) == 2)
        await answer.locator("text=Start a thread").click()
        await expect(page.locator('[data-discord="title"]')).to_have_text("A thread")

    assert bot.heard[1].reference is not None
    assert len(bot.reactions) == 1
    assert [thread.name for thread in bot.guilds[0].threads] == ["A thread"]
