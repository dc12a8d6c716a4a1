"""The people the bot knows, as they stand in the config file."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from bot.config.section import Section
from bot.config.values import Language, Slug, TimeZone, refused

Role = Literal["operator", "member"]
ADDRESS_FORMS = {
    "slack": (r"[TE][A-Z0-9]{2,}/[UW][A-Z0-9]{2,}", "team and user, such as T012AB3CD/U045EF6GH"),
    "discord": (r"[0-9]{15,20}", "a Discord user id: 15 to 20 digits, in quotes"),
    "sms": (r"\+[1-9][0-9]{6,14}", "a number in the international form, such as +491701234567"),
    "email": (r"[^\s@<>]+@[^\s@<>]+\.[^\s@<>]+", "a mailbox such as ann@example.org"),
}


def _addresses(addresses: dict[str, str]) -> dict[str, str]:
    for channel, address in addresses.items():
        if channel not in ADDRESS_FORMS:
            raise refused(", ".join(ADDRESS_FORMS), "name a channel that has addresses", found=channel)
        pattern, form = ADDRESS_FORMS[channel]
        if not re.fullmatch(pattern, address):
            raise refused(f"{channel}: {form}", found=address)
    return {channel: a.lower() if channel == "email" else a for channel, a in addresses.items()}


class Person(Section):
    """Somebody the bot knows. A demo person has no rights for anything real."""

    name: Slug
    roles: tuple[Role, ...] = ("member",)
    addresses: Annotated[dict[str, str], AfterValidator(_addresses)] = Field(default_factory=dict)
    timezone: TimeZone | None = None
    language: Language | None = None
    contact_order: tuple[str, ...] = ()
    demo: bool = False
