"""A bot's own mailbox and a few people, as a tool for mail sees them."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from bot.directory import PeopleDirectory
from bot.rules import Reach, Rules, Someone
from bot.thread import Thread
from bot.tools import ToolContext

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)  # a Saturday
BOT = "bot@example.org"


def reach(channel: str, address: str) -> Reach:
    return Reach(channel, BOT if channel == "email" else "A1", address)


ANN = Someone("ann", reaches=(reach("email", "ann@example.org"),), timezone="Europe/Berlin")
SARAH = Someone("sarah", reaches=(reach("email", "sarah@example.net"),), timezone="America/New_York")
BOB = Someone("bob", reaches=(reach("sms", "+15550100002"),))
PLAYED = Someone("dora", reaches=(reach("email", "dora@example.net"),), demo=True)
RULES = Rules(
    agents={}, people={each.name: each for each in (ANN, SARAH, BOB, PLAYED)}, accounts={"email": BOT}
)


def directory(*, channel: str = "slack", person: str = "ann", **rules: Any) -> PeopleDirectory:
    return PeopleDirectory(replace(RULES, **rules), Thread("t1", channel=channel), person, NOW)


def context(
    *, now: datetime = NOW, timezone: str = "Europe/Berlin", channel: str = "slack", **rules: Any
) -> ToolContext:
    return ToolContext(
        "t1:c1", now, timezone, "ann", "t1", "ann", "c1", directory=directory(channel=channel, **rules)
    )
