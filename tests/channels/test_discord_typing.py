"""The sign that the agent is at work."""

import asyncio

from channels.discord.rest import Web
from channels.discord.typing_signs import AT_MOST, TypingSigns


class Calls(Web):
    def __init__(self) -> None:
        super().__init__()
        self.to: list[str] = []

    async def call(self, method, path, *, json=None, params=None, **ids):
        self.to.append(ids["channel_id"])


async def at_once(_seconds: float) -> None:
    await asyncio.sleep(0)


async def test_it_is_shown_again_until_it_is_taken_away():
    web, shown = Calls(), asyncio.Event()

    async def sleep(_seconds: float) -> None:
        if len(web.to) >= 3:
            shown.set()
            await asyncio.Event().wait()

    async with asyncio.TaskGroup() as tasks:
        signs = TypingSigns(web, has_thread=lambda _: False, sleep=sleep)
        signs.tasks = tasks
        await signs.show("channel/5")
        await signs.show("channel/5")
        await shown.wait()
        signs.hide("channel/5")

    assert web.to == ["5", "5", "5"]


async def test_it_ends_by_itself():
    web = Calls()
    async with asyncio.TaskGroup() as tasks:
        signs = TypingSigns(web, has_thread=lambda _: False, sleep=at_once)
        signs.tasks = tasks
        await signs.show("channel/5")

    assert len(web.to) == AT_MOST


async def test_a_thread_that_is_not_there_yet_shows_it_in_its_channel():
    web = Calls()
    signs = TypingSigns(web, has_thread=lambda message: message == "7", sleep=at_once)

    for destination in ("mention/5/6", "mention/5/7", "200", "nowhere"):
        await signs.show(destination)

    assert web.to == ["5", "7"]
