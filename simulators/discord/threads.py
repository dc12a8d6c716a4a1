"""Threads: started from a message or on their own, joined, archived; and what the bot is told of them."""

from dataclasses import replace

from simulators.discord import objects
from simulators.discord.config import Json
from simulators.discord.errors import DiscordError, bad_length, required
from simulators.discord.guild import Guild
from simulators.discord.ids import iso
from simulators.discord.outgoing import HAS_THREAD, Outgoing
from simulators.discord.posting import THREAD_CREATED, THREAD_STARTER, Draft, Posting
from simulators.discord.state import Channel, Message

LONGEST_NAME = 100
ARCHIVE_MINUTES = (60, 1440, 4320, 10080)

NOTIFIES_NOBODY = Outgoing({"allowed_mentions": {"parse": []}})


class Threads:
    def __init__(self, guild: Guild, posting: Posting) -> None:
        self._guild = guild
        self._posting = posting

    def start_from(self, message: Message, creator: int, given: Json) -> Channel:
        """The thread gets the id of its message; a message can have one."""
        parent = self._guild.channel(message.channel)
        if parent is None or parent.kind != "text":
            raise DiscordError(50024)
        if self._guild.channel(message.id) is not None:
            raise DiscordError(160004)
        members = [creator, message.author] if message.author != creator else [creator]
        thread = self._create(message.id, parent, creator, given, members=members)
        updated = replace(message, message={**message.message, "flags": message.flags | HAS_THREAD})
        self._guild.state.put_message(updated)
        self._guild.emit("MESSAGE_UPDATE", self._guild.message_event(updated))
        self._posting.write(Draft(message.author, thread, NOTIFIES_NOBODY, THREAD_STARTER, 0, message))
        return self._current(thread)

    def start(self, parent: Channel, creator: int, given: Json) -> Channel:
        if parent.kind != "text":
            raise DiscordError(50024)
        thread = self._create(self._guild.ids.next(), parent, creator, given, members=[creator])
        guild_id = str(self._guild.config.guild_id)
        reference = {"type": 0, "channel_id": str(thread.id), "guild_id": guild_id}
        told = Outgoing({**NOTIFIES_NOBODY.given, "content": thread.name})
        self._posting.write(
            Draft(creator, parent, told, THREAD_CREATED, more={"message_reference": reference})
        )
        return thread

    def _create(self, id_: int, parent: Channel, creator: int, given: Json, *, members: list[int]) -> Channel:
        name = given.get("name")
        if not name:
            raise required("name")
        if len(name) > LONGEST_NAME:
            raise bad_length("name", 1, LONGEST_NAME)
        about = {
            "messages": 0,
            "members": members,
            "archived": False,
            "locked": False,
            "auto_archive_duration": given.get("auto_archive_duration") or ARCHIVE_MINUTES[1],
            "created": iso(self._guild.now()),
        }
        thread = self._guild.state.put_channel(Channel(id_, "thread", name, parent.id, creator, about))
        self._guild.emit("THREAD_CREATE", {**self._guild.channel_json(thread), "newly_created": True})
        return thread

    def join(self, thread: Channel, user: int) -> Channel:
        if user in thread.about["members"]:
            return thread
        return self._members(thread, [*thread.about["members"], user], added=[user])

    def leave(self, thread: Channel, user: int) -> Channel:
        rest = [member for member in thread.about["members"] if member != user]
        return self._members(thread, rest, removed=[user])

    def _members(
        self,
        thread: Channel,
        members: list[int],
        *,
        added: list[int] | None = None,
        removed: list[int] | None = None,
    ) -> Channel:
        thread = self._guild.set_about(thread, members=members)
        self._guild.emit(
            "THREAD_MEMBERS_UPDATE",
            {
                "id": str(thread.id),
                "guild_id": str(self._guild.config.guild_id),
                "member_count": len(members),
                "added_members": [objects.thread_member_json(thread, user) for user in added or []],
                "removed_member_ids": [str(user) for user in removed or []],
            },
        )
        return thread

    def change(self, thread: Channel, given: Json) -> Channel:
        """Rename, archive, lock."""
        changeable = ("archived", "locked", "auto_archive_duration")
        about: Json = {name: given[name] for name in changeable if name in given}
        name = given.get("name") or thread.name
        renamed = replace(thread, name=name, about={**thread.about, **about})
        self._guild.state.put_channel(renamed)
        self._guild.emit("THREAD_UPDATE", self._guild.channel_json(renamed))
        return renamed

    def _current(self, thread: Channel) -> Channel:
        return self._guild.channel(thread.id) or thread
