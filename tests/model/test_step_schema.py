import json
import subprocess
import sys
from datetime import date, datetime
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field

from agents.assistant import assistant
from bot.canonical import canonical
from bot.schema import in_words, plain_schema, schema_limits
from bot.step import parse_step, schema_text, step_schema
from simulators.messages_schema import misfit, refuse


class Place(BaseModel):
    """Somewhere."""

    city: str = Field(pattern="^[A-Z]")
    zip: int | None = None


class Rain(BaseModel):
    kind: Literal["rain"]


class Snow(BaseModel):
    kind: Literal["snow"]
    depth: float = Field(gt=0, le=5)


class Everything(BaseModel):
    name: str = Field("x", max_length=3, min_length=0, description="who")
    number: int = Field(ge=0, lt=10)
    size: Literal["s", "m"] = "m"
    day: date
    at: datetime | None = None
    where: Place
    all: list[Place] = Field(default_factory=list, max_length=3)
    weather: Annotated[Rain | Snow, Field(discriminator="kind")]
    flag: bool = False


def test_the_schema_of_a_step_has_its_fields_in_order_and_every_tool_as_one_variant():
    schema: Any = step_schema(assistant.calls, ["billing"])

    assert list(schema["properties"]) == ["intent", "message", "confidence", "proposed_action"]
    assert schema["required"] == list(schema["properties"])
    assert schema["additionalProperties"] is False
    assert "hand_off" in schema["properties"]["intent"]["enum"]
    variants = schema["properties"]["proposed_action"]["anyOf"]
    assert variants[0] == {"type": "null"}
    assert [each["properties"].get("tool", {}).get("const") for each in variants[1:]] == [
        "current_time",
        "remind",
        "send_message",
        "send_email",
        "schedule_meeting",
        "ask_person",
        "withdraw",
        None,
    ]
    assert "description" not in str(variants)  # what the fields mean stands in the tools' text
    assert variants[-1]["properties"] == {"agent": {"enum": ["billing"]}}


def test_without_tools_and_agents_there_is_nothing_to_propose():
    schema: Any = step_schema({})

    assert schema["properties"]["proposed_action"] == {"type": "null"}
    assert schema["properties"]["intent"]["enum"] == [
        "reply",
        "need_clarification",
        "escalate",
        "task_complete",
    ]


@pytest.mark.parametrize("agents", [(), ("billing", "sales")])
def test_the_assistants_schema_keeps_within_the_limits_of_the_api(agents: tuple[str, ...]):
    schema = step_schema(assistant.calls, agents)

    assert schema_limits(schema) == []
    refuse([("output_config.format.schema", schema)])


def test_a_model_with_everything_in_it_is_written_out_in_full():
    schema = plain_schema(Everything)

    text = json.dumps(schema)
    refuse([("schema", schema)])
    assert schema_limits(schema) == []
    for word in ("$ref", "$defs", "title", "default", 'pattern"', "maximum", "discriminator", "oneOf"):
        assert f'"{word}' not in text
    properties: Any = schema["properties"]
    assert schema["required"] == list(properties)
    assert (
        properties["name"]["description"] == 'who (at least 0 characters, at most 3 characters, usually "x")'
    )
    assert properties["number"]["description"] == "(at least 0, less than 10)"
    assert properties["flag"]["description"] == "(usually false)"
    assert properties["at"]["anyOf"][0] == {"type": "string", "format": "date-time"}
    assert properties["where"]["properties"]["city"]["description"] == '(matching "^[A-Z]")'


def test_what_fits_the_schema_is_a_step():
    args = {"timezone": "Asia/Tokyo"}
    action = {"tool": "current_time", "args": args}
    answer = {"intent": "call_tool", "message": "", "confidence": 1, "proposed_action": action}

    assert misfit(answer, step_schema(assistant.calls)) is None
    assert parse_step(json.dumps(answer), calls=assistant.calls).proposed_action is not None


class Node(BaseModel):
    children: list["Node"]


class Free(BaseModel):
    anything: dict[str, str]


class Pair(BaseModel):
    both: tuple[int, int]


class Untyped(BaseModel):
    value: Any


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (Node, "contains itself"),
        (Free, "Free.anything: a dict of any names"),
        (Pair, "use a model"),
        (Untyped, "Untyped.value: give it a type"),
    ],
)
def test_what_the_api_cannot_express_is_refused_with_the_field(model: type[BaseModel], said: str):
    with pytest.raises(TypeError, match=said):
        plain_schema(model)


def test_the_limits_name_what_is_too_much():
    union = {"anyOf": [{"type": "null"}, {"type": "string"}]}
    wide = {
        "type": "object",
        "properties": {f"f{n}": union for n in range(30)},
        "additionalProperties": False,
    }
    odd = {"type": "object", "properties": {"a": {"type": "string", "maxLength": 3}}, "required": ["a"]}

    assert schema_limits(wide) == [
        "the schema has 30 unions, and the API takes at most 16",
        "the schema has 30 optional fields, and the API takes at most 24",
    ]
    assert schema_limits(odd) == [
        "step: additionalProperties must be false",
        "step.a: maxLength cannot be used",
    ]


def test_types_in_words():
    assert in_words(plain_schema(Place)) == "{city: string, zip: integer or null}"


def test_the_schema_is_the_same_bytes_in_another_process():
    code = """
from agents.assistant import assistant
from bot.step import schema_text
print(schema_text(assistant.calls))
"""

    printed = [
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            text=True,
        ).stdout.strip()
        for seed in ("1", "2")
    ]

    assert printed == [schema_text(assistant.calls)] * 2
    assert canonical(json.loads(printed[0])) == canonical(step_schema(assistant.calls))
