"""The simulated Discord as a venue: Ann and Bob write to the bot in direct messages."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from bot.ports import Channel
from bot.store.sqlite import SqliteStore
from channels.discord import DiscordChannel
from channels.discord.parts import LIMIT
from channels.discord.rest import TIMEOUT
from simulators.discord import DiscordSimulator
from simulators.discord.config import BOT_TOKEN
from simulators.discord.faults import Fault
from tests.channels.discord_desk import QUICK, simulated
from tests.conformance.stage import Name, Shown, Stage


class DiscordVenue:
    limit, whole, copies = LIMIT, True, 1

    def __init__(self, discord: DiscordSimulator, *, timeout: float = TIMEOUT, pace: float = 0.0) -> None:
        self.discord = discord
        self.timeout = timeout
        self.pace = pace

    def channel(self, store: SqliteStore) -> Channel:
        async def knows(account: str, conversation: str) -> bool:
            return await store.thread_of("discord", account, conversation) is not None

        return DiscordChannel(
            token=BOT_TOKEN,
            knows=knows,
            places=partial(store.places, "discord"),
            identified=partial(store.session_begun, "discord"),
            taken=store.is_another_part,
            api_url=self.discord.api_url,
            gateway_url=self.discord.gateway_url,
            seconds_between_sends=self.pace,
            timeout=self.timeout,
            rhythm=QUICK,
        )

    async def lead(self, stage: Stage) -> None:
        await self.discord.until(lambda: self.discord.gateway.ready)

    def address(self, name: Name) -> str:
        return self.discord.guild.person(name).discord

    def length(self, text: str) -> int:
        """Discord counts code points."""
        return len(text)

    async def say(self, name: Name, text: str, *, reply_to: str = "") -> str:
        return str(self.discord.say(name, text, reply_to=reply_to or None).id)

    def shown(self) -> list[Shown]:
        pings = self.discord.pings()
        return [
            Shown(
                each["id"],
                each["text"],
                tuple(str(ping) for ping in pings if str(ping["message"]) == each["id"]),
                tuple(each["previews"]),
            )
            for each in self.discord.messages(from_="bot")
        ]

    async def edit(self, said: str, text: str) -> None:
        self.discord.edit(said, text)

    async def delete(self, said: str) -> None:
        self.discord.delete(said)

    async def redeliver(self, said: str, times: int) -> None:
        guild = self.discord.guild
        message = guild.state.message(int(said))
        assert message is not None
        for _ in range(times):
            self.discord.gateway.emit("MESSAGE_CREATE", guild.full_message_json(message))

    def lose_next_answer(self) -> None:
        self.discord.faults.add(Fault("reset_after_accept"))

    def refuse_next(self) -> None:
        self.discord.faults.add(Fault("429", retry_after=0.01))

    @asynccontextmanager
    async def outage(self) -> AsyncIterator[None]:
        """An hour of the gateway's time: no session outlives it."""
        await self.discord.gateway.outage(3_600)
        yield
        self.discord.gateway.end_outage()


@asynccontextmanager
async def over_gateway() -> AsyncIterator[DiscordVenue]:
    async with simulated() as discord:
        yield DiscordVenue(discord)
