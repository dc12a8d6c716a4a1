"""Requests for a yes, questions and tasks as tests of the web side make them."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
from pydantic import BaseModel, Field, JsonValue

from bot.ports import RequestRow, TaskRow
from bot.testing import EVERYBODY, Known, Script, call, reply
from bot.tools import Ask, Pending, Stored, Tool, ToolContext, tool
from tests.web.kit import Web, open_web, token_of

DORA = Known("dora", {"fake": "U9"}, frozenset({"owner"}))
PEOPLE = tuple(replace(each, addresses={**each.addresses, "api": each.name}) for each in (*EVERYBODY, DORA))
RAN: list[dict[str, JsonValue]] = []
TASK_TOKENS: dict[str, str] = {}


class Deploy(BaseModel):
    tag: str = Field(max_length=20)
    force: bool = False


@tool(effect="unsafe", risk="high")
async def deploy(args: Deploy, ctx: ToolContext) -> str:
    """Deploy a version."""
    RAN.append(args.model_dump())
    return f"{args.tag} is live"


class Nothing(BaseModel):
    pass


@tool(effect="idempotent", risk="low")
async def build(args: Nothing, ctx: ToolContext) -> Pending:
    """Build it elsewhere."""
    TASK_TOKENS[ctx.task_id] = ctx.task_token
    return Pending(timedelta(hours=1), "The build runs.")


@tool(effect="stored", risk="low")
async def ask_dave(args: Nothing, ctx: ToolContext) -> Stored:
    """Ask Dave."""
    return Stored("asked", questions=(Ask("dave", "Which colour?", ("red", "blue"), timedelta(hours=1)),))


@asynccontextmanager
async def open_asking(
    folder: Path, script: Script = (), *, tools: Sequence[Tool] = (deploy,), **changes: Any
) -> AsyncIterator[Web]:
    """A web side whose bot knows people; carol and dave may say yes."""
    RAN.clear()
    TASK_TOKENS.clear()
    script = script or [call("deploy", tag="v1"), reply("It is live."), reply("Well then.")]
    async with open_web(folder, script=script, tools=tools, people=PEOPLE, **changes) as web:
        yield web


async def ask(web: Web, *, conversation: str = "c1") -> RequestRow:
    """Ann asks for something that needs somebody; gives the newest request that is open then."""
    before = {row.id for row in await web.bot.store.requests()}
    await web.bot.say("please do it", conversation=conversation)
    await web.bot.settle()
    return next(row for row in await web.bot.store.requests() if row.id not in before)


async def ask_task(web: Web, *, conversation: str = "c1") -> TaskRow:
    """Ann asks for something that goes on outside the turn; gives the newest task."""
    before = {row.task_id for row in await web.bot.store.open_tasks()}
    await web.bot.say("please do it", conversation=conversation)
    await web.bot.settle()
    return next(row for row in await web.bot.store.open_tasks() if row.task_id not in before)


async def decide(web: Web, id_: str, decision: str, *, by: str = "carol", **more: Any) -> httpx.Response:
    headers = {**token_of(by), **more.pop("headers", {})}
    body = {"decision": decision, **more}
    return await web.client.post(f"/api/approvals/{id_}/decision", json=body, headers=headers)


async def over(web: Web, id_: str) -> str:
    """How a request has ended, once it has."""
    async with asyncio.timeout(5):
        while (row := await web.bot.store.request(id_)) is None or row.status == "pending":  # noqa: ASYNC110  # a test looks from outside
            await asyncio.sleep(0.01)
    return row.status
