"""People press buttons, call commands and submit forms; the app answers in time, or not at all."""

import asyncio
import secrets
from dataclasses import dataclass
from typing import Any

from simulators.discord import objects
from simulators.discord.config import Json
from simulators.discord.errors import DiscordError, invalid
from simulators.discord.forms import check_modal
from simulators.discord.guild import Guild
from simulators.discord.outgoing import EPHEMERAL, LARGEST_FILES, LOADING, Outgoing, check
from simulators.discord.posting import BOT_MAY_SET, REPLY, SLASH_RESPONSE, Draft, Posting
from simulators.discord.state import Channel, Message
from simulators.people import Person

COMMAND, COMPONENT, MODAL_SUBMIT = 2, 3, 5
MESSAGE, DEFERRED, DEFERRED_UPDATE, UPDATE, MODAL = 4, 5, 6, 7, 9
IN_GUILD, IN_BOT_DM = 0, 1
ALLOWED = {
    COMMAND: (MESSAGE, DEFERRED, MODAL),
    COMPONENT: (MESSAGE, DEFERRED, DEFERRED_UPDATE, UPDATE, MODAL),
    MODAL_SUBMIT: (MESSAGE, DEFERRED, DEFERRED_UPDATE, UPDATE),
}


@dataclass(frozen=True)
class Outcome:
    """How the app answered at first. Without an answer in time the person reads "This interaction failed"."""

    interaction: str
    response: int | None = None
    message: str | None = None
    modal: Json | None = None

    @property
    def ok(self) -> bool:
        return self.response is not None


