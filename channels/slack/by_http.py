"""Without a socket: Slack calls us, and now and then we ask whether it still knows us."""

import asyncio
import time
from collections.abc import Callable

from bot.errors import ChannelRefused
from bot.ports import Health
from channels.slack.failures import refusal
from channels.slack.standing import Standing
from channels.slack.web import CallFailed, Web

ASK_EVERY = 300.0


class ByHttp:
    """Stands where the connection of a socket stands otherwise."""

    def __init__(
        self, web: Web, standing: Standing, *, missed: Callable[[], None], ask_every: float = ASK_EVERY
    ) -> None:
        """`missed` is called at the start and when Slack answers again: it may not have reached us either."""
        self._web = web
        self._standing = standing
        self._missed = missed
        self._ask_every = ask_every
        self._answered = time.monotonic()

    def health(self) -> Health:
        """The age is that of Slack's last answer or call, whichever is younger."""
        age, quiet = time.monotonic() - self._answered, self._standing.quiet_for
        return self._standing.health(age if quiet is None else min(age, quiet))

    async def run(self) -> ChannelRefused:
        """Until cancelled, or until Slack refuses us for good."""
        self._missed()
        failures = 0
        while True:
            try:
                await self._web.post("auth.test", {})
            except CallFailed as error:
                if refused := refusal(error, "SLACK_BOT_TOKEN"):
                    return refused
                failures += 1
                if failures > 1:
                    self._standing.set("failing", str(error))
                await self._standing.pause(failures, error)
            else:
                if failures:
                    self._missed()
                failures = 0
                self._answered = time.monotonic()
                self._standing.set("connected")
                await asyncio.sleep(self._ask_every)
