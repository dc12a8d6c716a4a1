"""`bot approvals`, `bot approve`, `bot reject`, `bot answer` and `bot tasks`: what waits, and deciding it."""

import asyncio
import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli.given import AsJson, place_of

if TYPE_CHECKING:
    from bot.cli.place import Place
    from bot.cli.waiting import Asked

RequestId = Annotated[str, typer.Argument(metavar="ID", help="The request's id, or enough of its beginning.")]
As = Annotated[
    str | None,
    typer.Option("--as", metavar="NAME", help="Who decides; without it the only person with the role owner."),
]

ENDED = 50
LATER = "no bot is running: this is written down, and takes effect when one starts"


def approvals(
    context: typer.Context,
    all_: Annotated[bool, typer.Option("--all", help="Also what was decided, or is over.")] = False,
    as_json: AsJson = False,
) -> None:
    """List what waits for a person: requests for a yes with their exact arguments, and questions.

    ```
    bot approvals
    bot approvals --json | jq -r '.approvals[] | select(.status == "pending") | .approval_id'
    ```
    """
    from bot.cli.output import note, print_json
    from bot.cli.waiting import approval_json, question_json

    found = asyncio.run(_requests(place_of(context), ended=ENDED if all_ else 0))
    if as_json:
        yes = [approval_json(each) for each in found if each.row.kind == "approval"]
        asked = [question_json(each) for each in found if each.row.kind == "question"]
        print_json({"approvals": yes, "questions": asked})
        return
    for each in found:
        _print(each)
    if not found:
        note("nothing waits for a person")


async def _requests(place: "Place", ended: int) -> "list[Asked]":
    from bot.cli.reading import open_store
    from bot.cli.waiting import requests

    async with open_store(place) as store:
        return await requests(store, ended=ended)


def _print(asked: "Asked") -> None:
    """One request, its call as an approver reads it."""
    from bot.cli.output import local_time, say
    from bot.events import ApprovalRequested, QuestionAsked
    from bot.shown import shown

    row, data = asked.row, asked.data
    until = "until" if row.status == "pending" else "was open until"
    say(f"{row.id}  {row.status}{_by(asked)}  {until} {local_time(row.expires_at)}")
    match data:
        case ApprovalRequested():
            say(f"  {row.requester or data.by} asks for:")
            say("\n".join(f"    {line}" for line in shown(data.tool, data.args).split("\n")))
            say(f"  why: {data.why}; may decide: {', '.join(row.approvers) or 'nobody'}")
        case QuestionAsked():
            say(f"  to {data.to}: {data.text}")
            for number, option in enumerate(data.options, start=1):
                say(f"    {number} {option}")
        case None:
            say("  what it asks cannot be read")
    say(f"  thread: {row.thread_id}")
    say()


def _by(asked: "Asked") -> str:
    from bot.cli.output import local_time

    row = asked.row
    if not row.decided_by or row.decided_at is None:
        return ""
    return f" by {' and '.join(row.decided_by)} at {local_time(row.decided_at)}"


def approve(
    context: typer.Context,
    id_: RequestId,
    args: Annotated[
        str | None,
        typer.Option("--args", metavar="JSON", help="Approve with these arguments instead: all of them."),
    ] = None,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Say yes to a request: exactly what `bot approvals` shows is done, or with --args what you write.

    ```
    bot approve 3f9a --as dora
    bot approve 3f9a --args '{"job": "deploy-staging", "tag": "v1.2"}'
    ```
    """
    body: dict[str, Any] = {"decision": "approve"}
    if args is not None:
        body = {"decision": "edit", "args": _object(args)}
    _decide(context, id_, body, as_, as_json=as_json)


def reject(
    context: typer.Context,
    id_: RequestId,
    because: Annotated[
        str, typer.Option("--because", metavar="TEXT", help="Why; the agent and the requester hear it.")
    ],
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Say no to a request, and why.

    bot reject 3f9a --because "not on a Friday"
    """
    _decide(context, id_, {"decision": "reject", "message": because}, as_, as_json=as_json)


def answer(
    context: typer.Context,
    id_: RequestId,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="Your answer, or the number of an option.")],
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Answer a question of the agent; of a request for a yes, answer instead of having it done.

    bot answer 77c0 "the blue one" --as carol
    """
    _decide(context, id_, {"decision": "respond", "message": text}, as_, as_json=as_json)


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise typer.BadParameter(f"--args is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise typer.BadParameter(
            f"--args is {type(found).__name__}, and has to be an object of all arguments"
        )
    return found


def _decide(
    context: typer.Context, beginning: str, body: dict[str, Any], name: str | None, *, as_json: bool
) -> None:
    from bot.cli.output import note, print_json, say

    ruling, running = asyncio.run(_hand_in(place_of(context), beginning, body, name))
    if as_json:
        print_json({**ruling, "running": running})
    else:
        id_ = ruling.get("approval_id") or ruling.get("question_id")
        say(f"{id_}  {ruling['status']}")
        note(ruling["message"] if running else LATER)


async def _hand_in(
    place: "Place", beginning: str, body: dict[str, Any], name: str | None
) -> tuple[dict[str, Any], bool]:
    """Give an answer as a person, and say what became of it."""
    from bot.cli.acting import actor
    from bot.cli.client import client
    from bot.cli.reading import open_store
    from bot.cli.waiting import Kind, find_request

    kinds: tuple[Kind, ...] = ("approval", "question") if body["decision"] == "respond" else ("approval",)
    async with open_store(place) as store:
        row = await find_request(store, beginning, kinds)
    async with client(place, person=actor(place, name)) as api:
        if row.kind == "question":
            return await api.post(f"/api/questions/{row.id}/answer", {"text": body["message"]}), api.running
        return await api.post(f"/api/approvals/{row.id}/decision", body), api.running


def tasks(context: typer.Context, as_json: AsJson = False) -> None:
    """List what goes on outside any turn: in the background here, or awaited from another system."""
    from bot.cli.output import note, print_json, print_table

    found = asyncio.run(_tasks(place_of(context)))
    if as_json:
        print_json({"tasks": found})
        return
    if not found:
        note("nothing goes on in the background")
        return
    rows = [
        (each["task_id"], each["tool"], each["kind"], "stopped" if each["stopped"] else "", each["note"],
         each["expires_at"] or "", each["thread_id"])
        for each in found
    ]  # fmt: skip
    print_table(("task", "tool", "where", "", "how far", "until", "thread"), rows)


async def _tasks(place: "Place") -> list[dict[str, Any]]:
    from bot.cli.reading import open_store
    from bot.cli.waiting import tasks as open_tasks

    async with open_store(place) as store:
        return await open_tasks(store)
