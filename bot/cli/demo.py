"""`bot demo`."""

import asyncio
import signal
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.given import AsJson
from bot.cli.output import fail, note, print_json, say

if TYPE_CHECKING:
    from bot.demo import Moment, Played

FAILED = 1
INTERRUPTED = 130
STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
WHO_WIDTH = 14


def demo(
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep the temporary folder with the database and the logs.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Play the whole story in about a minute: a request, a yes from a phone, and kill -9 in between.

    It starts simulators and a bot of its own on free ports with a temporary database, and needs no key and no
    account. It ends with 0 only if every action ran exactly once.

    ```
    bot demo
    ```
    """
    played = asyncio.run(_played(keep=keep, quiet=json))
    if played is None:
        note("stopped; everything that was started has been ended")
        raise typer.Exit(INTERRUPTED)
    if json:
        print_json(played.as_json())
    else:
        _conclude(played)
    if played.error:
        fail(played.error)
    raise typer.Exit(0 if played.ok else FAILED)


async def _played(*, keep: bool, quiet: bool) -> "Played | None":
    """None if somebody stopped it; cleaning up comes first then too."""
    from bot.cli.place import checkout
    from bot.demo import play

    task = asyncio.ensure_future(play(checkout(), keep=keep, tell=_silent if quiet else _tell))
    loop = asyncio.get_running_loop()

    def stop() -> None:
        for number in STOPS:
            loop.add_signal_handler(number, lambda: None)  # a second one must not stop the cleaning up
        task.cancel()

    for number in STOPS:
        loop.add_signal_handler(number, stop)
    try:
        return await task
    except asyncio.CancelledError:
        return None


def _silent(moment: "Moment") -> None:
    """For programs there is one document at the end."""


def _tell(moment: "Moment") -> None:
    first, *rest = moment.what.splitlines() or [""]
    say(f"{moment.seconds:5.1f} s  {moment.who:<{WHO_WIDTH}}  {first}")
    for line in rest:
        say(f"{'':{9 + WHO_WIDTH}}  {line}")
    sys.stdout.flush()  # also where a program watches


def _conclude(played: "Played") -> None:
    from bot.demo import where_to_look

    say()
    for check in played.checks:
        mark = "ok   " if check.holds else "WRONG"
        expected = "" if check.holds else f", expected {check.expected}"
        say(f"  {mark}  {check.claim}: {check.found}{expected}")
    if played.ok:
        say("\nEach action ran exactly once, and nothing ran without Carol's yes.")
    if played.folder:
        say(f"\nKept in {played.folder}; look with\n  {where_to_look(played)}")
