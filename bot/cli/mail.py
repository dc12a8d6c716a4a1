"""`bot mail list`, `show` and `retry`: what came of the mails of the mailbox, and those that could not be read."""

import asyncio
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from bot.cli.given import AsJson, place_of

if TYPE_CHECKING:
    from bot.cli.place import Place
    from bot.store.mail import MailRow

LONGEST_HEADERS = 64 << 10
LONGEST_SHOWN = 60

State = Literal["stored", "done", "ignored", "capped", "quarantined"]
Number = Annotated[int, typer.Argument(metavar="ID", help="The mail's number in `bot mail list`.")]


def list_(
    context: typer.Context,
    state: Annotated[State | None, typer.Option(metavar="STATE", help="Only those in this state.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest first.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List the mails of the mailbox and what came of each.

    Those in quarantine could not be read: they are kept, and nothing else waits for them.

    ```
    bot mail list --state quarantined
    ```
    """
    from bot.cli.output import local_time, note, print_json, print_table

    found = asyncio.run(_rows(place_of(context), state, limit))
    if as_json:
        print_json({"mails": [_as_json(row) for row in found]})
        return
    if not found:
        note(f"no mail is {state}" if state else "no mail has come yet")
        return
    rows = [
        (row.id, row.state, local_time(row.at), _short(row.sender), _short(row.subject), row.why or row.thread_id)
        for row in found
    ]  # fmt: skip
    print_table(("", "state", "came", "from", "subject", "why, or its thread"), rows)


def show(
    context: typer.Context,
    id_: Number,
    raw: Annotated[bool, typer.Option("--raw", help="The mail as it came, byte for byte.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show what came of a mail and why, and its headers.

    ```
    bot mail show 17 --raw > 17.eml
    ```
    """
    from bot.cli.output import print_json, say

    row, content = asyncio.run(_mail(place_of(context), id_))
    if raw:
        _print_raw(id_, content)
        return
    headers = content[:LONGEST_HEADERS].partition(b"\r\n\r\n")[0].decode("utf-8", "replace")
    if as_json:
        print_json({**_as_json(row), "headers": headers})
        return
    for name, value in _as_json(row).items():
        say(f"{name:10} {value}")
    say()
    say(headers.replace("\r\n", "\n") or "its bytes are no longer kept")


def retry(context: typer.Context, id_: Number, as_json: AsJson = False) -> None:
    """Read a mail in quarantine again, after a cause of it was put right.

    A running bot does it at once, else the next one that starts.

    ```
    bot mail retry 17
    ```
    """
    from bot.cli.output import note, print_json, say

    place = place_of(context)
    asyncio.run(_mail(place, id_))
    running = asyncio.run(_retry(place, id_))
    if as_json:
        print_json({"id": id_, "running": running})
        return
    say(f"number {id_} is read again" if running else f"number {id_} is read again when a bot runs")
    if running:
        note(f"what comes of it: bot mail show {id_}")


async def _rows(place: "Place", state: State | None, limit: int) -> "list[MailRow]":
    from bot.cli.reading import open_store

    async with open_store(place) as store:
        return await store.mail.rows(state=state, limit=limit)


async def _mail(place: "Place", id_: int) -> "tuple[MailRow, bytes]":
    from bot.cli.reading import open_store
    from bot.errors import StartError

    async with open_store(place) as store:
        row = await store.mail.row(id_)
        if row is None:
            raise StartError(f"there is no mail {id_}; `bot mail list` lists them", code=1)
        return row, await store.mail.raw(id_) or b""


async def _retry(place: "Place", id_: int) -> bool:
    """Ask the running bot, else write it down; returns whether one runs."""
    from bot.cli.acting import only_owner
    from bot.cli.client import client
    from bot.cli.own_store import own_store
    from bot.errors import StartError

    if place.holder is not None:
        async with client(place, person=only_owner(place)) as api:
            await api.post(f"/api/mails/{id_}/retry", {})
        return True
    async with own_store(place) as store:
        if not await store.mail.retry(id_):
            raise StartError(f"mail {id_} is not in quarantine", code=1)
    return False


def _as_json(row: "MailRow") -> dict[str, Any]:
    from bot.events import isoformat

    return {**asdict(row), "at": isoformat(row.at)}


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 3] + "..."


def _print_raw(id_: int, content: bytes) -> None:
    """The bytes for a file or a program; a terminal gets no sequence that steers it."""
    from bot.cli.output import say
    from bot.errors import StartError

    if not content:
        raise StartError(f"the bytes of mail {id_} are no longer kept", code=1)
    if sys.stdout.isatty():
        say(content.decode("utf-8", "replace").replace("\r\n", "\n"))
        return
    sys.stdout.flush()
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()
