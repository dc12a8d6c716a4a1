"""One-time codes by which somebody proves that an address is theirs: to become the owner, or to add one more.

`claim CODE` makes the sender the owner, `link CODE` adds the sender's address to a person. Whoever holds a code gets
what it stands for, so codes are shown once, where they are made, live in memory only and are never logged.
"""

import hmac
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from pydantic_core import PydanticCustomError

from bot.codes import ALPHABET
from bot.config import Config, ConfigError, Person
from bot.config.people import APPROVER, MEMBER, OPERATOR, OWNER, checked_address
from bot.config.write_local import CannotWrite, Change, write_person
from bot.errors import SaywhenError

LENGTH = 8  # 78 thousand million codes; five tries an address and a quarter of an hour
LIFETIME = timedelta(minutes=15)
MOST_WRONG = 5
PAUSE = timedelta(minutes=15)
MOST_ADDRESSES = 10_000
OWNER_ROLES = (OWNER, OPERATOR, APPROVER, MEMBER)

_CLAIM = re.compile(r"\s*(claim|link)\s+([A-Za-z0-9]{8})\s*\.?\s*", re.IGNORECASE)


class NoSuchPerson(SaywhenError):
    """The configuration knows nobody of this name."""


@dataclass(frozen=True, slots=True)
class Redeemed:
    """Whose address this is now, and whether they have become the owner."""

    person: str
    owner: bool


@dataclass(frozen=True, slots=True)
class Refused:
    """A code that was not taken, and what to tell who sent it."""

    why: str


@dataclass(frozen=True, slots=True)
class _Code:
    text: str
    until: datetime
    person: str  # "" for the owner's


@dataclass(slots=True)
class _Tries:
    """Wrong codes from one address, and until when it has to wait."""

    wrong: int
    until: datetime


def new_code() -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))


def is_claim(text: str) -> bool:
    """Is this text meant for `redeem`? Then nobody else should see it, neither the agent nor the log."""
    return _CLAIM.fullmatch(text) is not None


class Claims:
    """The codes that are open. `refresh` is told when the settings have been changed."""

    def __init__(
        self,
        root: Path,
        config: Callable[[], Config],
        *,
        clock: Callable[[], datetime],
        check: Callable[[], object],
        refresh: Callable[[], object] = lambda: None,
        new_code: Callable[[], str] = new_code,
    ) -> None:
        self._root = root
        self._config = config
        self._clock = clock
        self._check = check
        self._refresh = refresh
        self._new_code = new_code
        self._codes: dict[str, _Code] = {}
        self._tries: dict[tuple[str, str], _Tries] = {}

    def new_owner_claim(self) -> str:
        """A code that makes whoever sends it the owner; the one before is void."""
        return self._open("")

    def new_link(self, person: str) -> str:
        """A code that adds the address it is sent from to this person; the one before is void."""
        if self._config().person_by_name(person) is None:
            raise NoSuchPerson(f"the configuration knows nobody called {person!r}")
        return self._open(person)

    def _open(self, person: str) -> str:
        code = self._new_code()
        self._codes[person] = _Code(code, self._clock() + LIFETIME, person)
        return code

    def void(self, text: str) -> None:
        """A code that was said where others can read it opens nothing any more."""
        found = _CLAIM.fullmatch(text)
        said = found[2].upper() if found else ""
        self._codes = {key: code for key, code in self._codes.items() if code.text != said}

    def redeem(
        self, text: str, channel: str, address: str, *, display: str = "", simulated: bool = False
    ) -> Redeemed | Refused | None:
        """What became of a text: None if it is no claim at all.

        Only for direct messages whose sender the provider vouches for. `display` may give an owner who is new
        their name. A simulated account proves nothing.
        """
        found = _CLAIM.fullmatch(text)
        if found is None:
            return None
        now = self._clock()
        if simulated:
            return Refused("codes are for real accounts; this one is simulated")
        if self._is_paused((channel, address), now):
            return Refused("there were too many wrong codes from here; wait a while")
        code = self._take(found[1].lower(), found[2].upper(), now)
        if code is None:
            self._count_wrong((channel, address), now)
            return Refused("this code is not known, or it is too old; ask for a new one")
        self._tries.pop((channel, address), None)
        return self._write(code, channel, address, display)

    # ------------------------------------------------------------ codes

    def _take(self, word: str, text: str, now: datetime) -> _Code | None:
        """The code that this is, which is used up then. All are compared, each in constant time."""
        for_owner = word == "claim"
        same = [
            code
            for code in self._codes.values()
            if hmac.compare_digest(code.text.encode(), text.encode()) and bool(code.person) != for_owner
        ]
        if not same:
            return None
        del self._codes[same[0].person]
        return same[0] if now < same[0].until else None

    def _is_paused(self, who: tuple[str, str], now: datetime) -> bool:
        tries = self._tries.get(who)
        if tries is not None and now >= tries.until:
            del self._tries[who]
            return False
        return tries is not None and tries.wrong >= MOST_WRONG

    def _count_wrong(self, who: tuple[str, str], now: datetime) -> None:
        """Counts from the first wrong code; forgets whom it need not remember any longer."""
        if len(self._tries) >= MOST_ADDRESSES:
            self._tries = {key: tries for key, tries in self._tries.items() if now < tries.until}
        tries = self._tries.setdefault(who, _Tries(0, now + PAUSE))
        tries.wrong += 1
        if tries.wrong >= MOST_WRONG:
            tries.until = now + PAUSE

    # ------------------------------------------------------------ what it means

    def _write(self, code: _Code, channel: str, address: str, display: str) -> Redeemed | Refused:
        config = self._config()
        try:
            address = checked_address(channel, address)
        except PydanticCustomError:
            return Refused(f"{channel} has no addresses that could be anybody's")
        holder = next((p for p in config.people if p.addresses.get(channel) == address), None)
        if code.person and holder is not None and holder.name != code.person:
            return Refused(f"this address is already that of {holder.name}")
        if holder is not None and holder.demo:
            return Refused("this is the address of a demo person")
        name = code.person or (holder.name if holder else owner_name(display, config.people))
        roles = None if code.person else _as_owner(holder)
        try:
            write_person(self._root, Change(name, {channel: address}, roles), check=self._check)
        except (CannotWrite, ConfigError) as error:
            return Refused(f"it could not be written down: {str(error).splitlines()[0]}")
        self._refresh()
        return Redeemed(name, owner=not code.person)


def _as_owner(person: Person | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*OWNER_ROLES, *(person.roles if person else ()))))


def owner_name(display: str, people: tuple[Person, ...]) -> str:
    """A name that nobody has, neither as a name nor as a role."""
    taken = {*OWNER_ROLES, *(word for person in people for word in (person.name, *person.roles))}
    slug = re.sub(r"[^a-z0-9]+", "-", display.lower()).strip("-")[:30].strip("-")
    name = slug if re.match(r"[a-z]", slug) else "me"
    numbered = (name if number == 1 else f"{name}-{number}" for number in range(1, len(taken) + 2))
    return next(each for each in numbered if each not in taken)
