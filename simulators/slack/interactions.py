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
        self._triggers: dict[str, float] = {}
        self._used_triggers: set[str] = set()
        self._response_urls: dict[str, ResponseUrl] = {}
        self.views: dict[str, Json] = {}
        """Open modals by view id."""
        self.base_url = ""

    def methods(self) -> dict[str, Method]:
        return {"views.open": Method(self.open_view), "views.update": Method(self.update_view)}

    # People press

    async def click(
        self, person: Person, message: Message, action_id: str, *, value: str | None = None
    ) -> Outcome:
        """Press a button of a message; refused when no button has this action_id (and value, if given)."""
        action = _find_button(message, action_id, value)
        channel = self._workspace.channel(message.channel)
        if action is None or channel is None:
            raise Refused(f"no button with action_id {action_id!r} in that message")
        payload = payloads.block_actions(
            self._config,
            person=person,
            channel=channel,
            message=message,
            action={**action, "action_ts": f"{self._workspace.timestamp():.6f}"},
            trigger_id=self._new_trigger(),
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
            trigger_id=self._new_trigger(),
            response_url=self._new_response_url("commands", channel, person, None),
        )
        outcome = await self._deliveries.once("slash_commands", payload)
        if outcome.response and outcome.response.get("text"):
            self._post_response(outcome.response, channel, person)
        return outcome

    async def submit(self, person: Person, view_id: str, values: Json) -> Outcome:
        view = self.views.get(view_id)
        if view is None:
            raise Refused(f"no open view {view_id!r}; open are {sorted(self.views)}")
        trigger_id = self._new_trigger()
        payload = payloads.view_submission(
            self._config, person=person, view=view, values=values, trigger_id=trigger_id
        )
        outcome = await self._deliveries.once("interactive", payload)
        if outcome.failure is None and (outcome.response or {}).get("response_action") in (None, "clear"):
            self.views.pop(view_id, None)
        return outcome

    # The app answers

    def open_view(self, call: Call) -> Json:
        (trigger_id,) = call.required("trigger_id")
        view = call.json("view", error="invalid_arguments")
        if not isinstance(view, dict) or view.get("type") != "modal" or not view.get("title"):
            raise ApiError("invalid_arguments", "missing required field: view")
        self._use_trigger(trigger_id)
        shown = self._shown_view(view, f"V{secrets.token_hex(5).upper()}")
        self.views[shown["id"]] = shown
        return {"view": shown}

    def update_view(self, call: Call) -> Json:
        (view_id,) = call.required("view_id")
        view = call.json("view", error="invalid_arguments")
        if view_id not in self.views or not isinstance(view, dict):
            raise ApiError("not_found")
        self.views[view_id] = self._shown_view(view, view_id)
        return {"view": self.views[view_id]}

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

    def _shown_view(self, view: Json, view_id: str) -> Json:
        return {
            "private_metadata": "",
            "callback_id": "",
            "external_id": "",
            "clear_on_close": False,
            "notify_on_close": False,
            "submit": None,
            "close": None,
            **view,
            "id": view_id,
            "team_id": self._config.team_id,
            "state": {"values": {}},
            "hash": f"{self._workspace.timestamp():.6f}",
            "previous_view_id": None,
            "root_view_id": view_id,
            "app_id": self._config.app_id,
            "app_installed_team_id": self._config.team_id,
            "bot_id": self._config.bot_id,
        }

    # Triggers and response addresses

    def _new_trigger(self) -> str:
        trigger_id = f"{secrets.randbelow(10**9)}.{secrets.randbelow(10**9)}.{secrets.token_hex(16)}"
        self._triggers[trigger_id] = time.monotonic() + TRIGGER_SECONDS * self._time_scale
        return trigger_id

    def _use_trigger(self, trigger_id: str) -> None:
        if trigger_id in self._used_triggers:
            raise ApiError("exchanged_trigger_id")
        expires = self._triggers.pop(trigger_id, None)
        if expires is None:
            raise ApiError("invalid_trigger_id")
        if expires < time.monotonic():
            raise ApiError("expired_trigger_id")
        self._used_triggers.add(trigger_id)

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


def _find_button(message: Message, action_id: str, value: str | None) -> Json | None:
    fitting = (
        button
        for button in buttons(message)
        if button.get("action_id") == action_id and value in (None, button.get("value"))
    )
    return next(fitting, None)
