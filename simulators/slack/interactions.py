"""Buttons, slash commands and modals: what people press, and what the app may answer with."""

import secrets
import time
from dataclasses import dataclass, replace
from typing import Any

from aiohttp import web

from simulators.people import Person
from simulators.slack import payloads, rich_text
from simulators.slack.arguments import Call
from simulators.slack.config import Channel, Json
from simulators.slack.deliveries import Deliveries, Outcome
from simulators.slack.limits import ApiError
from simulators.slack.methods import Method
from simulators.slack.state import Message
from simulators.slack.views import Modal, Views, read_view
from simulators.slack.workspace import Post, Refused, Workspace

TRIGGER_SECONDS = 3.0
RESPONSE_URL_SECONDS = 1800.0
RESPONSE_URL_USES = 5


@dataclass
class ResponseUrl:
    channel: Channel
    person: Person
    message: Message | None
    expires: float
    uses_left: int = RESPONSE_URL_USES


class Interactions:
    def __init__(self, workspace: Workspace, deliveries: Deliveries, *, time_scale: float) -> None:
        self._workspace = workspace
        self._config = workspace.config
        self._deliveries = deliveries
        self._time_scale = time_scale
        self.trigger_seconds = TRIGGER_SECONDS * time_scale
        self._triggers: dict[str, tuple[float, str]] = {}
        self._used_triggers: set[str] = set()
        self._response_urls: dict[str, ResponseUrl] = {}
        self._modals = Views(workspace)
        self.base_url = ""

    def methods(self) -> dict[str, Method]:
        return {"views.open": Method(self.open_view), "views.update": Method(self._modals.update)}

    @property
    def views(self) -> dict[str, Json]:
        """Open modals by view id."""
        return {view_id: modal.view for view_id, modal in self._modals.open.items()}

    # People press

    def message_with(
        self,
        where: Channel,
        action_id: str,
        value: str | None = None,
        *,
        ts: str | None = None,
        text: str = "",
    ) -> Message:
        """The newest message there with such a button; `ts`, or what its text contains, say which."""
        for message in reversed(self._workspace.state.messages_in(where.id)):
            shown = rich_text.unescape(str(message.message.get("text", "")))
            meant = not message.deleted and ts in (None, message.ts) and text in shown
            if meant and find_button(message, action_id, value):
                return message
        raise Refused(f"no message there has a button with action_id {action_id!r}")

    async def click(
        self, person: Person, message: Message, action_id: str, *, value: str | None = None
    ) -> Outcome:
        """Press a button of a message; refused when no button has this action_id (and value, if given)."""
        action = find_button(message, action_id, value)
        channel = self._workspace.channel(message.channel)
        if action is None or channel is None:
            raise Refused(f"no button with action_id {action_id!r} in that message")
        if channel.kind != "channel" and person.slack_user_id not in channel.members:
            raise Refused(f"{person.name} does not see that message")
        payload = payloads.block_actions(
            self._config,
            person=person,
            channel=channel,
            message=message,
            action={**action, "action_ts": self._workspace.state.next_ts(self._workspace.timestamp())},
            trigger_id=self._new_trigger(person),
            response_url=self._new_response_url("actions", channel, person, message),
        )
        return await self._deliveries.once("interactive", payload)

    async def command(self, person: Person, channel: Channel, command: str, text: str) -> Outcome:
        payload = payloads.slash_command(
            self._config,
            person=person,
            channel=channel,
            command=command,
            text=text,
            trigger_id=self._new_trigger(person),
            response_url=self._new_response_url("commands", channel, person, None),
        )
        outcome = await self._deliveries.once("slash_commands", payload)
        if outcome.response and outcome.response.get("text"):
            self._post_response(outcome.response, channel, person)
        return outcome

    async def submit(self, person: Person, view_id: str | None, values: Json) -> Outcome:
        """Send in a modal (the one on top, if none is named); fields that are not given stay as they are."""
        modal = self._modals.find(person, view_id)
        payload = payloads.view_submission(
            self._config,
            person=person,
            view=modal.view,
            values=self._modals.fill(modal, values),
            trigger_id=self._new_trigger(person),
        )
        outcome = await self._deliveries.once("interactive", payload)
        if outcome.failure is None:
            self._modals.answered(modal, outcome.response)
        return outcome

    def close(self, person: Person, view_id: str | None) -> None:
        self._modals.close(self._modals.find(person, view_id))

    def modals_of(self, person: Person) -> list[Modal]:
        return self._modals.of(person)

    # The app answers

    def open_view(self, call: Call) -> Json:
        (trigger_id,) = call.required("trigger_id")
        view = read_view(call)
        return {"view": self._modals.add(view, self._use_trigger(trigger_id))}

    async def respond(self, request: web.Request) -> web.Response:
        """What the app POSTs to a response_url."""
        entry = self._response_urls.get(request.match_info["secret"])
        if entry is None or entry.expires < time.monotonic() or entry.uses_left <= 0:
            return web.json_response({"ok": False, "error": "used_url"}, status=404)
        body = await request.json()
        entry.uses_left -= 1
        message = entry.message and self._workspace.state.message(entry.channel.id, entry.message.ts)
        if body.get("delete_original") and message:
            self._workspace.delete(message)
        elif body.get("replace_original") and message:
            text = rich_text.posted_text(str(body.get("text") or ""))
            blocks = self._workspace.blocks_for(text, body.get("blocks"))
            self._workspace.update(message, text=text, blocks=blocks)
        else:
            self._post_response(body, entry.channel, entry.person)
        return web.json_response({"ok": True})

    def _post_response(self, body: Json, channel: Channel, person: Person) -> None:
        text = rich_text.posted_text(str(body.get("text") or ""))
        in_channel = body.get("response_type") == "in_channel"
        extra: Json = {} if in_channel else {"ephemeral_to": person.slack_user_id}
        self._workspace.post(Post(text, body.get("blocks"), extra={**extra, "response_url": True}), channel)

    # Triggers and response addresses

    def _new_trigger(self, person: Person) -> str:
        trigger_id = f"{secrets.randbelow(10**9)}.{secrets.randbelow(10**9)}.{secrets.token_hex(16)}"
        expires = time.monotonic() + self.trigger_seconds
        self._triggers[trigger_id] = (expires, person.slack_user_id)
        return trigger_id

    def _use_trigger(self, trigger_id: str) -> str:
        """Whose trigger it was; it opens one view, soon."""
        if trigger_id in self._used_triggers:
            raise ApiError("exchanged_trigger_id")
        expires, owner = self._triggers.get(trigger_id, (None, ""))
        if expires is None:
            raise ApiError("invalid_trigger_id")
        if expires < time.monotonic():
            raise ApiError("expired_trigger_id")
        self._used_triggers.add(trigger_id)
        return owner

    def _new_response_url(self, kind: str, channel: Channel, person: Person, message: Message | None) -> str:
        secret = secrets.token_urlsafe(16)
        expires = time.monotonic() + RESPONSE_URL_SECONDS * self._time_scale
        self._response_urls[secret] = ResponseUrl(channel, person, message and replace(message), expires)
        return f"{self.base_url}/slack/{kind}/{self._config.team_id}/{secret}"


def buttons(message: Message) -> list[Json]:
    """Every button of a message, with the block it is in."""
    found: list[Json] = []
    for block in message.message.get("blocks", []):
        elements: list[Any] = list(block.get("elements") or []) if block.get("type") == "actions" else []
        if isinstance(block.get("accessory"), dict):
            elements.append(block["accessory"])
        found += [{**e, "block_id": block["block_id"]} for e in elements if e.get("type") == "button"]
    return found


def find_button(message: Message, action_id: str, value: str | None) -> Json | None:
    fitting = (
        button
        for button in buttons(message)
        if button.get("action_id") == action_id and value in (None, button.get("value"))
    )
    return next(fitting, None)
