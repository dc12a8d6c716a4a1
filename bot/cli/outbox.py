"""`bot outbox`: messages that wait to be sent, and those that were given up."""

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli.given import AsJson, place_of

if TYPE_CHECKING:
    from bot.cli.place import Place
    from bot.store.apply import Execute

_NAMES = (
    "id", "thread_id", "state", "channel", "account", "destination", "parts_sent", "attempts", "unsure",
    "not_before", "created_at",
)  # fmt: skip
_ROWS = f"SELECT {', '.join(_NAMES)} FROM outbox WHERE state <> 'done' ORDER BY position LIMIT ?"  # noqa: S608


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
    from bot.store.opening import open_visitor
    from bot.store.read import Readers

    readers = Readers(lambda: open_visitor(place.database), 1)
    try:
        return await readers.run(_waiting_and_dead, limit)
    finally:
        await readers.close()


def _waiting_and_dead(execute: "Execute", limit: int) -> list[dict[str, Any]]:
    rows = [dict(zip(_NAMES, row, strict=True)) for row in execute(_ROWS, (limit,))]
    return [{**row, "unsure": bool(row["unsure"])} for row in rows]
