"""Who a message notifies: the mentions that are live in its text, and those that `allowed_mentions` lets through."""

import re
from dataclasses import dataclass, replace

from simulators.discord.config import Json

CODE = re.compile(r"```.*?```|``.*?``|`[^`]*`", re.DOTALL)
USER = re.compile(r"<@!?(\d{15,20})>")
ROLE = re.compile(r"<@&(\d{15,20})>")
EVERYONE = re.compile(r"@(?:everyone|here)")


@dataclass(frozen=True)
class Mentions:
    users: tuple[int, ...] = ()
    roles: tuple[int, ...] = ()
    everyone: bool = False
    replied: int | None = None
    """The author of the message replied to, where the reply notifies them."""

    def __bool__(self) -> bool:
        return bool(self.users or self.roles or self.everyone or self.replied)

    def without(self, user: int) -> "Mentions":
        """Nobody is notified of their own."""
        replied = None if self.replied == user else self.replied
        return replace(self, users=tuple(each for each in self.users if each != user), replied=replied)

    def names(self) -> list[str]:
        """One word for each, as the list of pings shows them."""
        return [
            *(["everyone"] if self.everyone else []),
            *(f"user {user}" for user in self.users),
            *(f"role {role}" for role in self.roles),
            *([f"reply {self.replied}"] if self.replied else []),
        ]


def live(text: str, *, replied: int | None = None) -> Mentions:
    """What the text mentions outside of code; without `allowed_mentions` all of it notifies."""
    plain = CODE.sub(" ", text)
    return Mentions(
        users=tuple(dict.fromkeys(map(int, USER.findall(plain)))),
        roles=tuple(dict.fromkeys(map(int, ROLE.findall(plain)))),
        everyone=EVERYONE.search(plain) is not None,
        replied=replied,
    )


def let_through(found: Mentions, allowed: Json | None) -> Mentions:
    """An absent `allowed_mentions` lets everything through; one that is there, only what it names."""
    if allowed is None:
        return found
    parse = allowed.get("parse") or []
    users, roles = _ids(allowed, "users"), _ids(allowed, "roles")
    return Mentions(
        users=tuple(user for user in found.users if "users" in parse or user in users),
        roles=tuple(role for role in found.roles if "roles" in parse or role in roles),
        everyone=found.everyone and "everyone" in parse,
        replied=found.replied if allowed.get("replied_user") else None,
    )


def _ids(allowed: Json, name: str) -> set[int]:
    return {int(each) for each in allowed.get(name) or []}
