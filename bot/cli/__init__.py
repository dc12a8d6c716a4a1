"""The command line: `bot`, also installed as `saywhen`. What goes wrong is one line and an exit status."""

from collections.abc import Sequence

from typer.main import get_command

from bot.cli.commands import app
from bot.cli.failures import status_of, tell
from bot.cli.given import Given


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    given = Given()
    try:
        status = get_command(app).main(arguments, prog_name="bot", obj=given, standalone_mode=False)
    except Exception as error:  # noqa: BLE001 - the outermost place of a command: people get a line, not a trace
        tell(error, given)
        return status_of(error)
    return status or 0