class Interactions:
    def __init__(self, guild: Guild, posting: Posting, *, time_scale: float) -> None:
        self._guild = guild
        self._posting = posting
        self._state = guild.state
        self._respond_seconds = guild.config.respond_seconds * time_scale
        self._seconds = guild.config.interaction_seconds * time_scale
        self._waiting: dict[str, asyncio.Future[Outcome]] = {}

    # A person acts

    async def begin(
        self,
        person: Person,
        channel: Channel,
        kind: int,
        data: Json,
        *,
        message: Message | None = None,
        origin: str | None = None,
    ) -> Outcome:
        """Tell the app, and wait for its first answer as long as Discord does."""
        id_, token = self._guild.ids.next(), secrets.token_urlsafe(96)
        known = {
            "id": str(id_),
            "token": token,
            "type": kind,
            "person": int(person.discord),
            "channel": channel.id,
            "message": message.id if message else None,
            "at": self._guild.now().timestamp(),
            "response": None,
            "dead": False,
            "original": None,
            "modal": None,
            "name": data.get("name") or "",
            "origin": origin,
        }
        self._state.put_interaction(id_, token, known)
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiting[token] = future
        self._guild.emit("INTERACTION_CREATE", self._payload(known, data, person, channel, message))
        return await self._answered(known, future)

    async def _answered(self, known: Json, future: asyncio.Future[Outcome]) -> Outcome:
        try:
            return await asyncio.wait_for(future, self._respond_seconds)
        except TimeoutError:
            latest = self._state.interaction(known["token"]) or known
            self._put({**latest, "dead": latest["response"] is None})
            return Outcome(known["id"])
        finally:
            self._waiting.pop(known["token"], None)

    def _payload(
        self, known: Json, data: Json, person: Person, channel: Channel, message: Message | None
    ) -> Json:
        config = self._guild.config
        payload: Json = {
            "id": known["id"],
            "application_id": str(config.bot_id),
            "type": known["type"],
            "data": data,
            "channel_id": str(channel.id),
            "channel": {**self._guild.channel_json(channel), "permissions": objects.PERMISSIONS},
            "token": known["token"],
            "version": 1,
            "app_permissions": objects.PERMISSIONS,
            "locale": "en-US",
            "entitlements": [],
            "entitlement_sku_ids": [],
            "attachment_size_limit": LARGEST_FILES,
        }
        user = objects.person_json(person)
        if message is not None:
            payload["message"] = self._guild.full_message_json(message)
        if not channel.in_guild:
            owners = {"0": "0"}
            return {**payload, "user": user, "context": IN_BOT_DM, "authorizing_integration_owners": owners}
        guild = {"id": str(config.guild_id), "locale": "en-US", "features": []}
        return {
            **payload,
            "guild_id": str(config.guild_id),
            "guild": guild,
            "guild_locale": "en-US",
            "member": {**objects.member_json(user), "permissions": objects.PERMISSIONS},
            "context": IN_GUILD,
            "authorizing_integration_owners": {"0": str(config.guild_id)},
        }

    # The app answers

    def respond(self, id_: str, token: str, kind: Any, outgoing: Outgoing) -> Json:
        """The first answer. Returns {interaction, resource} for those who ask for it."""
        known = self._alive(id_, token)
        if kind not in ALLOWED[known["type"]]:
            raise invalid("type", "BASE_TYPE_CHOICES", f"Value must be one of {ALLOWED[known['type']]}.")
        if kind in (DEFERRED_UPDATE, UPDATE) and known["message"] is None:
            raise DiscordError(50035)
        try:
            message, modal = self._first(known, kind, outgoing)
        except DiscordError as error:
            raise DiscordError(error.code, {"data": error.errors} if error.errors else None) from error
        known = {**known, "response": kind, "original": message.id if message else None, "modal": modal}
        self._put(known)
        shown = str(message.id) if message else None
        self._settle(token, Outcome(known["id"], kind, shown, modal))
        return self._callback(known, message)

    def _alive(self, id_: str, token: str) -> Json:
        known = self._state.interaction(token)
        if known is None or known["id"] != id_ or known["dead"]:
            raise DiscordError(10062)
        if known["response"] is not None:
            raise DiscordError(40060)
        if self._age(known) > self._respond_seconds:
            raise DiscordError(10062)
        return known

    def _first(self, known: Json, kind: int, outgoing: Outgoing) -> tuple[Message | None, Json | None]:
        if kind == MODAL:
            check_modal(outgoing.given)
            return None, outgoing.given
        if kind == DEFERRED:
            waiting = Outgoing({"flags": outgoing.flags})
            return self._posting.write(self._draft(known, waiting, flags=LOADING)), None
        if kind == MESSAGE:
            check(outgoing)
            return self._posting.write(self._draft(known, outgoing)), None
        pressed = self._state.message(known["message"])
        if pressed is None or pressed.deleted:
            raise DiscordError(10008)
        if kind == UPDATE:
            pressed = self._posting.edit(pressed, outgoing, editor=pressed.author)
        return pressed, None

    def _draft(
        self, known: Json, outgoing: Outgoing, *, flags: int = 0, reply_to: int | None = None
    ) -> Draft:
        config, channel = self._guild.config, self._guild.channel(known["channel"])
        assert channel is not None
        target = self._state.message(reply_to or known["message"] or 0)
        flags |= outgoing.flags & (BOT_MAY_SET | EPHEMERAL)
        kind = SLASH_RESPONSE if known["type"] == COMMAND and not reply_to else REPLY if target else 0
        ids = {"webhook_id": str(config.bot_id), "application_id": str(config.bot_id)}
        return Draft(
            config.bot_id,
            channel,
            outgoing,
            kind,
            flags,
            target if kind == REPLY else None,
            more={**ids, "interaction_metadata": self._metadata(known)},
            extra={"ephemeral_to": known["person"], "interaction": known["id"]},
        )

    def _metadata(self, known: Json) -> Json:
        more: Json = {"name": known["name"], "command_type": 1} if known["type"] == COMMAND else {}
        if known["type"] == COMPONENT:
            more = {"interacted_message_id": str(known["message"])}
        return {
            "id": known["id"],
            "type": known["type"],
            "user": self._guild.user_json(known["person"]),
            "authorizing_integration_owners": {"0": str(self._guild.config.guild_id)},
            **more,
        }

    def _callback(self, known: Json, message: Message | None) -> Json:
        interaction: Json = {"id": known["id"], "type": known["type"]}
        resource: Json = {"type": known["response"]}
        if message is not None:
            interaction |= {
                "response_message_id": str(message.id),
                "response_message_loading": bool(message.flags & LOADING),
                "response_message_ephemeral": self._guild.is_ephemeral(message),
            }
            resource["message"] = self._guild.full_message_json(message)
        return {"interaction": interaction, "resource": resource}

    # Afterwards, by the token

    def original(self, token: str) -> Message:
        known = self._usable(token)
        message = self._state.message(known["original"] or 0)
        if message is None or message.deleted:
            raise DiscordError(10008)
        return message

    def message(self, token: str, ref: str) -> Message:
        """The first answer as `@original`, or a further one by its id."""
        if ref == "@original":
            return self.original(token)
        known = self._usable(token)
        message = self._state.message(int(ref))
        if message is None or message.deleted or message.extra.get("interaction") != known["id"]:
            raise DiscordError(10008)
        return message

    def follow_up(self, token: str, outgoing: Outgoing) -> Message:
        """A further message; the first one after a deferred answer takes its place."""
        known = self._usable(token)
        original = self._state.message(known["original"] or 0)
        if original is not None and original.flags & LOADING and not original.deleted:
            return self._posting.edit(original, outgoing, editor=original.author)
        check(outgoing)
        return self._posting.write(self._draft(known, outgoing, reply_to=known["original"]))

    def edit(self, token: str, ref: str, outgoing: Outgoing) -> Message:
        message = self.message(token, ref)
        return self._posting.edit(message, outgoing, editor=message.author)

    def delete(self, token: str, ref: str) -> None:
        self._posting.delete(self.message(token, ref))

    def _usable(self, token: str) -> Json:
        known = self._state.interaction(token)
        if known is None or self._age(known) > self._seconds:
            raise DiscordError(50027)
        if known["response"] is None:
            raise DiscordError(10015)
        return known

    # Forms that are open

    def modal_of(self, person: Person) -> Json | None:
        """The newest form that is open for somebody, as its interaction."""
        return self._state.newest_modal(int(person.discord))

    def close_modal(self, known: Json) -> None:
        self._put({**known, "modal": None})

    def _put(self, known: Json) -> None:
        self._state.put_interaction(int(known["id"]), known["token"], known)

    def _settle(self, token: str, outcome: Outcome) -> None:
        future = self._waiting.get(token)
        if future is not None and not future.done():
            future.set_result(outcome)

    def _age(self, known: Json) -> float:
        return self._guild.now().timestamp() - float(known["at"])
