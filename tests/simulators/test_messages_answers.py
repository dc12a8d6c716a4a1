"""The simulated Messages API through the unmodified SDK: answers, streams, counts, models, calls."""

import json

import pytest
from anthropic import BadRequestError, InternalServerError, NotFoundError

from simulators.messages import MessagesSimulator
from simulators.messages_script import Reply
from tests.simulators.messages_kit import MODEL, SCHEMA, STEP, client_of, request, structured


async def test_a_step_comes_back_as_json_that_fits_the_schema():
    async with MessagesSimulator([STEP]) as sim, client_of(sim) as client:
        message = await client.messages.create(**request(output_config=structured()))

    assert json.loads(message.content[0].text) == STEP
    assert (message.model, message.stop_reason) == (MODEL, "end_turn")


async def test_every_call_is_kept_with_its_raw_bytes_in_order():
    async with MessagesSimulator(["one", "two"]) as sim, client_of(sim) as client:
        await client.messages.create(**request("first"))
        await client.messages.create(**request("zweite Ä"))

    texts = [call.json["messages"][0]["content"][0]["text"] for call in sim.requests]
    assert texts == ["first", "zweite Ä"]
    assert [json.loads(call.raw) for call in sim.requests] == [call.json for call in sim.requests]
    assert [call.status for call in sim.requests] == [200, 200]


async def test_a_stream_adds_up_to_the_same_message_as_the_json():
    async with MessagesSimulator([STEP, STEP]) as sim, client_of(sim) as client:
        whole = await client.messages.create(**request(output_config=structured()))
        async with client.messages.stream(**request(output_config=structured())) as stream:
            streamed = await stream.get_final_message()

    assert streamed.content[0].text == whole.content[0].text
    assert (streamed.stop_reason, streamed.usage.output_tokens) == ("end_turn", whole.usage.output_tokens)


async def test_a_stream_has_the_documented_order_of_events():
    async with MessagesSimulator(["x" * 60]) as sim, client_of(sim) as client:
        stream = await client.messages.create(**request(), stream=True)
        kinds = [event.type async for event in stream]

    assert kinds == [
        "message_start",
        "content_block_start",
        *["content_block_delta"] * 3,
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]


async def test_count_tokens_is_the_bytes_of_the_blocks_by_four():
    async with MessagesSimulator() as sim, client_of(sim) as client:
        count = await client.messages.count_tokens(
            model=MODEL, system="s" * 40, messages=[{"role": "user", "content": "u" * 41}]
        )

    assert count.input_tokens == 10 + 11


async def test_models_can_be_listed_and_looked_up_by_the_sdk():
    async with MessagesSimulator() as sim, client_of(sim) as client:
        ids = [model.id async for model in client.models.list(limit=5)]
        model = await client.models.retrieve(MODEL)
        with pytest.raises(NotFoundError):
            await client.models.retrieve("claude-none")

    assert MODEL in ids
    assert len(ids) == len(set(ids)) == 22
    assert model.capabilities is not None
    assert model.capabilities.structured_outputs.supported
    assert (model.lifecycle, model.max_input_tokens) == ("active", 200_000)


async def test_without_a_script_the_demo_brain_answers_under_its_own_name():
    async with MessagesSimulator() as sim, client_of(sim) as client:
        message = await client.messages.create(**request('<message seq="1" from="ann">hello</message>'))

    assert message.model == "demo-brain"
    assert "demo brain" in json.loads(message.content[0].text)["message"]


async def test_a_script_can_be_a_function_of_the_request():
    def echo(request):
        return request["messages"][0]["content"][0]["text"].upper()

    async with MessagesSimulator(echo) as sim, client_of(sim) as client:
        message = await client.messages.create(**request("quiet"))

    assert message.content[0].text == "QUIET"


