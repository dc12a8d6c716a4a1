"""`bot thread step`, `pause`, `resume` and `cancel`: commands that change something."""

import asyncio
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from bot.cli.given import AsJson, Because, ThreadId, place_of

if TYPE_CHECKING:
    from bot.cli.place import Place

Action = Literal["pause", "resume", "cancel"]

LATER = "no bot is running: this is written down, and obeyed when one starts"


def pause(context: typer.Context, id_: ThreadId, because: Because = "", as_json: AsJson = False) -> None:
    """Let the agent wait in this conversation until `resume`. What arrives is kept.

    bot thread pause 0190 --because "checking the numbers first"
    """
    _control(context, "pause", id_, because, as_json=as_json)


def resume(context: typer.Context, id_: ThreadId, because: Because = "", as_json: AsJson = False) -> None:
    """Let the agent go on: after a pause, after a person had it, or after it was parked.

    bot thread resume 0190
    """
    _control(context, "resume", id_, because, as_json=as_json)


def cancel(context: typer.Context, id_: ThreadId, because: Because = "", as_json: AsJson = False) -> None:
    """End everything begun so far in this conversation. Reminders stay; a later message starts afresh.

    bot thread cancel 0190
    """
    _control(context, "cancel", id_, because, as_json=as_json)


def _control(context: typer.Context, action: Action, beginning: str, because: str, *, as_json: bool) -> None:
    from bot.cli.output import note, print_json, say

    done, running = asyncio.run(_steer(place_of(context), action, beginning, because))
    if as_json:
        print_json({**done, "running": running})
    else:
        say(f"{done['thread_id']}  {done['status']}")
    if not running:
        note(LATER)


async def _steer(place: "Place", action: Action, beginning: str, because: str) -> tuple[dict[str, Any], bool]:
    from bot.cli.client import client
    from bot.cli.reading import find_thread, open_store

    async with open_store(place) as store:
        row = await find_thread(store, beginning)
    async with client(place) as api:
        return await api.post(f"/api/threads/{row.thread_id}/{action}", {"because": because}), api.running


def step(
    context: typer.Context,
    id_: ThreadId,
    dev: Annotated[
        bool, typer.Option("--dev", help="With the demo brain, if there is no key: as in `bot dev`.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Take a conversation through exactly one transition, and show what was written.

    Only while no bot runs, which would do it itself. One transition is a model call, a tool call, or the end of
    a turn; what it leaves to send is sent when a bot runs.

    ```
    bot thread step 0190
    ```
    """
    from bot.cli.output import note, print_json, print_table
    from bot.cli.stepping import take_step
    from bot.cli.timeline import describe

    place = place_of(context)
    found = asyncio.run(take_step(place, id_, dev=dev or place.dev))
    if as_json:
        print_json(found)
        return
    if not found["events"]:
        note("there was nothing to do")
    print_table(("", "", ""), [(str(event["seq"]), *describe(event)) for event in found["events"]])
    note(f"{found['thread_id']} is {found['status']} now")
