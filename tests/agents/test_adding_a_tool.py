"""docs/adding-a-tool.md: its code runs, and what it says is so."""

import json
import re
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType

import pytest

from bot.events import ToolFinished
from bot.prompts import load_prompts
from bot.schema import schema_limits
from bot.step import parse_step, step_schema
from bot.tool_runner import run_tool
from bot.tools import Agent, Tool, ToolContext, tools_text

PAGE = Path(__file__).parents[2] / "docs" / "adding-a-tool.md"
CONTEXT = ToolContext("t1:c1", datetime(2026, 11, 23, tzinfo=UTC), "UTC", "ann", "t1", "ann", "c1")


def blocks(language: str) -> list[str]:
    return re.findall(
        rf"^```{language}\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )


@pytest.fixture(scope="module")
def example() -> ModuleType:
    """The page's agent as a module."""
    module = ModuleType("stock_example")
    sys.modules["stock_example"] = module
    exec(compile(blocks("python")[0], str(PAGE), "exec"), vars(module))
    return module


def agent_of(example: ModuleType) -> Agent:
    agent = example.stock
    assert isinstance(agent, Agent)
    return agent


async def run(tool: Tool, **args: str | int) -> ToolFinished:
    (draft,) = await run_tool(
        tool, args, CONTEXT, timeout=timedelta(seconds=1), clip=4_000, clean=str, monotonic=time.monotonic
    )
    assert isinstance(draft.data, ToolFinished)
    return draft.data


def test_the_agent_of_the_page_can_be_asked_and_its_calls_are_read(example: ModuleType):
    agent = agent_of(example)
    action = {"tool": "order_more", "args": {"article": "ink", "count": 3}}
    answer = {"intent": "call_tool", "message": "", "confidence": 1, "proposed_action": action}

    step = parse_step(json.dumps(answer), calls=agent.calls)

    assert schema_limits(step_schema(agent.calls)) == []
    assert step.proposed_action is not None
    assert step.proposed_action.args == {"article": "ink", "count": 3}
    assert "- count, integer: (at least 1, at most 100)" in tools_text(agent.tools)


async def test_its_tools_run(example: ModuleType):
    in_stock, order_more = agent_of(example).tools

    looked = await run(in_stock, article="paper")
    refused = await run(in_stock, article="milk")
    ordered = await run(order_more, article="ink", count=3)

    assert (looked.status, looked.result) == ("ok", '{"paper":12}')
    assert (refused.status, refused.retryable) == ("failed", True)
    assert refused.result == "there is no article 'milk'; there are paper, ink"
    assert (ordered.result, ordered.then) == ("Ordered: 3 x ink, order number t1:c1.", "finish")


def test_its_prompt_is_accepted(example: ModuleType, tmp_path: Path):
    (tmp_path / "stock.md").write_text(blocks("markdown")[0], encoding="utf-8")

    prompts = load_prompts([tmp_path], agents=[agent_of(example)])

    assert (
        prompts["stock"].render(agent_name="Stocky").startswith("You are Stocky. You look after the shelf.")
    )


def test_its_test_passes(example: ModuleType):
    exec(compile(blocks("python")[1], str(PAGE), "exec"), dict(vars(example)))


@pytest.mark.parametrize("word", ["read", "idempotent", "unsafe", "stored", "finish", "retryable=False"])
def test_every_word_of_the_tool_kit_is_explained(word: str):
    assert f"`{word}" in PAGE.read_text(encoding="utf-8")
