"""`bot outbox`: messages that wait to be sent, and those that were given up."""

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli.given import AsJson, place_of

if TYPE_CHECKING:
    from bot.cli.place import Place


def outbox(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the oldest first.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List the messages that still wait to be sent, and those that were given up (dead).

    `unsure` marks one that may have arrived already: it is looked for before it is sent again.
    """
    from bot.cli.output import note, print_json, print_table

    found = asyncio.run(_rows(place_of(context), limit))
    if as_json:
        print_json({"outbox": found})
        return
    if not found:
        note("nothing waits, and nothing was given up")
        return
    rows = [
        (each["state"], f"{each['channel']} {each['destination']}", each["attempts"],
         "unsure" if each["unsure"] else "", each["not_before"] or "", each["created_at"], each["thread_id"])
        for each in found
    ]  # fmt: skip
    print_table(("state", "to", "attempts", "", "not before", "written", "thread"), rows)


async def _rows(place: "Place", limit: int) -> list[dict[str, Any]]:
    from bot.cli.reading import open_store

    async with open_store(place) as store:
        return list(await store.unfinished_outbox(limit))
