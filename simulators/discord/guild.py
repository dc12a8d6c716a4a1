"""The server and its people: who is who, which places there are, and how a message looks to the bot."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from simulators.discord import objects
from simulators.discord.cdn import Cdn
from simulators.discord.config import MESSAGE_CONTENT, DiscordConfig, Json
from simulators.discord.ids import Snowflakes
from simulators.discord.intents import hidden, readable
from simulators.discord.outgoing import EPHEMERAL
from simulators.discord.state import Channel, DiscordState, Message
from simulators.people import Person

VIEW, SEND, THREADS, HISTORY, REACT, ATTACH = "view", "send", "threads", "history", "react", "attach"
PERMISSIONS = (VIEW, SEND, THREADS, HISTORY, REACT, ATTACH)
EVERYWHERE = "*"


class Emit(Protocol):
    def __call__(self, event: str, data: Json) -> None: ...


class Refused(Exception):
    """Something that cannot be done with the people and places there are; the text says what was found."""


class Guild:
    def __init__(
        self,
        config: DiscordConfig,
        state: DiscordState,
        *,
        now: Callable[[], datetime],
        cdn: Cdn,
        emit: Emit,
    ) -> None:
        self.config = config
        self.state = state
        self.now = now
        self.cdn = cdn
        self.emit = emit
        self.ids = Snowflakes(now, state.last_id())

    # People

    def people(self) -> tuple[Person, ...]:
        """The demo people, and strangers who have done something."""
        strangers = self.state.names("strangers")
        return (*self.config.people, *(Person(f"user{id_[-4:]}", discord=id_) for id_ in strangers))

    def person(self, ref: str) -> Person:
        """Somebody by name or user id; an unknown id becomes a new member of the server."""
        for person in self.people():
            if ref in (person.name, person.discord):
                return person
        if not ref.isdigit() or not 15 <= len(ref) <= 20:
            raise Refused(f"nobody on Discord is called {ref!r}, and it is not a user id of 15 to 20 digits")
        if int(ref) == self.config.bot_id:
            raise Refused(f"{ref} is the bot itself")
        self.state.set("strangers", [*self.state.names("strangers"), ref])
        return Person(f"user{ref[-4:]}", discord=ref)

    def person_with(self, id_: int) -> Person | None:
        return next((person for person in self.people() if person.discord == str(id_)), None)

    def user_json(self, id_: int) -> Json:
        if id_ == self.config.bot_id:
            return objects.bot_json(self.config)
        person = self.person_with(id_) or Person("deleted_user", discord=str(id_))
        bot = {"bot": True} if person.discord in self.state.names("bots") else {}
        return objects.person_json(person) | bot

    def make_bot(self, person: Person) -> None:
        """From now on this user is another app's bot."""
        self.state.set("bots", [*self.state.names("bots"), person.discord])

    def exists(self, user: int) -> bool:
        return user == self.config.bot_id or self.person_with(user) is not None

    def name_of(self, id_: int) -> str:
        person = self.person_with(id_)
        return self.config.bot_name if id_ == self.config.bot_id else person.name if person else str(id_)

    # Places

    def text_channels(self) -> list[Channel]:
        return [Channel(each.id, "text", each.name) for each in self.config.channels]

    def channel(self, id_: int) -> Channel | None:
        known = [*self.text_channels(), *self.state.channels("id = ?", id_)]
        return next((channel for channel in known if channel.id == id_), None)

    def place(self, ref: str, person: Person | None = None) -> Channel:
        """A channel or thread by id or name, somebody's DM by their name, and "dm" for that of `person`."""
        ref = ref.removeprefix("#")
        if ref == "dm" and person is not None:
            return self.dm_with(int(person.discord))
        if ref.isdigit() and (channel := self.channel(int(ref))):
            return channel
        named = [c for c in (*self.text_channels(), *self.threads()) if c.name == ref]
        if named:
            return named[-1]
        other = next((p for p in self.people() if ref in (p.name, p.discord, f"dm:{p.name}")), None)
        if other is None:
            raise Refused(f"no channel, thread or DM {ref!r}")
        return self.dm_with(int(other.discord))

    def threads(self) -> list[Channel]:
        return self.state.channels("kind = 'thread'")

    def dm_with(self, person: int) -> Channel:
        known = self.state.channels("kind = 'dm' AND owner = ?", person)
        return known[0] if known else self.state.put_channel(Channel(self.ids.next(), "dm", "", owner=person))

    def place_name(self, channel: Channel) -> str:
        return f"dm:{self.name_of(channel.owner)}" if channel.kind == "dm" else channel.name

    def channel_json(self, channel: Channel) -> Json:
        newest = self.state.messages_in(channel.id, most=1)
        return objects.channel_json(
            channel,
            self.config,
            recipient=self.user_json(channel.owner) if channel.kind == "dm" else {},
            last_message=newest[0].id if newest else None,
        )

    def set_about(self, thread: Channel, **changes: object) -> Channel:
        return self.state.put_channel(replace(thread, about={**thread.about, **changes}))

    # Switches

    def granted(self) -> frozenset[str]:
        """The privileged intents that the app has."""
        return frozenset(self.state.names("granted", sorted(self.config.granted_intents)))

    def denied(self, channel: Channel) -> frozenset[str]:
        """What the bot may not do there; a thread follows its channel."""
        rules = self.state.lists("denied")
        keys = (EVERYWHERE, str(channel.id), str(channel.parent)) if channel.in_guild else ()
        return frozenset(name for key in keys for name in rules.get(key, []))

    def deny(self, where: str, names: list[str]) -> None:
        self.state.set("denied", {**self.state.lists("denied"), where: names})

    def takes_dms(self, person: int) -> bool:
        return str(person) not in self.state.names("closed_dms")

    def take_dms(self, person: int, *, open_: bool) -> None:
        others = [each for each in self.state.names("closed_dms") if each != str(person)]
        self.state.set("closed_dms", others if open_ else [*others, str(person)])

    # Messages

    def message_json(self, message: Message) -> Json:
        """As the REST API returns it."""
        shown = self.full_message_json(message)
        channel = self.channel(message.channel)
        in_guild = channel is not None and channel.in_guild
        may_read = MESSAGE_CONTENT in self.granted() or not in_guild or readable(shown, self.config.bot_id)
        return shown if may_read else hidden(shown)

    def message_event(self, message: Message) -> Json:
        """As the gateway sends it: in a server with `guild_id` and what the author is there."""
        shown = self.full_message_json(message)
        channel = self.channel(message.channel)
        if channel is None or not channel.in_guild:
            return {**shown, "channel_type": objects.DM}
        mentions = [{**user, "member": objects.member_json()} for user in shown["mentions"]]
        return {
            **shown,
            "mentions": mentions,
            "guild_id": str(self.config.guild_id),
            "member": objects.member_json(),
            "channel_type": objects.KINDS[channel.kind],
        }

    def full_message_json(self, message: Message) -> Json:
        """With all that is in it, whatever the bot may read."""
        body = message.message
        shown = {
            "id": str(message.id),
            "channel_id": str(message.channel),
            "author": self.user_json(message.author),
            "timestamp": objects.timestamp(message.at),
            "mention_roles": [],
            "pinned": False,
            "tts": False,
            **body,
            "mentions": [self.user_json(user) for user in body["mentions"]],
            "attachments": [self.cdn.shown(each, message.channel) for each in body["attachments"]],
        }
        if reactions := message.extra.get("reactions"):
            shown["reactions"] = [self._reaction(*each) for each in reactions.items()]
        if body["type"] == 19:
            shown["referenced_message"] = self._referenced(body)
        thread = self.channel(message.id)
        return {**shown, "thread": self.channel_json(thread)} if thread else shown

    def _referenced(self, body: Json) -> Json | None:
        found = self.state.message(int(body["message_reference"]["message_id"]))
        if found is None or found.deleted:
            return None
        return {
            name: value
            for name, value in self.full_message_json(found).items()
            if name != "referenced_message"
        }

    def _reaction(self, emoji: str, users: list[int]) -> Json:
        return {
            "emoji": {"id": None, "name": emoji},
            "count": len(users),
            "count_details": {"burst": 0, "normal": len(users)},
            "burst_colors": [],
            "me_burst": False,
            "burst_me": False,
            "me": self.config.bot_id in users,
            "burst_count": 0,
        }

    def is_ephemeral(self, message: Message) -> bool:
        return bool(message.flags & EPHEMERAL)

    def member_json(self, user: int) -> Json:
        return objects.member_json(self.user_json(user))
