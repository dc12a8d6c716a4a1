"""The numbers of the prompt cache, as the usage of real calls shows them."""

from datetime import UTC, datetime, timedelta

import pytest
from anthropic import OverloadedError

from simulators.messages import MessagesSimulator
from tests.simulators.messages_kit import MODEL, client_of, request

FIVE = {"type": "ephemeral"}
HOUR = {"type": "ephemeral", "ttl": "1h"}
PROMPT = "p" * 4_096  # 1,024 tokens: just long enough to be cached


class Clock:
    def __init__(self):
        self.time = datetime(2026, 11, 23, 9, tzinfo=UTC)

    def __call__(self):
        return self.time

    def pass_by(self, **span):
        self.time += timedelta(**span)


def text(words, mark=None):
    return {"type": "text", "text": words, **({"cache_control": mark} if mark else {})}


def thread(*blocks, system_mark=HOUR, **more):
    return {
        "model": MODEL,
        "max_tokens": 100,
        "system": [text(PROMPT, system_mark)],
        "messages": [{"role": "user", "content": list(blocks)}],
        **more,
    }


async def usages(*requests, clock=None, between=None):
    """Send the requests one after the other; give (fresh, written, read) of each."""
    clock = clock or Clock()
    found = []
    async with MessagesSimulator(lambda _: "ok", now=clock) as sim, client_of(sim) as client:
        for each in requests:
            usage = (await client.messages.create(**each)).usage
            found.append(
                (usage.input_tokens, usage.cache_creation_input_tokens, usage.cache_read_input_tokens)
            )
            clock.pass_by(**(between or {}))
    return found


async def test_a_prefix_is_written_once_and_read_afterwards():
    one = thread(text("a" * 400, FIVE), text("now: 10:00"))
    two = thread(text("a" * 400), text("b" * 400, FIVE), text("now: 10:01"))

    assert await usages(one, two) == [(3, 1_124, 0), (3, 100, 1_124)]


async def test_what_was_not_marked_is_never_read():
    plain = thread(text("hello"), system_mark=None)

    assert await usages(plain, plain) == [(1_026, 0, 0)] * 2


async def test_a_changed_byte_voids_everything_after_it():
    one = thread(text("a" * 400), text("b" * 400, FIVE))
    two = thread(text("A" + "a" * 399), text("b" * 400, FIVE))

    assert await usages(one, two) == [(0, 1_224, 0), (0, 200, 1_024)]


async def test_a_clock_at_the_head_of_the_prompt_reads_nothing_ever():
    requests = [
        {**thread(text("hi", FIVE)), "system": [text(f"now {n}"), text(PROMPT, HOUR)]} for n in range(3)
    ]

    assert [read for _, _, read in await usages(*requests)] == [0, 0, 0]


async def test_a_prefix_shorter_than_the_minimum_is_not_cached():
    short = request("x" * 4_000)
    short["messages"][0]["content"][0]["cache_control"] = FIVE

    assert await usages(short, short) == [(1_000, 0, 0)] * 2


async def test_five_minutes_count_from_the_last_use():
    each = thread(text("hi", FIVE), system_mark=None)
    clock = Clock()

    assert [read for *_, read in await usages(*[each] * 4, clock=clock, between={"minutes": 4})] == [
        0,
        1_025,
        1_025,
        1_025,
    ]
    assert [read for *_, read in await usages(*[each] * 2, between={"minutes": 5})] == [0, 0]


async def test_an_hour_outlives_five_minutes():
    each = thread(text("a" * 400, FIVE))

    assert await usages(each, each, between={"minutes": 30}) == [(0, 1_124, 0), (0, 100, 1_024)]


async def test_written_tokens_are_told_apart_by_their_ttl():
    async with MessagesSimulator(lambda _: "ok") as sim, client_of(sim) as client:
        usage = (await client.messages.create(**thread(text("a" * 400, FIVE)))).usage

    assert usage.cache_creation is not None
    assert usage.cache_creation.ephemeral_1h_input_tokens == 1_024
    assert usage.cache_creation.ephemeral_5m_input_tokens == 100


async def test_a_breakpoint_looks_back_twenty_blocks_and_no_further():
    def grown(added):
        blocks = [text("first", FIVE), *[text(f"block {n}") for n in range(added)]]
        blocks[0] = text("first", FIVE if added == 0 else None)
        blocks[-1] = text(blocks[-1]["text"], FIVE)
        return thread(*blocks, system_mark=None)

    reads = [(await usages(grown(0), grown(added)))[1][2] for added in (19, 20)]

    assert reads == [1_026, 0]


async def test_another_model_or_another_schema_shares_no_cache():
    each = thread(text("hi", FIVE))
    schema = {"type": "object", "properties": {}, "additionalProperties": False}
    other_model = {**each, "model": "claude-haiku-5-5"}
    async with MessagesSimulator(lambda _: {"step": {}}) as sim, client_of(sim) as client:
        reads = []
        for one in (
            each,
            other_model,
            {**each, "output_config": {"format": {"type": "json_schema", "schema": schema}}},
        ):
            reads.append((await client.messages.create(**one)).usage.cache_read_input_tokens)

    assert reads == [0, 0, 0]


async def test_the_automatic_breakpoint_is_the_last_block():
    each = thread(text("a" * 400), system_mark=None, cache_control=FIVE)

    assert await usages(each, each) == [(0, 1_124, 0), (0, 0, 1_124)]


async def test_a_call_that_fails_writes_nothing():
    each = thread(text("hi", FIVE))
    async with MessagesSimulator(lambda _: "ok") as sim, client_of(sim) as client:
        sim.faults.add("overloaded")
        with pytest.raises(OverloadedError):
            await client.messages.create(**each)
        usage = (await client.messages.create(**each)).usage

    assert usage.cache_read_input_tokens == 0


async def test_diagnostics_say_where_the_prefix_was_left():
    first = thread(text("a" * 400, FIVE), text("now 1"))
    async with MessagesSimulator(lambda _: "ok") as sim, client_of(sim) as client:
        before = await client.messages.create(**first)

        async def reason(**change):
            asked = {"diagnostics": {"previous_message_id": before.id}, **first, **change}
            found = (await client.messages.create(**asked)).diagnostics
            return found.cache_miss_reason.type if found and found.cache_miss_reason else None

        tail = thread(text("a" * 400), text("b", FIVE), text("now 2"))
        assert await reason(messages=tail["messages"]) is None
        assert await reason(system=[text("other")]) == "system_changed"
        assert await reason(model="claude-haiku-5-5") == "model_changed"
        assert await reason(messages=thread(text("c"))["messages"]) == "messages_changed"
        assert await reason(diagnostics={"previous_message_id": "msg_x"}) == "previous_message_not_found"
