"""What the simulated Messages API refuses: headers, fields, blocks and sizes, as the real one does."""

import json
from typing import Any

import anthropic
import httpx2
import pytest
from anthropic import AsyncAnthropic

from simulators.messages import MessagesSimulator
from simulators.messages_checks import parse
from simulators.messages_faults import ApiError
from tests.simulators.messages_kit import MODEL, client_of, obj, request, structured

USER = {"role": "user", "content": "hi"}
MARK = {"type": "ephemeral"}


def text(words: str = "words", **more):
    return {"type": "text", "text": words, **more}


def user(*blocks):
    return [{"role": "user", "content": list(blocks)}]


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no messages": ({"messages": []}, "at least one message"),
    "messages missing": ({"messages": None}, "messages: "),
    "an unknown role": ({"messages": [{"role": "robot", "content": "x"}]}, "messages.0.role"),
    "no content": ({"messages": [{"role": "user", "content": ""}]}, "non-empty content"),
    "an empty text block": ({"messages": user(text(""))}, "text content blocks must be non-empty"),
    "a blank text block": ({"messages": user(text(" \n"))}, "non-whitespace"),
    "an empty system block": ({"system": [text("")]}, "system: text content blocks must be non-empty"),
    "an unknown block": ({"messages": user({"type": "poem"})}, "does not match any of the expected tags"),
    "an unknown field of a block": ({"messages": user(text(tone="kind"))}, "messages.0.content.0.text.tone"),
    "an unknown field of a message": ({"messages": [{**USER, "id": 1}]}, "messages.0.id: Extra inputs"),
    "a prefill": ({"messages": [USER, {"role": "assistant", "content": "{"}]}, "prefill"),
    "an assistant first": ({"messages": [{"role": "assistant", "content": "x"}, USER]}, "first message"),
    "a negative max_tokens": ({"max_tokens": -1}, "max_tokens"),
    "too large a max_tokens": ({"max_tokens": 64_001}, "maximum allowed number of output tokens"),
    "a text max_tokens": ({"max_tokens": "9"}, "max_tokens: Input should be a valid integer"),
    "a temperature": ({"extra_body": {"temperature": 0}}, "temperature"),
    "a top_p": ({"extra_body": {"top_p": 1}}, "top_p"),
    "a top_k": ({"extra_body": {"top_k": 1}}, "top_k"),
    "an unknown field": ({"extra_body": {"answer_nicely": True}}, "answer_nicely: Extra inputs"),
    "five breakpoints": ({"messages": user(*[text(cache_control=MARK)] * 5)}, "Found 5"),
    "four and the automatic one": (
        {"messages": user(*[text(cache_control=MARK)] * 4), "cache_control": MARK},
        "Found 5",
    ),
    "an odd ttl": ({"messages": user(text(cache_control={**MARK, "ttl": "2h"}))}, "'5m' or '1h'"),
    "an odd cache type": ({"messages": user(text(cache_control={"type": "for ever"}))}, "'ephemeral'"),
    "an hour after five minutes": (
        {
            "system": [text(cache_control=MARK)],
            "messages": user(text(cache_control={**MARK, "ttl": "1h"})),
        },
        "must not come after",
    ),
    "a tool_use without its result": (
        {
            "messages": [
                USER,
                {
                    "role": "assistant",
                    "content": [{"type": "tool_use", "id": "t1", "name": "n", "input": {}}],
                },
                USER,
            ]
        },
        "without `tool_result` blocks",
    ),
    "a result without its tool_use": (
        {"messages": user({"type": "tool_result", "tool_use_id": "t9"})},
        "unexpected `tool_use_id`",
    ),
    "two tools of one name": (
        {"tools": [{"name": "a", "input_schema": {"type": "object"}}] * 2},
        "names must be unique",
    ),
    "an odd effort": ({"output_config": {"effort": "heroic"}}, "output_config.effort"),
    "an odd format": ({"output_config": {"format": {"type": "xml"}}}, "output_config.format"),
}


@pytest.mark.parametrize("what", REFUSED)
async def test_a_bad_request_is_refused_with_the_reason(what):
    change, reason = REFUSED[what]
    async with MessagesSimulator(["never"]) as sim, client_of(sim) as client:
        with pytest.raises(anthropic.BadRequestError) as caught:
            await client.messages.create(**{**request(), **change})

    assert caught.value.type == "invalid_request_error"
    assert reason in caught.value.message
    assert sim.script.left == 1


@pytest.mark.parametrize("key", ["", "invalid", "invalid-key"])
@pytest.mark.parametrize("header", ["x-api-key", "authorization"])
async def test_an_empty_or_invalid_key_is_a_401(key, header):
    headers = {
        header: f"Bearer {key}".strip() if header == "authorization" else key,
        "anthropic-version": "2023-06-01",
    }
    async with MessagesSimulator() as sim, httpx2.AsyncClient() as http:
        response = await http.post(f"{sim.base_url}/v1/messages", headers=headers, json=request())

    assert response.status_code == 401
    assert response.json()["error"]["type"] == "authentication_error"
    assert response.json()["request_id"] == response.headers["request-id"]


