"""Who is who: from an address on a channel to a person, and from a person to where they can be reached."""

import hmac
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from bot.config.people import Person, token_hash
from bot.rules import NAMED, Reach


@dataclass(frozen=True, slots=True)
class Account:
    """Our own account at a provider that is on. Nothing that a simulated one says is proof of anything."""

    channel: str
    account: str
    simulated: bool = False


@dataclass(frozen=True, slots=True)
class Contact:
    """Where a person can be reached, as an Outgoing wants it."""

    channel: str
    account: str
    destination: str


class People:
    """The people of the config: demo people exist for simulated accounts only, real ones for real ones."""

    def __init__(self, persons: Iterable[Person] = (), *, timezone: str = "UTC") -> None:
        self._persons = tuple(persons)
        self._timezone = timezone
        self._by_name = {person.name: person for person in self._persons}
        self._by_address = {
            (channel, address): person
            for person in self._persons
            for channel, address in person.addresses.items()
        }

    def __iter__(self) -> Iterator[Person]:
        return iter(self._persons)

    def by_name(self, name: str) -> Person | None:
        return self._by_name.get(name)

    def by_address(self, channel: str, address: str, *, simulated: bool = False) -> Person | None:
        """Whose address this is; None for a stranger."""
        if channel in NAMED:
            person = self.by_name(address)
            return person if person and (simulated or not person.demo) else None
        found = self._by_address.get((channel, address.lower() if channel == "email" else address))
        return found if found and found.demo == simulated else None

    def by_token(self, token: str) -> Person | None:
        """Whose API token this is; compared in constant time, whoever it belongs to."""
        hashed = token_hash(token)
        found = [p for p in self._persons if hmac.compare_digest(p.api_token_hash or "", hashed)]
        return found[0] if found else None

    def operators(self) -> tuple[Person, ...]:
        """Who is told when something needs a person, in the order of the config."""
        return tuple(person for person in self._persons if "operator" in person.roles)

    def contact(self, person: Person, accounts: Iterable[Account]) -> Contact | None:
        """The first of a person's addresses that an account reaches, in their own order of preference."""
        return next(iter(self.contacts(person, accounts)), None)

    def contacts(self, person: Person, accounts: Iterable[Account]) -> tuple[Contact, ...]:
        """All of a person's addresses that an account reaches, the preferred one first."""
        reach = {each.channel: each for each in accounts if each.simulated == person.demo}
        return tuple(
            Contact(channel, reach[channel].account, person.addresses[channel])
            for channel in _preferred(person)
            if channel in reach
        )

    def reaches(
        self,
        person: Person,
        accounts: Iterable[Account],
        fits: Mapping[str, Callable[[str], bool]] | None = None,
    ) -> tuple[Reach, ...]:
        """The same with what each channel says fits into one message, for the rules."""
        whole = fits or {}
        return tuple(
            Reach(each.channel, each.account, each.destination, whole.get(each.channel, _everything_fits))
            for each in self.contacts(person, accounts)
        )

    def operator_contact(self, accounts: Iterable[Account]) -> Contact | None:
        """Where to tell an operator something: the first operator whom an account reaches."""
        on = tuple(accounts)
        return next((found for person in self.operators() if (found := self.contact(person, on))), None)

    def timezone_of(self, person: Person | str | None) -> str:
        """The time zone in which a person thinks; that of the config for strangers."""
        known = self.by_name(person) if isinstance(person, str) else person
        return (known and known.timezone) or self._timezone


def _everything_fits(text: str) -> bool:
    return True


def _preferred(person: Person) -> Iterator[str]:
    """The channels of a person's addresses, each once: those of `contact_order` first."""
    yield from dict.fromkeys(c for c in (*person.contact_order, *person.addresses) if c in person.addresses)
