"""The Slack pane of the page /sim: the places a person sees and the messages in one of them."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from aiohttp import web
from markupsafe import Markup

from simulators.page import Pane, render
from simulators.people import Person
from simulators.slack import mrkdwn
from simulators.slack.config import Channel, Json
from simulators.slack.state import Message
from simulators.slack.views import Modal

if TYPE_CHECKING:
    from simulators.slack.simulator import SlackSimulator

MOST_SHOWN = 300


def slack_pane(slack: "SlackSimulator") -> Pane:
    return Pane("slack", "Slack", lambda: render("slack_pane.html", people=slack.workspace.people()))


def add_routes(app: web.Application, slack: "SlackSimulator") -> None:
    async def pane(request: web.Request) -> web.Response:
        version = f"{slack.state.version}.{len(slack.sockets.connections)}"
        place = f"{request.query.get('as')}/{request.query.get('channel')}"
        seen = f"{version} {place}"
        if request.query.get("seen") == seen:
            return web.Response(status=204)
        view = PaneView(slack, request.query.get("as", ""), request.query.get("channel", ""))
        return web.json_response({"seen": seen, **view.render()})

    app.router.add_get("/sim/slack/pane", pane)


class PaneView:
    """What one person sees of one place."""

    def __init__(self, slack: "SlackSimulator", person: str, channel: str) -> None:
        self._slack = slack
        self._person = slack.workspace.person(person) or slack.workspace.people()[0]
        self._dm = slack.workspace.dm_with(self._person.slack_user_id)
        chosen = slack.state.channel(channel)
        self._channel = chosen if chosen and self._may_see(chosen) else self._dm

    def render(self) -> Json:
        return {
            "as": self._person.name,
            "channel": self._channel.id,
            "title": self._title(self._channel),
            "connected": len(self._slack.sockets.connections),
            "places": render("slack_places.html", places=self._places(), chosen=self._channel.id),
            "messages": render("slack_messages.html", roots=self._roots(), statuses=self._statuses()),
            "modal": self._modal(),
        }

    def _modal(self) -> str:
        """The form that is on top for this person; "" if none is open."""
        theirs = self._slack.interactions.modals_of(self._person)
        return render("slack_modal.html", **self._form(theirs[-1])) if theirs else ""

    def _form(self, modal: Modal) -> Json:
        view = modal.view
        return {
            "view_id": view["id"],
            "title": view["title"]["text"],
            "submit": (view["submit"] or {}).get("text"),
            "close": (view["close"] or {}).get("text", "Cancel"),
            "blocks": [self._block(block, modal) for block in view["blocks"]],
        }

    def _block(self, block: Json, modal: Modal) -> Json:
        if block.get("type") != "input":
            return {"html": mrkdwn.block_html(block, self._name_of), "input": False}
        element, block_id = block["element"], block["block_id"]
        return {
            "input": True,
            "id": block_id,
            "label": block["label"]["text"],
            "hint": (block.get("hint") or {}).get("text", ""),
            "value": modal.typed.get(block_id, element.get("initial_value", "")),
            "multiline": bool(element.get("multiline")),
            "required": not block.get("optional"),
            "longest": element.get("max_length", 3_000),
            "error": modal.errors.get(block_id, ""),
        }

    def _may_see(self, channel: Channel) -> bool:
        return channel.kind == "channel" or self._person.slack_user_id in channel.members

    def _places(self) -> list[Json]:
        channels = [c for c in self._slack.state.channels() if c.kind != "im" and self._may_see(c)]
        return [{"id": c.id, "title": self._title(c), "kind": c.kind} for c in (self._dm, *channels)]

    def _title(self, channel: Channel) -> str:
        return self._slack.config.bot_name if channel.kind == "im" else f"#{channel.name}"

    def _roots(self) -> list[Json]:
        """The newest top-level messages, each with its replies."""
        visible = [m for m in self._slack.state.messages_in(self._channel.id) if self._is_visible(m)]
        replies: dict[str, list[Json]] = {}
        for message in visible:
            if message.is_reply and message.thread_ts:
                replies.setdefault(message.thread_ts, []).append(self._shown(message))
        roots = [m for m in visible if not m.is_reply][-MOST_SHOWN:]
        return [
            {**self._shown(m), "replies": replies.get(m.ts, []), "assistant": m.extra.get("assistant")}
            for m in roots
        ]

    def _is_visible(self, message: Message) -> bool:
        return message.extra.get("ephemeral_to") in (None, self._person.slack_user_id)

    def _shown(self, message: Message) -> Json:
        name = self._slack.name_of(message.sender)
        html = mrkdwn.message_html(message.message, self._name_of)
        return {
            "ts": message.ts,
            "channel": message.channel,
            "from": name,
            "initial": name[:1].upper(),
            "is_bot": message.sender == self._slack.config.bot_user_id,
            "mine": message.sender == self._person.slack_user_id,
            "time": _clock(message.ts, self._person),
            "html": Markup("<i>This message was deleted.</i>") if message.deleted else html,
            "deleted": message.deleted,
            "text": message.message.get("text", ""),
            "edited": bool(message.message.get("edited")),
            "ephemeral": "ephemeral_to" in message.extra,
            "reactions": message.message.get("reactions", []),
            "thumbs": [self._given(message, name) for name in ("+1", "-1")],
            "files": [_file(each) for each in message.message.get("files", [])],
        }

    def _given(self, message: Message, name: str) -> str:
        """Whether this person has reacted so: another press takes it back."""
        users = {r["name"]: r["users"] for r in message.message.get("reactions", [])}
        return "yes" if self._person.slack_user_id in users.get(name, []) else "no"

    def _name_of(self, ref: str) -> str:
        channel = self._slack.state.channel(ref)
        return channel.name if channel else self._slack.name_of(ref)

    def _statuses(self) -> list[str]:
        statuses = self._slack.workspace.statuses
        return [status for (channel, _), status in statuses.items() if channel == self._channel.id]


def _file(about: Json) -> Json:
    """The page shows a file from an address of its own: the one in Slack wants the app's token."""
    return {
        "name": about["name"],
        "url": f"/sim/slack/files/{about['id']}",
        "is_image": about["mimetype"].startswith("image/"),
    }


def _clock(ts: str, person: Person) -> str:
    return datetime.fromtimestamp(float(ts), UTC).astimezone(ZoneInfo(person.tz)).strftime("%H:%M")
