"""A thumb up or down under a message of ours, as feedback on what it said."""

import asyncio
import logging
from collections import OrderedDict
from dataclasses import dataclass

from bot.events import FeedbackReceived, Incoming, Sender
from channels.slack.events import NAME, Identity
from channels.slack.parts import EVENT_TYPE
from channels.slack.shapes import Json, id_in, items, mapping, string, ts_in
from channels.slack.web import CallFailed, Web

WITHIN = 2.0
"""Slack waits three seconds for the acknowledgement."""
MOST_REMEMBERED = 1_000
RATINGS = {"+1": 5.0, "thumbsup": 5.0, "-1": 1.0, "thumbsdown": 1.0}

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reaction:
    """Somebody put a thumb under a message of ours, or took it away again; `at` is when."""

    user: str
    channel: str
    ts: str
    rating: float
    withdrawn: bool
    at: str


def reaction_in(payload: Json, *, me: Identity) -> Reaction | None:
    """The thumb in an Events API payload; None for other reactions, our own, and those to what others wrote."""
    event = mapping(payload.get("event"))
    item, kind = mapping(event.get("item")), event.get("type")
    name = string(event, "reaction").partition("::")[0]  # what follows is the colour of the skin
    found = Reaction(
        user=id_in(event, "user"),
        channel=id_in(item, "channel"),
        ts=ts_in(item, "ts"),
        rating=RATINGS.get(name, 0.0),
        withdrawn=kind == "reaction_removed",
        at=ts_in(event, "event_ts"),
    )
    is_one = kind in ("reaction_added", "reaction_removed") and item.get("type") == "message"
    is_whole = found.user and found.channel and found.ts and found.rating and found.at
    to_us = event.get("item_user") in (me.user, None) and found.user != me.user
    return found if is_one and is_whole and to_us else None


class Reactions:
    """Asks Slack what an event does not tell: which message of ours it was, and whether a person reacted."""

    def __init__(self, web: Web, *, allow_bots: frozenset[str]) -> None:
        self._web = web
        self._allow_bots = allow_bots
        self._known: OrderedDict[str, tuple[str, bool]] = OrderedDict()

    async def feedback(self, reaction: Reaction, *, me: Identity, raw: bytes) -> Incoming | None:
        """The input that this is; None if it is nobody's feedback. Raises CallFailed if Slack does not say."""
        try:
            async with asyncio.timeout(WITHIN):
                about = await self._about(reaction, me)
                team, is_bot = await self._user(reaction.user, me) if about else ("", True)
        except TimeoutError:
            raise CallFailed("a reaction could not be looked up in time") from None
        except CallFailed as error:
            if not error.code or error.code == "ratelimited":
                raise
            log.info("Slack: a reaction is nobody's feedback: %s", error)
            return None
        if is_bot and reaction.user not in self._allow_bots:
            return None
        return _incoming(reaction, about, team, me=me, raw=raw)

    async def _about(self, reaction: Reaction, me: Identity) -> str:
        """The outbox id that our message carries; "" if it is none of ours, or carries none."""
        arguments = {
            "channel": reaction.channel,
            "ts": reaction.ts,
            "limit": 1,
            "include_all_metadata": True,
        }
        answer = await self._web.get("conversations.replies", arguments)
        message = next((m for m in items(answer.data, "messages") if m.get("ts") == reaction.ts), {})
        metadata = mapping(message.get("metadata"))
        is_ours = me.user == message.get("user") or (bool(me.bot) and me.bot == message.get("bot_id"))
        if not is_ours or metadata.get("event_type") != EVENT_TYPE:
            return ""
        return string(mapping(metadata.get("event_payload")), "id")

    async def _user(self, user: str, me: Identity) -> tuple[str, bool]:
        """The workspace of a user, and whether it is a bot."""
        if user not in self._known:
            found = mapping((await self._web.get("users.info", {"user": user})).data.get("user"))
            self._known[user] = id_in(found, "team_id") or me.team, found.get("is_bot") is not False
            if len(self._known) > MOST_REMEMBERED:
                self._known.popitem(last=False)
        return self._known[user]


def _incoming(reaction: Reaction, about: str, team: str, *, me: Identity, raw: bytes) -> Incoming | None:
    thread_id, _, seq = about.rpartition(":")[0].rpartition(":")
    if not (thread_id and seq.isdecimal()):
        return None
    address = f"{team}/{reaction.user}"
    place = f"{NAME}:{me.team}:{reaction.channel}:{reaction.ts}"
    data = FeedbackReceived(
        rating=reaction.rating,
        about=int(seq),
        sender=Sender(channel=NAME, address=address, proof="provider"),
        withdrawn=reaction.withdrawn,
    )
    return Incoming(
        data,
        channel=NAME,
        dedupe=f"{place}:reaction:{reaction.user}:{reaction.rating:g}:{reaction.at}",
        thread_id=thread_id,
        account=me.account,
        actor=f"{NAME}:{address}",
        raw=raw,
        outside=team != me.team,
    )
