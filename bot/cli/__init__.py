"""The command line: `bot`, also installed as `saywhen`. What goes wrong is one line and an exit status."""

import os
import sys
from collections.abc import Sequence

from typer.main import get_command

from bot.cli.commands import app
from bot.cli.failures import status_of, tell
from bot.cli.given import Given


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status, or raises SystemExit with it."""
    given = Given()
    try:
        get_command(app).main(arguments, prog_name="bot", obj=given)
    except BrokenPipeError:
        # Whoever read our output has heard enough (`bot threads | head`).
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:  # noqa: BLE001 - the outermost place of a command: people get a line, not a trace
        tell(error, given)
        return status_of(error)
    return 0
