"""The people that a conversation's tools may write to: by name, and mail also to an address."""

import re
from dataclasses import dataclass
from datetime import datetime

from bot import words
from bot.asking import ask as ask_person
from bot.errors import ToolError
from bot.events import Invite, Outgoing, RequestFor
from bot.policy import is_simulated, whose
from bot.rules import Rules, Someone
from bot.thread import Thread
from bot.tools import Addressee, Ask

EMAIL = "email"
LONGEST_ADDRESS = 254
_ADDRESS = re.compile(
    r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]",
    re.ASCII,
)


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

    def addressee(self, to: str) -> Addressee:
        """Where a mail to a person of ours, or to anybody's address, goes."""
        account = self.rules.accounts.get(EMAIL, "")
        if not account:
            raise ToolError(
                "e-mail is not set up: whoever runs this bot has to give it a mailbox", retryable=False
            )
        if someone := whose(to, self.rules):
            return self._own_mailbox(someone)
        return Addressee(self._outside(to.strip().lower(), account))

    def letter(self, to: str, subject: str, text: str, invite: Invite | None = None) -> Outgoing:
        return Outgoing(
            text=text,
            subject=" ".join(subject.split()),
            invite=invite,
            destination=self.addressee(to).address,
            channel=EMAIL,
            account=self.rules.accounts[EMAIL],
        )

    def _own_mailbox(self, someone: Someone) -> Addressee:
        mailbox = next((each for each in someone.reaches if each.channel == EMAIL), None)
        if mailbox is None or not self._is_ours(someone):
            raise ToolError(
                f"{someone.name} has no e-mail address that can be written to from here", retryable=False
            )
        return Addressee(mailbox.destination, someone.name, someone.timezone)

    def _outside(self, address: str, account: str) -> str:
        if "@" not in address:
            self._find(address)  # which says who there is
        if len(address) > LONGEST_ADDRESS or not _ADDRESS.fullmatch(address):
            raise ToolError(f'"{address[:60]}" is not one e-mail address such as sarah@example.org')
        name, _, domain = address.partition("@")
        if f"{name.partition('+')[0]}@{domain}" == account.lower():
            raise ToolError(f"{address[:60]} is this bot's own address")
        played = EMAIL in self.rules.simulated
        if self.rules.mixed and played != is_simulated(self.thread, self.person, self.rules):
            raise ToolError("simulated and real people do not write to each other", retryable=False)
        return address

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
