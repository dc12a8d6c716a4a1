from datetime import timedelta

import pytest
from pydantic import BaseModel, Field

from bot.tools import Agent, Tool, ToolContext, tool, tools_text


class Args(BaseModel):
    place: str = Field(description="a city", max_length=20)
    days: int = 1


class Free(BaseModel):
    anything: dict[str, str]


@tool(effect="read", timeout=timedelta(seconds=5))
async def weather(args: Args, ctx: ToolContext) -> str:
    """The weather
    in a place.

    Only this paragraph is for people who read the code.
    """
    return f"sunny in {args.place}"


def test_a_function_becomes_a_tool():
    assert weather == Tool(
        name="weather",
        description="The weather in a place.",
        args=Args,
        run=weather.run,
        effect="read",
        then="continue",
        timeout=timedelta(seconds=5),
    )


async def not_a_model(args: str, ctx: ToolContext) -> str:
    """Says something."""
    return args


async def no_context(args: Args) -> str:
    """Says something."""
    return args.place


async def one_more(args: Args, ctx: ToolContext, more: int = 0) -> str:
    """Says something."""
    return args.place


async def no_types(args, ctx):
    """Says something."""
    return args.place


async def says_nothing(args: Args, ctx: ToolContext) -> str:
    return args.place


async def Shouts(args: Args, ctx: ToolContext) -> str:
    """Says something."""
    return args.place


async def free_dict(args: Free, ctx: ToolContext) -> str:
    """Says something."""
    return ""


async def unknown_type(args: "Nothing", ctx: ToolContext) -> str:  # type: ignore[name-defined]  # noqa: F821
    """Says something."""
    return ""


def blocks(args: Args, ctx: ToolContext) -> str:
    """Says something."""
    return args.place


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (not_a_model, "the tool not_a_model: write it as .* where Args is a pydantic model"),
        (no_context, "exactly these two parameters"),
        (one_more, "exactly these two parameters"),
        (no_types, "exactly these two parameters"),
        (unknown_type, "write it as .* 'Nothing' is not defined"),
        (says_nothing, "its docstring is what the model reads"),
        (Shouts, "a name is a-z first"),
        (free_dict, "Free.anything: a dict of any names can only come back empty"),
        (blocks, "the tool blocks: write it as `async def`"),
    ],
)
def test_a_function_of_another_shape_is_refused_where_it_is_defined(function, said: str):
    with pytest.raises(TypeError, match=said):
        tool(effect="read")(function)


def test_an_address_that_is_no_argument_is_refused():
    async def writes(args: Args, ctx: ToolContext) -> str:
        """Writes to somebody."""
        return args.place

    with pytest.raises(TypeError, match="the tool writes: address='to' is none of its arguments"):
        tool(effect="stored", address="to")(writes)


def test_an_unknown_effect_is_refused():
    with pytest.raises(TypeError, match="effect is one of read, idempotent, unsafe, stored"):
        tool(effect="harmless")  # type: ignore[arg-type]  # wrong on purpose


def test_the_tools_as_the_model_reads_them():
    assert tools_text((weather,)) == (
        "<tools>\n"
        "weather (only looks): The weather in a place.\n"
        "- place, string: a city (at most 20 characters)\n"
        "- days, integer: (usually 1)\n"
        "</tools>"
    )
    assert tools_text(()) == "<tools>\nnone\n</tools>"


@pytest.mark.parametrize("steps", [2, 11])
def test_an_agent_takes_three_to_ten_steps(steps: int):
    with pytest.raises(ValueError, match=f"max_steps is {steps}, allowed is 3 to 10"):
        Agent("a", "an agent", "a", max_steps=steps)


def test_an_agent_has_each_tool_once():
    with pytest.raises(ValueError, match="two tools called weather"):
        Agent("a", "an agent", "a", tools=(weather, weather))


def test_what_an_agent_may_call():
    assert Agent("a", "an agent", "a", tools=(weather,)).calls == {"weather": Args}
