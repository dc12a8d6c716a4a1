"""docs/commands.md and the command line agree, option by option."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

import bot
from bot.cli.commands import app

DOCS = (Path(bot.__file__).resolve().parent.parent / "docs" / "commands.md").read_text("utf-8")
SECTIONS = {
    " ".join(word for word in title.split() if not word.isupper()): body
    for title, body in re.findall(r"^### `([^`]+)`\n(.*?)(?=^##|\Z)", DOCS, re.MULTILINE | re.DOTALL)
}


def commands(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    inner = getattr(command, "commands", None)
    if inner is None:
        yield path, command
        return
    if command.invoke_without_command:
        yield path, command
    for name, each in inner.items():
        yield from commands(each, f"{path} {name}")


ALL = dict(commands(get_command(app), "bot"))


def options(command: Any) -> set[str]:
    return {
        name
        for parameter in command.params
        for name in parameter.opts
        if name.startswith("--") and not getattr(parameter, "hidden", False)
    } - {"--help"}


def test_every_command_has_a_section_and_every_section_a_command():
    assert set(SECTIONS) == set(ALL)


@pytest.mark.parametrize("path", sorted(ALL))
def test_every_option_is_named_in_its_section_and_no_other(path):
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", SECTIONS.get(path, "")))

    assert named == options(ALL[path])


def test_the_options_of_bot_itself_are_named():
    assert options(get_command(app)) <= set(re.findall(r"--[a-z-]+", DOCS))


@pytest.mark.parametrize("path", sorted(ALL))
def test_every_command_has_a_help_text_and_json(path):
    assert ALL[path].help
    assert "--json" in options(ALL[path]) or path in ("bot run", "bot dev")
