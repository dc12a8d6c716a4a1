"""The simulated people: who they are, and where each of them can be reached."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Person:
    """Without an address on a channel, a person does not exist there."""

    name: str
    slack_user_id: str = ""
    tz: str = "UTC"
    real_name: str = ""
    sms: str = ""
    email: str = ""
    discord: str = ""

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> "Person":
        """Keep what the simulators know of a person; other keys are not ours."""
        return cls(
            name=str(data["name"]),
            slack_user_id=str(data.get("slack_user_id") or ""),
            tz=str(data.get("tz") or "UTC"),
            real_name=str(data.get("real_name") or ""),
            sms=str(data.get("sms") or ""),
            email=str(data.get("email") or "").lower(),
            discord=str(data.get("discord") or ""),
        )


DEMO_PEOPLE = (
    Person(
        "ann",
        "U0ANN",
        "Europe/Berlin",
        "Ann Demo",
        "+15550100001",
        email="ann@example.org",
        discord="200000000000000101",
    ),
    Person(
        "bob",
        "U0BOB",
        "America/New_York",
        "Bob Demo",
        "+15550100002",
        email="bob@example.org",
        discord="200000000000000102",
    ),
    Person(
        "carol",
        "U0CAROL",
        "Asia/Tokyo",
        "Carol Demo",
        "+15550100003",
        email="carol@example.org",
        discord="200000000000000103",
    ),
    Person("sarah", tz="Europe/London", real_name="Sarah Demo", email="sarah@example.net"),
)


def parse_people(items: Iterable[Mapping[str, Any]]) -> tuple[Person, ...]:
    """Read the list of demo people that the bot's configuration hands to the simulators."""
    people = (Person.parse(item) for item in items)
    return tuple(p for p in people if p.slack_user_id or p.sms or p.email or p.discord)


def on_slack(people: Iterable[Person]) -> tuple[Person, ...]:
    return tuple(person for person in people if person.slack_user_id)


def with_phone(people: Iterable[Person]) -> tuple[Person, ...]:
    return tuple(person for person in people if person.sms)


def with_email(people: Iterable[Person]) -> tuple[Person, ...]:
    return tuple(person for person in people if person.email)


def on_discord(people: Iterable[Person]) -> tuple[Person, ...]:
    return tuple(person for person in people if person.discord)
