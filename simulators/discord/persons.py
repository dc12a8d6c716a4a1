"""What simulated people do, by the names they have: write, edit, react, press, call, fill in."""

from collections.abc import Sequence
from dataclasses import replace

from simulators.discord.commands import Commands
from simulators.discord.config import Json
from simulators.discord.forms import answers
from simulators.discord.guild import Guild, Refused
from simulators.discord.ids import iso
from simulators.discord.interactions import COMMAND, COMPONENT, MODAL_SUBMIT, Interactions, Outcome
from simulators.discord.mentions import live
from simulators.discord.outgoing import LONGEST_CONTENT, MOST_FILES, Upload, buttons
from simulators.discord.posting import Posting, is_for
from simulators.discord.shown import previews
from simulators.discord.state import Channel, Message
from simulators.discord.threads import Threads
from simulators.people import Person


class Persons:
    def __init__(
        self,
        guild: Guild,
        posting: Posting,
        threads: Threads,
        commands: Commands,
        interactions: Interactions,
    ) -> None:
        self._guild = guild
        self._posting = posting
        self._threads = threads
        self._commands = commands
        self._interactions = interactions

    # Writing

    def say(
        self,
        from_: str,
        text: str,
        channel: str,
        *,
        reply_to: str | None,
        mention: bool | None,
        files: Sequence[Upload],
        bot: bool,
    ) -> Message:
        person = self._guild.person(from_)
        if bot:
            self._guild.make_bot(person)
        where = self.place(channel, person)
        if mention is None:
            mention = where.kind == "text"
        tag = f"<@{self._guild.config.bot_id}>"
        if mention and where.in_guild and tag not in text:
            text = f"{tag} {text}"
        if not text and not files:
            raise Refused("a message has a text or files")
        if len(text) > LONGEST_CONTENT:
            raise Refused(f"a message has at most {LONGEST_CONTENT} characters, not {len(text)}")
        if len(files) > MOST_FILES:
            raise Refused(f"a message has at most {MOST_FILES} files")
        target = self._visible(reply_to, person) if reply_to else None
        if target is not None and target.channel != where.id:
            raise Refused(f"message {reply_to} is not in {self._guild.place_name(where)}")
        return self._posting.say(int(person.discord), where, text, reply_to=target, files=files)

    def place(self, ref: str, person: Person) -> Channel:
        where = self._guild.place(ref, person)
        if where.kind == "dm" and where.owner != int(person.discord):
            raise Refused(f"{person.name} is not in the DM of {self._guild.name_of(where.owner)}")
        return where

    def edit(self, message_id: str, text: str) -> Message:
        message = self._own(message_id)
        body = {
            **message.message,
            "content": text,
            "mentions": [user for user in live(text).users if self._guild.exists(user)],
            "edited_timestamp": iso(self._guild.now()),
        }
        edited = self._guild.state.put_message(replace(message, message=body))
        self._guild.emit("MESSAGE_UPDATE", self._guild.message_event(edited))
        return edited

    def unfurl(self, message_id: str) -> Message:
        """Discord adds the preview of a link a moment later: an update that is no edit."""
        message = self.message(message_id)
        found = previews(message)
        if not found:
            raise Refused(f"message {message_id} has no link that Discord shows a preview of")
        embeds = [{"type": "link", "url": url, "title": url} for url in found]
        body = {**message.message, "embeds": [*message.message["embeds"], *embeds]}
        updated = self._guild.state.put_message(replace(message, message=body))
        self._guild.emit("MESSAGE_UPDATE", self._guild.message_event(updated))
        return updated

    def delete(self, message_id: str) -> Message:
        message = self._own(message_id)
        self._posting.delete(message)
        return message

    def _own(self, message_id: str) -> Message:
        message = self.message(message_id)
        if message.author == self._guild.config.bot_id:
            raise Refused(f"message {message_id} is the bot's: people change their own")
        return message

    def react(self, from_: str, message_id: str, emoji: str, *, add: bool) -> Message:
        person = self._guild.person(from_)
        return self._posting.react(self._visible(message_id, person), int(person.discord), emoji, add=add)

    def start_thread(self, from_: str, name: str, *, message: str | None, channel: str) -> Channel:
        person = self._guild.person(from_)
        creator = int(person.discord)
        if message is not None:
            return self._threads.start_from(self._visible(message, person), creator, {"name": name})
        return self._threads.start(self._guild.place(channel), creator, {"name": name})

    # Interacting

    async def press(self, from_: str, message_id: str, button: str) -> Outcome:
        """By its label or custom id."""
        person = self._guild.person(from_)
        message = self._visible(message_id, person)
        found = self._button(message, button)
        data = {"component_type": found["type"], "custom_id": found["custom_id"], "id": found["id"]}
        return await self._interactions.begin(
            person, self._channel(message), COMPONENT, data, message=message
        )

    def _button(self, message: Message, ref: str) -> Json:
        there = [each for each in buttons(message.message["components"]) if "custom_id" in each]
        for each in there:
            if ref in (each.get("label"), each["custom_id"]):
                if each.get("disabled"):
                    raise Refused(f"the button {ref!r} is disabled")
                return each
        labels = ", ".join(repr(each.get("label") or each["custom_id"]) for each in there) or "none"
        raise Refused(f"message {message.id} has no button {ref!r}; it has {labels}")

    async def slash(self, from_: str, command: str, options: Json, channel: str) -> Outcome:
        person = self._guild.person(from_)
        where = self.place(channel, person)
        data = self._commands.call(command, options, in_guild=where.in_guild)
        return await self._interactions.begin(person, where, COMMAND, data)

    async def submit(self, from_: str, fields: Json) -> Outcome:
        """Fill in the form that is open for this person."""
        person = self._guild.person(from_)
        known = self._interactions.modal_of(person)
        if known is None:
            raise Refused(f"no form is open for {person.name}")
        data = answers(known["modal"], fields)
        self._interactions.close_modal(known)
        message = self._guild.state.message(known["message"] or 0)
        channel = self._guild.channel(known["channel"])
        assert channel is not None
        return await self._interactions.begin(person, channel, MODAL_SUBMIT, data, message=message)

    # Finding

    def message(self, id_: str) -> Message:
        found = self._guild.state.message(int(id_)) if id_.isdigit() else None
        if found is None or found.deleted:
            raise Refused(f"no message {id_!r}")
        return found

    def _visible(self, id_: str, person: Person) -> Message:
        message, user = self.message(id_), int(person.discord)
        channel = self._channel(message)
        if not is_for(message, user) or (channel.kind == "dm" and channel.owner != user):
            raise Refused(f"{person.name} does not see message {id_}")
        return message

    def _channel(self, message: Message) -> Channel:
        channel = self._guild.channel(message.channel)
        assert channel is not None
        return channel
