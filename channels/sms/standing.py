"""How the channel stands with Twilio: connected, or not and why, and when it last gave a sign of life."""

import time

from bot.ports import ChannelState, Health


class Standing:
    def __init__(self) -> None:
        self._state: ChannelState = "off"
        self._detail = ""
        self._heard: float | None = None

    def health(self) -> Health:
        age = None if self._heard is None else time.monotonic() - self._heard
        return Health(self._state, self._detail, age)

    def set(self, state: ChannelState, detail: str = "") -> None:
        self._state, self._detail = state, detail

    def heard(self) -> None:
        """Twilio answered us, or called."""
        self._heard = time.monotonic()
