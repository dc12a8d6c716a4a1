"""Discord, over its gateway."""

from tests.conformance.discord_venue import over_gateway
from tests.conformance.suite import Conformance


class TestDiscord(Conformance):
    name = "discord"
    open_venue = staticmethod(over_gateway)
    abilities = frozenset(("edit", "delete", "redeliver", "lose answers", "refuse", "outage"))
