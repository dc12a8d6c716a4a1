"""The people the bot knows, as they stand in the config file."""

import hashlib
import re
import secrets
from collections.abc import Iterable
from typing import Annotated

from pydantic import AfterValidator, Field

from bot.config.section import Section
from bot.config.values import PHONE, Hours, Language, Role, Slug, TimeZone, matching, refused

OPERATOR, MEMBER, OWNER, APPROVER = "operator", "member", "owner", "approver"
KNOWN_ROLES = (OPERATOR, MEMBER, OWNER, APPROVER)
"""The roles that Saywhen itself or its config.toml gives a meaning; others are the user's own words."""

ADDRESS_FORMS = {
    "slack": (r"[TE][A-Z0-9]{2,}/[UW][A-Z0-9]{2,}", "team and user, such as T012AB3CD/U045EF6GH"),
    "discord": (r"[0-9]{15,20}", "a Discord user id: 15 to 20 digits, in quotes"),
    "sms": PHONE,
    "email": (r"[^\s@<>]+@[^\s@<>]+\.[^\s@<>]+", "a mailbox such as ann@example.org"),
}


def _addresses(addresses: dict[str, str]) -> dict[str, str]:
    return {channel: checked_address(channel, address) for channel, address in addresses.items()}


def checked_address(channel: str, address: str) -> str:
    """The address as it is compared; refused if this is no channel with addresses or no address of it."""
    _channel(channel)
    pattern, form = ADDRESS_FORMS[channel]
    if not re.fullmatch(pattern, address):
        raise refused(f"{channel}: {form}", found=address)
    return address.lower() if channel == "email" else address


def _channel(channel: str) -> str:
    if channel not in ADDRESS_FORMS:
        raise refused(", ".join(ADDRESS_FORMS), "name a channel that has addresses", found=channel)
    return channel


TokenHash = Annotated[
    str,
    AfterValidator(
        matching(r"sha256:[0-9a-f]{64}", "what `bot people token NAME` writes: sha256: and 64 digits")
    ),
]


class Person(Section):
    """Somebody the bot knows. A demo person has no rights for anything real."""

    name: Slug
    roles: tuple[Role, ...] = (MEMBER,)
    addresses: Annotated[dict[str, str], AfterValidator(_addresses)] = Field(default_factory=dict)
    timezone: TimeZone | None = None
    language: Language | None = None
    contact_order: tuple[Annotated[str, AfterValidator(_channel)], ...] = ()
    quiet_hours: Hours | None = None
    api_token_hash: TokenHash | None = None
    demo: bool = False


def resolve(who: Iterable[str], people: Iterable[Person]) -> tuple[str, ...]:
    """The names that these names and roles stand for, each once: as they were written, then as config has them."""
    known = tuple(people)
    return tuple(
        dict.fromkeys(
            person.name for word in who for person in known if word == person.name or word in person.roles
        )
    )


def new_token() -> str:
    """A token of 256 random bits, with a beginning by which secret scanners and we ourselves know it."""
    return f"saywhen_{secrets.token_urlsafe(32)}"


def token_hash(token: str) -> str:
    """What is kept of a person's token. It is long and random, so nothing slower than this is needed."""
    return f"sha256:{hashlib.sha256(token.encode(errors='surrogatepass')).hexdigest()}"
