"""What was given before the name of the command, and the options that many commands share."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from bot.cli.place import Place


@dataclass(slots=True)
class Given:
    """The options of `bot` itself. `serving` is set by commands whose failures belong in a log."""

    root: Path | None = None
    debug: bool = False
    serving: bool = False


AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on standard output, for programs.")]
ThreadId = Annotated[str, typer.Argument(metavar="ID", help="The thread's id, or enough of its beginning.")]
Because = Annotated[str, typer.Option("--because", metavar="TEXT", help="Why; kept in the thread's log.")]


def given_to(context: typer.Context) -> Given:
    """What was given before the command's name."""
    given = context.find_object(Given)
    return given if given is not None else Given()


def place_of(context: typer.Context) -> "Place":
    """The checkout and the database that this command is about."""
    from bot.cli.place import choose, find_root

    return choose(find_root(given_to(context).root))