@pytest.mark.parametrize(
    "stop", ["max_tokens", "refusal", "model_context_window_exceeded", "pause_turn", "made_up"]
)
async def test_a_reply_can_end_for_any_reason_and_then_need_not_fit(stop):
    async with MessagesSimulator([Reply(text='{"int', stop_reason=stop)]) as sim, client_of(sim) as client:
        message = await client.messages.create(**request(output_config=structured()))

    assert message.stop_reason == stop
    assert (message.stop_details is not None) == (stop == "refusal")


async def test_usage_and_the_message_itself_can_be_overridden():
    reply = Reply(text="x", usage={"input_tokens": 7_000_000}, message={"content": None, "stop_reason": None})
    async with MessagesSimulator([reply]) as sim, client_of(sim) as client:
        message = await client.messages.create(**request())

    assert message.usage.input_tokens == 7_000_000
    assert (message.content, message.stop_reason) == (None, None)


async def test_several_blocks_of_any_kind_are_sent_as_they_are():
    content = [
        {"type": "text", "text": "one"},
        {"type": "tool_use", "id": "toolu_1", "name": "pay", "input": {"eur": 5}},
        {"type": "from_the_future", "text": "?"},
    ]
    async with (
        MessagesSimulator([Reply(content=content), Reply(content=content)]) as sim,
        client_of(sim) as client,
    ):
        whole = await client.messages.create(**request())
        async with client.messages.stream(**request()) as stream:
            streamed = await stream.get_final_message()

    assert [block.type for block in whole.content] == ["text", "tool_use", "from_the_future"]
    assert whole.stop_reason == "tool_use"
    assert streamed.content[1].input == {"eur": 5}


async def test_an_answer_longer_than_max_tokens_is_cut_and_says_so():
    async with MessagesSimulator(["Ä" * 1_000]) as sim, client_of(sim) as client:
        message = await client.messages.create(**request(max_tokens=10))

    assert (message.stop_reason, message.content[0].text) == ("max_tokens", "Ä" * 20)


async def test_an_answer_that_no_longer_fits_the_window_is_cut_with_that_reason():
    async with MessagesSimulator(["a" * 400], context_window=100) as sim, client_of(sim) as client:
        message = await client.messages.create(**request("q" * 200))

    assert (message.stop_reason, message.usage.output_tokens) == ("model_context_window_exceeded", 50)


async def test_a_stop_sequence_ends_the_answer():
    async with MessagesSimulator(["before END after"]) as sim, client_of(sim) as client:
        message = await client.messages.create(**request(stop_sequences=["END"]))

    assert (message.stop_reason, message.stop_sequence) == ("stop_sequence", "END")
    assert message.content[0].text == "before "


async def one_failing_call(simulator, error):
    async with simulator as sim, client_of(sim) as client:
        with pytest.raises(error):
            await client.messages.create(**request(output_config=structured()))


async def test_a_script_that_breaks_the_schema_fails_loudly():
    sim = MessagesSimulator([{"intent": "reply", "message": "x"}])

    with pytest.raises(AssertionError, match="confidence is missing"):
        await one_failing_call(sim, InternalServerError)


async def test_a_raw_reply_may_break_the_schema():
    async with MessagesSimulator([Reply(text="prose", raw=True)]) as sim, client_of(sim) as client:
        message = await client.messages.create(**request(output_config=structured()))

    assert message.content[0].text == "prose"


async def test_one_call_more_than_the_script_knows_fails_loudly():
    with pytest.raises(AssertionError, match="no reply left"):
        await one_failing_call(MessagesSimulator([]), BadRequestError)


async def test_without_strict_the_problems_are_only_listed():
    sim = MessagesSimulator([], strict=False)

    await one_failing_call(sim, BadRequestError)

    assert len(sim.problems) == 1


def test_the_schema_of_these_tests_is_the_shape_of_a_step():
    assert set(SCHEMA["properties"]) == set(STEP)


@pytest.mark.parametrize("reply", [7, None, {"steps": {}}, {"fault": {"kind": "nonsense"}}])
def test_a_reply_that_makes_no_sense_is_refused_when_it_is_scripted(reply):
    with pytest.raises((TypeError, ValueError)):
        MessagesSimulator([reply])
