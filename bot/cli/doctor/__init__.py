"""`bot doctor`: tests everything the bot needs, and says what to do about what is missing."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.given import AsJson, given_to

if TYPE_CHECKING:
    from bot.cli.doctor.checks import Check

COLOURS = {"ok": "green", "note": "cyan", "warn": "yellow", "fail": "red"}


def doctor(
    context: typer.Context,
    dev: Annotated[bool, typer.Option("--dev", help="Test what `bot dev` needs.")] = False,
    offline: Annotated[bool, typer.Option("--offline", help="Ask no provider anything.")] = False,
    as_json: AsJson = False,
) -> None:
    """Test settings, database, disk, web address, Slack and models, and say what to fix.

    Each model is asked for one token, which its provider may charge for. Ends with 1 if something fails.

    ```
    bot doctor
    bot doctor --json | jq '.checks[] | select(.status == "fail")'
    ```
    """
    from bot.cli.doctor.examine import examine, worst
    from bot.cli.output import print_json
    from bot.cli.place import find_root

    found = asyncio.run(examine(find_root(given_to(context).root), dev=dev, offline=offline))
    status = worst(found)
    if as_json:
        print_json({"status": status, "checks": [each.to_json() for each in found]})
    else:
        _print(found)
    if status == "fail":
        raise typer.Exit(1)


def _print(found: "list[Check]") -> None:
    from rich.text import Text

    from bot.cli.output import print_table

    rows: list[tuple[object, ...]] = []
    for each in found:
        rows.append((Text(each.status, style=COLOURS[each.status]), each.name, each.detail))
        if each.fix:
            rows.append(("", "", f"-> {each.fix}"))
    print_table(("", "", ""), rows)
