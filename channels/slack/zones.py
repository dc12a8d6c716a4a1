"""The time zones that people have set in Slack, looked up once for each; without them nothing else stands still."""

import logging
import zoneinfo
from collections.abc import Mapping
from typing import Any

from channels.slack.web import CallFailed, Web

log = logging.getLogger(__name__)


class Zones(dict[str, str]):
    """From an address (`team/user`) to an IANA time zone, as far as Slack has said."""

    async def learn(self, web: Web, address: str) -> None:
        """Ask Slack about one person; best effort."""
        _, _, user = address.partition("/")
        try:
            zone = zone_of((await web.get("users.info", {"user": user})).data)
        except CallFailed as error:
            log.info("Slack does not say in which time zone %s is: %s", user, error)
            return
        if zone:
            self[address] = zone


def zone_of(answer: Mapping[str, Any]) -> str:
    """The time zone in an answer of users.info, "" if there is none that we know."""
    user = answer.get("user")
    zone = user.get("tz") if isinstance(user, Mapping) else None
    try:
        return zoneinfo.ZoneInfo(zone).key if isinstance(zone, str) and zone else ""
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return ""
