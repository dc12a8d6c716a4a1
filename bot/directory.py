"""The people that a conversation's tools may write to: by name, never by address."""

from dataclasses import dataclass
from datetime import datetime

from bot import words
from bot.asking import ask as ask_person
from bot.errors import ToolError
from bot.events import Outgoing, RequestFor
from bot.policy import is_simulated
from bot.rules import Rules, Someone
from bot.thread import Thread
from bot.tools import Ask


@dataclass(frozen=True, slots=True)
class PeopleDirectory:
    """Those of the configuration, as one thread and its requester may reach them."""

    rules: Rules
    thread: Thread
    person: str
    now: datetime

    def names(self) -> tuple[str, ...]:
        return tuple(each.name for each in self.rules.people.values() if each.reaches and self._is_ours(each))

    def message(self, name: str, text: str, *, channel: str = "") -> Outgoing:
        someone = self._find(name)
        reach = next((each for each in someone.reaches if channel in ("", each.channel)), None)
        if reach is None:
            ways = ", ".join(each.channel for each in someone.reaches) or "no channel that is on"
            raise ToolError(
                f"{someone.name} is not reached by {channel or 'anything'}; by {ways}", retryable=False
            )
        if not reach.fits(text):
            raise ToolError(
                f"text: too long for one message by {reach.channel}; shorten it or use another channel"
            )
        return Outgoing(
            text=text, channel=reach.channel, account=reach.account, destination=reach.destination
        )

    def question(self, ask: Ask, question_id: str) -> Outgoing:
        someone = self._find(ask.to)
        request = RequestFor(kind="question", id=question_id, person=someone.name, options=ask.options)
        text = words.question(self.person or "somebody", ask.text)
        asked, _ = ask_person([someone.name], text, request, self.thread, self.rules, self.now)
        if not asked:
            raise ToolError(
                f"{someone.name} cannot be reached with a question of this length", retryable=False
            )
        return asked[0]

    def _find(self, name: str) -> Someone:
        wanted = name.strip().casefold()
        for someone in self.rules.people.values():
            if someone.name.casefold() == wanted and self._is_ours(someone):
                return someone
        known = ", ".join(self.names()) or "nobody"
        raise ToolError(f"there is no {name[:40]} here; you can write to {known}", retryable=True)

    def _is_ours(self, someone: Someone) -> bool:
        """Simulated and real people do not meet where both exist."""
        if not self.rules.mixed:
            return True
        return someone.demo == is_simulated(self.thread, self.person, self.rules)
