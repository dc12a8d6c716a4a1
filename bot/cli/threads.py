"""`bot threads`, `bot thread show` and `bot thread prompt`: commands that only look."""

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli.given import AsJson, ThreadId, place_of

if TYPE_CHECKING:
    from bot.cli.place import Place
    from bot.cli.reading import Standing


def threads(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the one opened last first.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List the conversations and where each stands.

    bot threads --limit 10
    bot threads --json | jq -r '.threads[] | select(.status == "parked") | .thread_id'
    """
    from bot.cli.output import local_time, note, print_json, print_table

    found = asyncio.run(_standings(place_of(context), limit))
    if as_json:
        print_json({"threads": [each.to_json() for each in found]})
        return
    if not found:
        note("no conversation yet")
        return
    rows = [
        (each.row.thread_id, each.status, each.row.channel, each.row.conversation, each.row.agent,
         each.row.last_seq, local_time(each.row.updated_at))
        for each in found
    ]  # fmt: skip
    print_table(("thread", "status", "channel", "conversation", "agent", "events", "last event"), rows)


async def _standings(place: "Place", limit: int) -> "list[Standing]":
    from bot.cli.reading import open_store, standing

    async with open_store(place) as store:
        return [await standing(store, row) for row in await store.threads(limit=limit)]


def show(
    context: typer.Context,
    id_: ThreadId,
    last: Annotated[int | None, typer.Option(min=1, metavar="N", help="Only the last N events.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show what happened in a conversation, event by event.

    With --json every event is whole, also those that this version cannot read.

    ```
    bot thread show 0190
    bot thread show 0190 --last 20
    ```
    """
    from bot.cli.output import print_json

    found, events = asyncio.run(_events(place_of(context), id_, last))
    if as_json:
        print_json({**found.to_json(), "events": events})
    else:
        _print_timeline(found, events)


async def _events(
    place: "Place", beginning: str, last: int | None
) -> "tuple[Standing, list[dict[str, Any]]]":
    from bot.cli.reading import find_thread, open_store, standing

    async with open_store(place) as store:
        row = await find_thread(store, beginning)
        after = max(0, row.last_seq - last) if last else 0
        return await standing(store, row), list(await store.raw_events(row.thread_id, after=after))


def _print_timeline(found: "Standing", events: list[dict[str, Any]]) -> None:
    from datetime import datetime

    from bot.cli.output import local_time, print_table, say
    from bot.cli.timeline import describe

    row = found.row
    say(f"{row.thread_id}  {found.status}  ({row.channel}: {row.conversation}; agent {row.agent})")
    if found.broken:
        say(f"cannot be read to the end: {found.broken}")
    say()
    rows, day = [], ""
    for event in events:
        date, _, time = local_time(datetime.fromisoformat(str(event["time"]))).partition(" ")
        if date != day:
            rows.append(("", "", "", date))
            day = date
        rows.append((str(event["seq"]), time, *describe(event)))
    print_table(("", "", "", ""), rows)


def prompt(
    context: typer.Context,
    id_: ThreadId,
    at: Annotated[
        int | None, typer.Option(min=1, metavar="SEQ", help="Which model.asked; the last one if not given.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print the exact request that the model got, worked out again from the log.

    Its hash is compared with the one in the log; ends with 1 if they differ.

    ```
    bot thread prompt 0190
    bot thread prompt 0190 --at 4 --json | jq .request
    ```
    """
    from bot.cli.output import print_json
    from bot.cli.requests import print_request, recompute

    found = asyncio.run(recompute(place_of(context), id_, at))
    if as_json:
        print_json(found.to_json())
    else:
        print_request(found)
    if not found.same:
        raise typer.Exit(1)