async def test_a_request_without_any_key_is_a_401_for_every_endpoint():
    async with MessagesSimulator() as sim, httpx2.AsyncClient(base_url=sim.base_url) as http:
        answers = [
            await http.post("/v1/messages", json=request()),
            await http.post("/v1/messages/count_tokens", json=request()),
            await http.get("/v1/models"),
            await http.get(f"/v1/models/{MODEL}"),
        ]

    assert [answer.status_code for answer in answers] == [401] * 4


@pytest.mark.parametrize("version", [None, "tomorrow"])
async def test_a_missing_or_unknown_version_is_a_400(version):
    headers = {"x-api-key": "sk", **({"anthropic-version": version} if version else {})}
    async with MessagesSimulator() as sim, httpx2.AsyncClient() as http:
        response = await http.post(f"{sim.base_url}/v1/messages", headers=headers, json=request())

    assert response.status_code == 400
    assert "anthropic-version" in response.json()["error"]["message"]


@pytest.mark.filterwarnings("ignore:The model:DeprecationWarning")  # by the SDK, for the retired one
@pytest.mark.parametrize("model", ["claude-none", "claude-mythos-preview"])
async def test_an_unknown_or_retired_model_is_a_404(model):
    async with MessagesSimulator() as sim, client_of(sim) as client:
        with pytest.raises(anthropic.NotFoundError, match=model):
            await client.messages.create(**request(model=model))


async def test_max_tokens_is_required():
    async with MessagesSimulator() as sim, client_of(sim) as client:
        body = {name: value for name, value in request().items() if name != "max_tokens"}
        with pytest.raises(anthropic.BadRequestError, match="max_tokens: Field required"):
            await client.post("/v1/messages", body=body, cast_to=object)


async def test_counting_refuses_what_belongs_to_creating():
    async with MessagesSimulator() as sim, client_of(sim) as client:
        with pytest.raises(anthropic.BadRequestError, match="max_tokens: Extra inputs"):
            await client.messages.count_tokens(model=MODEL, messages=[USER], extra_body={"max_tokens": 5})


async def test_a_prompt_longer_than_the_window_is_refused_with_both_numbers():
    async with MessagesSimulator(["fits"]) as sim, client_of(sim) as client:
        await client.messages.create(**request("x" * 799_000))
        with pytest.raises(anthropic.BadRequestError) as caught:
            await client.messages.create(**request("x" * 800_004))

    assert "prompt is too long: 200001 tokens > 200000 maximum" in caught.value.message


async def test_a_body_over_32_megabytes_is_a_413():
    async with MessagesSimulator() as sim, client_of(sim) as client:
        with pytest.raises(anthropic.RequestTooLargeError):
            await client.messages.create(**request("x" * (33 * 1024 * 1024)))


async def test_a_conversation_with_tools_in_pairs_is_accepted():
    messages = [
        USER,
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "n", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "done"}]},
    ]
    async with MessagesSimulator(["good"]) as sim, client_of(sim) as client:
        message = await client.messages.create(**request(messages=messages))

    assert message.content[0].text == "good"


@pytest.mark.parametrize(
    "raw",
    [b"", b"[]", b"{", b'{"a": NaN}', b'{"a": "\xff"}', b'{"a": "\\ud800"}', b"[" * 100_000, b'"x"'],
)
def test_a_body_that_is_not_a_json_object_is_a_400(raw):
    with pytest.raises(ApiError) as caught:
        parse(raw)

    assert caught.value.status == 400


async def test_a_schema_that_the_api_refuses_never_reaches_the_script():
    schema = obj(confidence={"type": "number", "minimum": 0})
    async with MessagesSimulator(["never"]) as sim, client_of(sim) as client:
        with pytest.raises(anthropic.BadRequestError) as caught:
            await client.messages.create(**request(output_config=structured(schema)))

    expected = "output_config.format.schema: For 'number' type, properties minimum are not supported"
    assert expected in caught.value.message


async def test_the_key_may_come_in_either_header():
    async with MessagesSimulator(lambda _: "yes") as sim:
        async with AsyncAnthropic(base_url=sim.base_url, api_key="sk", max_retries=0) as client:
            await client.messages.create(**request())
        headers = {"x-api-key": "sk", "anthropic-version": "2023-06-01"}
        async with httpx2.AsyncClient(headers=headers) as http:
            response = await http.post(f"{sim.base_url}/v1/messages", content=json.dumps(request()))

    assert response.json()["content"][0]["text"] == "yes"
