"""Slash commands: which the app has registered, and what a person's call of one becomes."""

import re
from typing import Any

from simulators.discord.config import Json
from simulators.discord.errors import bad_length, invalid, required
from simulators.discord.guild import Guild, Refused

NAME = re.compile(r"[-_'\w]{1,32}")
EVERYWHERE = 0
CHAT_INPUT, SUBCOMMAND, SUBCOMMAND_GROUP = 1, 1, 2
KINDS: dict[int, tuple[type, ...]] = {3: (str,), 4: (int,), 5: (bool,), 10: (int, float)}
MOST_COMMANDS = 100


class Commands:
    def __init__(self, guild: Guild) -> None:
        self._guild = guild
        self._state = guild.state

    def overwrite(self, guild_id: int, given: Any) -> list[Json]:
        """Bulk overwrite: a command keeps its id while it keeps its name."""
        if not isinstance(given, list):
            raise invalid("", "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType")
        if len(given) > MOST_COMMANDS:
            raise bad_length("", 0, MOST_COMMANDS)
        known = {(each["name"], each["type"]): each["id"] for each in self._state.commands(guild_id)}
        for index, command in enumerate(given):
            _check(command, str(index))
        commands = [self._complete(each, guild_id, known) for each in given]
        self._state.put_commands(guild_id, commands)
        return commands

    def add(self, guild_id: int, given: Json) -> Json:
        _check(given, "")
        kept = [each for each in self._state.commands(guild_id) if each["name"] != given["name"]]
        commands = self.overwrite(guild_id, [*kept, given])
        return commands[-1]

    def remove(self, guild_id: int, command_id: str) -> bool:
        commands = self._state.commands(guild_id)
        rest = [each for each in commands if each["id"] != command_id]
        self._state.put_commands(guild_id, rest)
        return len(rest) < len(commands)

    def listed(self, guild_id: int) -> list[Json]:
        return self._state.commands(guild_id)

    def _complete(self, given: Json, guild_id: int, known: dict[tuple[str, int], str]) -> Json:
        type_ = given.get("type") or CHAT_INPUT
        guild = {"guild_id": str(guild_id)} if guild_id else {}
        return {
            "description": "",
            "options": [],
            "default_member_permissions": None,
            "nsfw": False,
            "dm_permission": True,
            "contexts": None,
            "integration_types": [0],
            "name_localizations": None,
            "description_localizations": None,
            **given,
            "type": type_,
            "id": known.get((given["name"], type_)) or str(self._guild.ids.next()),
            "application_id": str(self._guild.config.bot_id),
            "version": str(self._guild.ids.next()),
            **guild,
        }

    # A person calls one

    def call(self, text: str, options: Json, *, in_guild: bool) -> Json:
        """The `data` of the interaction for `/name`, or `/name sub` with a subcommand."""
        name, *path = text.removeprefix("/").split()
        command = self._find(name, in_guild=in_guild)
        data = {"id": command["id"], "name": name, "type": CHAT_INPUT}
        guild = {"guild_id": command["guild_id"]} if "guild_id" in command else {}
        return {**data, **guild, "options": _options(command, path, options)}

    def _find(self, name: str, *, in_guild: bool) -> Json:
        scopes = (self._guild.config.guild_id, EVERYWHERE) if in_guild else (EVERYWHERE,)
        commands = [command for scope in scopes for command in self._state.commands(scope)]
        for command in commands:
            if command["name"] == name and command["type"] == CHAT_INPUT:
                return command
        names = ", ".join(f"/{command['name']}" for command in commands) or "none at all"
        raise Refused(f"the app has no command /{name} here; it has {names}")


def _check(command: Any, path: str) -> None:
    def at(field: str) -> str:
        return f"{path}.{field}" if path else field

    name = command.get("name")
    if not name:
        raise required(at("name"))
    slash = (command.get("type") or CHAT_INPUT) == CHAT_INPUT
    if slash and (not NAME.fullmatch(name) or name != name.lower()):
        raise invalid(
            at("name"),
            "APPLICATION_COMMAND_INVALID_NAME",
            "Command name is invalid",
        )
    if slash and not 1 <= len(command.get("description") or "") <= 100:
        raise bad_length(at("description"), 1, 100)


def _options(command: Json, path: list[str], given: Json) -> list[Json]:
    defined = command.get("options") or []
    if path:
        inner = next((each for each in defined if each["name"] == path[0]), None)
        if inner is None or inner["type"] not in (SUBCOMMAND, SUBCOMMAND_GROUP):
            raise Refused(f"/{command['name']} has no subcommand {path[0]!r}")
        return [{"name": path[0], "type": inner["type"], "options": _options(inner, path[1:], given)}]
    names = [each["name"] for each in defined]
    if unknown := [name for name in given if name not in names]:
        raise Refused(f"/{command['name']} has no option {unknown[0]!r}; it has {', '.join(names) or 'none'}")
    if missing := [each["name"] for each in defined if each.get("required") and each["name"] not in given]:
        raise Refused(f"/{command['name']} needs {', '.join(missing)}")
    return [_option(each, given[each["name"]]) for each in defined if each["name"] in given]


def _option(defined: Json, value: Any) -> Json:
    kinds = KINDS.get(defined["type"], (str,))
    if not isinstance(value, kinds):
        raise Refused(f"{defined['name']} takes {kinds[0].__name__}, not {value!r}")
    choices = [choice["value"] for choice in defined.get("choices") or []]
    if choices and value not in choices:
        raise Refused(f"{defined['name']} takes one of {choices}, not {value!r}")
    return {"name": defined["name"], "type": defined["type"], "value": value}
