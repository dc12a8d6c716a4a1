"""The Discord pane of the page /sim: the places a person sees and the messages in one of them."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import yarl
from aiohttp import web

from simulators.discord import markdown
from simulators.discord.config import Json
from simulators.discord.forms import fields
from simulators.discord.guild import Refused
from simulators.discord.outgoing import BUTTON, LOADING, leaves, texts
from simulators.discord.posting import THREAD_CREATED, THREAD_STARTER, is_for
from simulators.discord.state import Channel, Message
from simulators.page import Pane, render
from simulators.people import Person

if TYPE_CHECKING:
    from simulators.discord.simulator import DiscordSimulator

MOST_SHOWN = 200
STYLES = {1: "primary", 3: "primary", 4: "danger"}


def discord_pane(discord: "DiscordSimulator") -> Pane:
    return Pane("discord", "Discord", lambda: render("discord_pane.html", people=discord.guild.people()))


def add_routes(app: web.Application, discord: "DiscordSimulator") -> None:
    async def pane(request: web.Request) -> web.Response:
        view = PaneView(discord, request.query.get("as", ""), request.query.get("channel", ""))
        seen = f"{discord.state.version} {','.join(discord.typing())} {view.place}"
        if request.query.get("seen") == seen:
            return web.Response(status=204)
        return web.json_response({"seen": seen, **view.render()})

    app.router.add_get("/sim/discord/pane", pane)


class PaneView:
    """What one person sees of one place."""

    def __init__(self, discord: "DiscordSimulator", person: str, channel: str) -> None:
        self._discord = discord
        self._guild = discord.guild
        people = self._guild.people()
        self._person = next((each for each in people if each.name == person), people[0])
        self._channel = self._chosen(channel)

    def _chosen(self, ref: str) -> Channel:
        try:
            return self._discord.people.place(ref or "dm", self._person)
        except Refused:
            return self._guild.dm_with(int(self._person.discord))

    @property
    def place(self) -> str:
        return f"{self._person.name}/{self._channel.id}"

    def render(self) -> Json:
        return {
            "as": self._person.name,
            "channel": str(self._channel.id),
            "title": self._title(self._channel),
            "connected": len(self._discord.gateway.connections),
            "places": render("discord_places.html", places=self._places(), chosen=str(self._channel.id)),
            "messages": render("discord_messages.html", messages=self._messages(), typing=self._is_typing()),
            "modal": self._modal(),
        }

    def _places(self) -> list[Json]:
        dm = self._guild.dm_with(int(self._person.discord))
        threads = self._guild.threads()
        places = [dm]
        for channel in self._guild.text_channels():
            places += [channel, *(thread for thread in threads if thread.parent == channel.id)]
        return [{"id": str(c.id), "title": self._title(c), "kind": c.kind} for c in places]

    def _title(self, channel: Channel) -> str:
        if channel.kind == "dm":
            return self._guild.config.bot_name
        return f"#{channel.name}" if channel.kind == "text" else channel.name

    def _is_typing(self) -> bool:
        return str(self._channel.id) in self._discord.typing()

    def _messages(self) -> list[Json]:
        everything = [m for m in self._guild.state.messages() if m.channel == self._channel.id]
        user = int(self._person.discord)
        visible = [m for m in everything if not m.deleted and is_for(m, user)]
        system = (THREAD_STARTER, THREAD_CREATED)
        return [self._shown(m) for m in visible if m.message["type"] not in system][-MOST_SHOWN:]

    def _shown(self, message: Message) -> Json:
        name = self._guild.name_of(message.author)
        components = message.message["components"]
        text = "\n".join([message.text, *texts(components)]).strip()
        full = self._guild.full_message_json(message)
        replied = full.get("referenced_message") or {}
        return {
            "id": str(message.id),
            "from": name,
            "initial": name[:1].upper(),
            "is_bot": message.author == self._guild.config.bot_id,
            "mine": message.author == int(self._person.discord),
            "time": _clock(message.at, self._person),
            "html": markdown.html(text, self._name_of),
            "text": message.text,
            "loading": bool(message.flags & LOADING),
            "edited": bool(full["edited_timestamp"]),
            "ephemeral": self._guild.is_ephemeral(message),
            "replied": markdown.plain(replied.get("content") or "", self._name_of)[:80],
            "reactions": [
                {"emoji": k, "count": len(v)} for k, v in message.extra.get("reactions", {}).items()
            ],
            "buttons": [_button(each) for each in leaves(components) if each.get("type") == BUTTON],
            "files": [_file(each) for each in full["attachments"]],
            "may_thread": self._channel.kind == "text" and "thread" not in full,
        }

    def _name_of(self, id_: str) -> str:
        channel = self._guild.channel(int(id_))
        return channel.name if channel and channel.name else self._guild.name_of(int(id_))

    def _modal(self) -> str:
        """The form that is open for this person; "" if none is."""
        known = self._discord.interactions.modal_of(self._person)
        if known is None:
            return ""
        shown = [_field(field.custom_id, field.label, field.component) for field in fields(known["modal"])]
        return render("discord_modal.html", title=known["modal"]["title"], fields=shown)


def _file(about: Json) -> Json:
    """The page may show pictures of its own address alone, so only the path is left of that."""
    is_image = about["content_type"].startswith("image/")
    return {
        "name": about["filename"],
        "url": str(yarl.URL(about["url"]).relative()),
        "is_image": is_image,
    }


def _button(component: Json) -> Json:
    return {
        "label": component.get("label") or component.get("custom_id") or "",
        "custom_id": component.get("custom_id", ""),
        "style": STYLES.get(component.get("style", 2), ""),
        "disabled": bool(component.get("disabled")) or "custom_id" not in component,
    }


def _field(custom_id: str, label: str, component: Json) -> Json:
    return {
        "id": custom_id,
        "label": label or custom_id,
        "value": component.get("value") or "",
        "multiline": component.get("style") == 2,
        "required": component.get("required", True),
        "longest": component.get("max_length") or 4_000,
        "placeholder": component.get("placeholder") or "",
    }


def _clock(at: float, person: Person) -> str:
    return datetime.fromtimestamp(at, UTC).astimezone(ZoneInfo(person.tz)).strftime("%H:%M")
