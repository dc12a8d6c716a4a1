"""`bot run` and `bot dev`."""

import asyncio
import gc
import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.given import Given, given_to

if TYPE_CHECKING:
    from bot.config import Config

WAIT_SECONDS = 60.0


def run(
    context: typer.Context,
    wait_lock: Annotated[
        bool,
        typer.Option(
            "--wait-lock",
            help="Wait up to 60 seconds for an old process to let go of the database and the port.",
        ),
    ] = False,
    dev: Annotated[bool, typer.Option("--dev", hidden=True)] = False,
    simulated: Annotated[str, typer.Option("--simulated", hidden=True)] = "",
) -> None:
    """Run the bot for real, until SIGTERM or Ctrl-C.

    Needs a model's key (ANTHROPIC_API_KEY); a channel without credentials is off. `bot doctor` tests it all.
    It ends with 78 if a setting is wrong, 73 if another process has the database, 74 if the disk fails.

    ```
    bot run --wait-lock     # under a supervisor that starts the new process before the old one has ended
    ```
    """
    gc.disable()  # what is imported now stays for ever: not worth looking through again and again
    _import_structlog()
    config = _load(context, dev=dev)
    from bot.app import Mode
    from bot.run import run as run_bot

    names = frozenset(name for name in simulated.split(",") if name)
    mode = Mode(dev=dev, simulated=names, wait_lock=WAIT_SECONDS if wait_lock else 0.0)
    gc.enable()
    gc.freeze()
    asyncio.run(run_bot(config, mode))


def _import_structlog() -> None:
    """Without rich, which it would import for traces in colour that we do not show: 9 MB and 0.3 s of CPU."""
    if "structlog" in sys.modules or "rich" in sys.modules:
        return
    sys.modules["rich"] = None  # type: ignore[assignment]  # Python's way to say "not there"
    try:
        import structlog  # noqa: F401 - remembered, as it is now
    finally:
        del sys.modules["rich"]


def dev(context: typer.Context) -> None:
    """Run the bot with a simulator for everything that has no credentials: no key, no account, no server.

    The bot is started again when it dies: kill it and watch. Ctrl-C stops everything. Conversations are kept in
    saywhen-dev.db; DATABASE_URL and PORT choose other places.

    ```
    PORT=8001 DATABASE_URL=sqlite:////tmp/try.db bot dev
    ```
    """
    config = _load(context, dev=True, is_parent=True)
    from bot.dev import dev as run_dev
    from bot.log import set_up
    from bot.secrets import Redactor

    set_up(level=config.log.level, format=config.log.format, redact=Redactor(config.secrets()))
    raise typer.Exit(asyncio.run(run_dev(config, os.environ)))


def _load(context: typer.Context, *, dev: bool, is_parent: bool = False) -> "Config":
    """The settings, fit to start with; warnings are said once, also in `bot dev` with its two processes."""
    from bot.cli.output import note
    from bot.cli.place import find_root
    from bot.config import ConfigError, check_this_disk, load

    given: Given = given_to(context)
    given.serving = True
    config = load(root=find_root(given.root), environ=os.environ, dev=dev)
    problem = None if dev else check_this_disk(config, os.environ)
    if problem is not None and problem.severity == "error":
        raise ConfigError([problem])
    if not dev or is_parent:
        for warning in (*config.warnings, *([problem] if problem else [])):
            note(f"warning: {warning}")
    return config
