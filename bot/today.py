"""Who people are, what they may and where they are reached, as the configuration and the providers have it now."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from bot import roster
from bot.channel_table import ChannelTable
from bot.config import Config, Person
from bot.events import ContactReported, DeliveryReported, Event, Outgoing
from bot.loop import AgentParts
from bot.people import Account, Contact, People
from bot.rights import people_now
from bot.rules import Risk, Rules, Someone


class Unreachable:
    """Addresses that take nothing from us, kept up to date by what is written to the log."""

    def __init__(self, known: Mapping[tuple[str, str], str]) -> None:
        self._known = dict(known)
        self.version = 0

    def __contains__(self, key: tuple[str, str]) -> bool:
        return key in self._known

    def heard(self, events: tuple[Event, ...]) -> None:
        for event in events:
            match event.data:
                case DeliveryReported(unreachable=True, address=address, error=why):
                    self._change((event.channel, address), why)
                case ContactReported(reachable=False, address=address, why=why):
                    self._change((event.channel, address), why or "it takes no messages")
                case ContactReported(address=address):
                    self._change((event.channel, address), "")
                case _:
                    pass

    def _change(self, key: tuple[str, str], why: str) -> None:
        self.version += 1
        if why:
            self._known[key] = why
        else:
            self._known.pop(key, None)


class Today:
    """Today's people and rules: asked anew for each decision, made anew only when something has changed."""

    def __init__(
        self,
        live: Callable[[], Config],
        channels: ChannelTable,
        parts: Mapping[str, AgentParts],
        unreachable: Unreachable,
        *,
        simulated: frozenset[str],
        link: str,
    ) -> None:
        self._live = live
        self._channels = channels
        self._parts = parts
        self._unreachable = unreachable
        self._simulated = simulated
        self._link = link
        self._config: Config | None = None
        self._people = People(())
        self._made: tuple[People, object, Rules] | None = None

    # ------------------------------------------------------------ people

    @property
    def people(self) -> People:
        config = self._live()
        if config is not self._config:
            self._config, self._people = config, People(config.people, timezone=config.timezone)
        return self._people

    def by_address(self, channel: str, address: str, *, simulated: bool = False) -> Person | None:
        return self.people.by_address(channel, address, simulated=simulated)

    def by_token(self, token: str) -> Person | None:
        return self.people.by_token(token)

    def timezone_of(self, person: str | None) -> str:
        """That of the config, else the one they have set at a provider, else the config's for everybody."""
        known = self.people.by_name(person) if person else None
        if known is None or known.timezone:
            return self.people.timezone_of(known)
        return self._zone_at_provider(known) or self.people.timezone_of(known)

    def _zone_at_provider(self, person: Person) -> str:
        for channel in self._channels.channels:
            zones: Mapping[str, str] = getattr(channel, "timezones", {})
            if zone := zones.get(person.addresses.get(channel.name, "")):
                return zone
        return ""

    # ------------------------------------------------------------ rules

    def __call__(self) -> Rules:
        people = self.people
        key = (tuple(self._channels), self._unreachable.version)
        made = self._made
        if made is None or made[0] is not people or made[1] != key:
            made = self._made = (people, key, self._make(people))
        return made[2]

    def operator(self) -> Contact | None:
        """Where an operator can be told something now."""
        return self.people.operator_contact(self._accounts())

    def operator_message(self) -> Outgoing | None:
        return self().operator

    def _accounts(self) -> list[Account]:
        return [
            Account(name, account, simulated=name in self._simulated)
            for name, account in self._channels
            if account
        ]

    def _make(self, people: People) -> Rules:
        accounts = self._accounts()
        operators = people.operators()
        everybody = people_now(people, accounts, dict(self._fits()))
        channels = self._live().channels
        caps: dict[str, Risk] = {"sms": channels.sms.approves, "email": channels.email.approves}
        known = {name: _reachable(each, self._unreachable) for name, each in everybody.items()}
        return roster.rules_of(
            self._live(),
            self._parts,
            operator=self.operator(),
            operator_name=operators[0].name if operators else "",
            link=self._link,
            people=known,
            caps=caps,
            accounts={each.channel: each.account for each in accounts},
            answers_sender=frozenset(
                channel.name
                for channel in self._channels.channels
                if getattr(channel, "answers_sender", False)
            ),
            simulated=self._simulated,
            mixed=any(name not in self._simulated for name, _ in self._channels) and bool(self._simulated),
        )

    def _fits(self) -> Iterator[tuple[str, Callable[[str], bool]]]:
        """What each channel can show whole, in one message."""
        for channel in self._channels.channels:
            if fits := getattr(channel, "fits", None):
                yield channel.name, fits


def _reachable(someone: Someone, unreachable: Unreachable) -> Someone:
    """The person without addresses that take nothing."""
    reaches = tuple(r for r in someone.reaches if (r.channel, r.destination) not in unreachable)
    return replace(someone, reaches=reaches)
