"""How the channel stands with Slack: its state, what is wrong, and when Slack last told us something."""

import asyncio
import logging
import time

from bot.ports import ChannelState, Health
from channels.slack.web import CallFailed

LONGEST_PAUSE = 30.0

log = logging.getLogger(__name__)


class Standing:
    """`warning` is said beside the state, for as long as it is true."""

    def __init__(self) -> None:
        self.state: ChannelState = "off"
        self.warning = ""
        self._detail = ""
        self._heard: float | None = None

    def set(self, state: ChannelState, detail: str = "") -> None:
        self.state, self._detail = state, detail

    def heard(self) -> None:
        """Slack has told us that something happened."""
        self._heard = time.monotonic()

    @property
    def quiet_for(self) -> float | None:
        """Seconds since Slack last told us that something happened; None if it has not yet."""
        return None if self._heard is None else time.monotonic() - self._heard

    def health(self, age: float | None) -> Health:
        said = "; ".join(filter(None, (self._detail, self.warning)))
        return Health(self.state, said, age, self.quiet_for)

    async def pause(self, failures: int, error: Exception) -> None:
        """Wait, longer after each failure, and as long as Slack asks for."""
        asked = error.retry_after if isinstance(error, CallFailed) else None
        pause = max(asked or 0.0, min(LONGEST_PAUSE, 0.5 * 2.0 ** min(failures, 10)))
        words = str(error) or type(error).__name__
        log.warning("Slack: %s; trying again in %.0f s", words, pause)
        if self.state != "connected":
            self.set("failing", words)
        await asyncio.sleep(pause)
