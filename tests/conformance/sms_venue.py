"""The simulated phone network as a venue: texts come by signed webhook, or are read from Twilio's list."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

from bot.ports import Channel
from bot.store.sqlite import SqliteStore
from channels.sms import SmsChannel
from simulators.twilio import ACCOUNT_SID, AUTH_TOKEN, NUMBER, TwilioSimulator
from simulators.twilio.faults import Fault
from simulators.twilio.segments import segments
from tests.conformance.door import Door, open_door
from tests.conformance.stage import Name, Shown, Stage

MOST_SEGMENTS = 3


class SmsVenue:
    limit, whole, copies = MOST_SEGMENTS, False, 1

    def __init__(self, twilio: TwilioSimulator, door: Door | None = None) -> None:
        self.twilio = twilio
        self._door = door

    def channel(self, store: SqliteStore) -> Channel:
        public_url = self._door.url if self._door else ""

        async def since() -> datetime | None:
            return await store.last_heard("sms")

        channel = SmsChannel(
            account_sid=ACCOUNT_SID,
            auth_token=AUTH_TOKEN,
            number=NUMBER,
            api_url=self.twilio.api_url,
            public_url=public_url,
            inbound="webhook" if public_url else "poll",
            pace=0.0,
            since=since,
            taken=store.is_another_part,
            poll_every=0.02,
            poll_idle=0.05,
            backfill_every=0.2,
        )
        if self._door:
            self._door.webhooks = dict(channel.webhooks)
        return channel

    async def lead(self, stage: Stage) -> None:
        if self._door:
            self._door.receive = stage.receive
            self.twilio.use_webhook(
                f"{self._door.url}/webhooks/twilio/sms", status_url=f"{self._door.url}/webhooks/twilio/status"
            )

    def address(self, name: Name) -> str:
        return self.twilio.number_of(name)

    def length(self, text: str) -> int:
        """In segments."""
        return segments(text)

    async def say(self, name: Name, text: str, *, reply_to: str = "") -> str:
        return self.twilio.say(name, text).sid

    def shown(self) -> list[Shown]:
        ours = [each for each in self.twilio.messages() if each["direction"] == "outbound-api"]
        return [Shown(each["sid"], each["text"]) for each in ours]

    async def edit(self, said: str, text: str) -> None:
        raise NotImplementedError

    async def delete(self, said: str) -> None:
        raise NotImplementedError

    async def redeliver(self, said: str, times: int) -> None:
        await self.twilio.redeliver(said, times=times)

    def lose_next_answer(self) -> None:
        self.twilio.faults.add(Fault("reset_after_accept"))

    def refuse_next(self) -> None:
        self.twilio.faults.add(Fault("429", retry_after=0))

    @asynccontextmanager
    async def outage(self) -> AsyncIterator[None]:
        """The list cannot be read."""
        self.twilio.faults.add(Fault("500", on="list", times=1_000_000))
        yield
        self.twilio.faults.clear()


@asynccontextmanager
async def by_webhook() -> AsyncIterator[SmsVenue]:
    async with TwilioSimulator(time_scale=0.05) as twilio, open_door() as door:
        yield SmsVenue(twilio, door)


@asynccontextmanager
async def by_polling() -> AsyncIterator[SmsVenue]:
    async with TwilioSimulator(time_scale=0.05) as twilio:
        yield SmsVenue(twilio)
