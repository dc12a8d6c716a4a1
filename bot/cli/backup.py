"""`bot backup`: a copy of the database, also while the bot runs."""

from pathlib import Path
from typing import Annotated

import typer

from bot.cli.given import AsJson, place_of


def backup(
    context: typer.Context,
    target: Annotated[Path, typer.Argument(metavar="TARGET", help="The new file; it must not exist yet.")],
    as_json: AsJson = False,
) -> None:
    """Copy the database to a new file, also while the bot runs.

    The copy is one consistent moment and is checked before it gets its name.

    ```
    bot backup /mnt/backups/saywhen-monday.db
    ```
    """
    from bot.cli.output import print_json, say
    from bot.store.backup import backup as copy

    database = place_of(context).database
    copy(database, target)
    size = target.stat().st_size
    if as_json:
        print_json({"database": str(database), "target": str(target.resolve()), "bytes": size})
    else:
        say(f"{database} is backed up to {target} ({size:,} bytes)")
