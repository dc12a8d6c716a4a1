"""The Discord pane of the page /sim: the places a person sees and the messages in one of them."""

from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from simulators.discord.simulator import DiscordSimulator


def add_routes(app: web.Application, discord: "DiscordSimulator") -> None:
    pass
