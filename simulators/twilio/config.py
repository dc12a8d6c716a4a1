"""Who and what exists in the simulated Twilio: one account, its number, the people with phones."""

from dataclasses import dataclass
from typing import Any, TypeAlias

from simulators.people import DEMO_PEOPLE, Person, with_phone

Json: TypeAlias = dict[str, Any]

ACCOUNT_SID = "AC" + "de30" * 8
AUTH_TOKEN = "demo-token"
NUMBER = "+15550100000"
"""The number that people text and that the bot sends from."""


@dataclass(frozen=True)
class TwilioConfig:
    people: tuple[Person, ...] = with_phone(DEMO_PEOPLE)
    account_sid: str = ACCOUNT_SID
    auth_token: str = AUTH_TOKEN
    number: str = NUMBER
