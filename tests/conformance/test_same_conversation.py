"""The same conversation on every channel: the same events but for where they happened, and the same prompts."""

import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, Field

from bot.events import Event, ModelAnswered, outgoing_of
from bot.testing import Known, call, reply
from bot.tools import Tool, ToolContext
from tests.conformance.discord_venue import over_gateway
from tests.conformance.email_venue import over_imap
from tests.conformance.slack_venue import by_http, by_socket
from tests.conformance.sms_venue import by_polling, by_webhook
from tests.conformance.stage import OpenVenue, RealClock, open_stage
from tests.web.kit import open_web

VENUES: Mapping[str, tuple[str, OpenVenue]] = {
    "slack": ("slack", by_socket),
    "slack by http": ("slack", by_http),
    "discord": ("discord", over_gateway),
    "sms": ("sms", by_webhook),
    "sms by polling": ("sms", by_polling),
    "email": ("email", over_imap),
}
SAID = ("hello", "what does tea cost?", "thank you")
OF_THE_CHANNEL = frozenset(
    {
        "place", "channel", "address", "display", "reply_to", "channel_ref", "raw", "account", "conversation",
        "destination", "provider_id", "outbox_id", "thread_id", "request_hash", "direct", "link", "call_id", "proof",
        "now", "request", "outgoing", "key", "duration_ms",
    }
)  # fmt: skip
"""Where something happened, and what follows from it."""


SEQS = frozenset({"input", "version", "of"})
SEQ = re.compile(r'seq=\\"(\d+)\\"')


class Goods(BaseModel):
    """What something costs."""

    goods: str = Field(description="its name")


async def _price(args: BaseModel, _context: ToolContext) -> str:
    assert isinstance(args, Goods)
    return f"{args.goods}: 3 coins"


def _tool() -> Tool:
    return Tool("price", "what something costs", Goods, _price, "read")


def _think(request: Mapping[str, Any]) -> ModelAnswered:
    """Looks up what tea costs, then says it; has something to say to everything else."""
    (message,) = request["messages"]
    texts = [block["text"] for block in message["content"]]
    last = next(text for text in reversed(texts) if text.startswith(("<message", "<tool_result")))
    if "what does tea cost?" in last:
        return call("price", goods="tea")
    return reply("Tea costs 3 coins." if last.startswith("<tool_result") else "At your service.")


@asynccontextmanager
async def _over(name: str, folder: Path) -> AsyncIterator[tuple[list[Event], list[Mapping[str, Any]]]]:
    channel, open_venue = VENUES[name]
    async with open_stage(open_venue, channel, folder, tools=(_tool(),)) as stage:
        stage.answer = _think
        last = ""
        for number, text in enumerate(SAID, start=1):
            await stage.venue.say("ann", text, reply_to=last)
            last = (await stage.answered(number))[-1].id
        await stage.until(lambda: stage.bot.outbox.state().sending == 0)
        yield await stage.events(), stage.bot.model.requests


@asynccontextmanager
async def _over_api(folder: Path) -> AsyncIterator[tuple[list[Event], list[Mapping[str, Any]]]]:
    async with open_web(
        folder, script=_think, tools=(_tool(),), people=(Known("ann", {"api": "ann"}),), clock=RealClock()
    ) as web:
        web.client.headers["authorization"] = "Bearer saywhen_ann"
        for text in SAID:
            answer = await web.say(text, wait=30)
            assert answer.status_code == 200, answer.text
        (row,) = await web.bot.store.threads()
        yield list(await web.bot.store.events(row.thread_id)), web.bot.model.requests


def without_channel(value: Any) -> Any:
    """The same without what says where it happened."""
    if isinstance(value, dict):
        return {key: without_channel(each) for key, each in value.items() if key not in OF_THE_CHANNEL}
    return [without_channel(each) for each in value] if isinstance(value, list) else value


def told(events: list[Event]) -> list[tuple[str, Any]]:
    """What happened, but for the sending of answers, which providers tell more or less about."""
    kept = [event for event in events if event.data.type != "delivery.reported"]
    numbers = {event.seq: number for number, event in enumerate(kept)}
    found = []
    for event in kept:
        data = without_channel(event.data.model_dump(mode="json"))
        found.append(
            (
                event.data.type,
                {key: numbers[value] if key in SEQS else value for key, value in data.items()},
            )
        )
    return found


def asked(requests: list[Mapping[str, Any]]) -> list[str]:
    """The requests as they were, but for the time, the name of the channel, and how events are counted."""
    found = []
    for request in requests:
        text = re.sub(r'now: [^\\]*|channel: \w+| at=\\"[^"]*"', "", json.dumps(request, sort_keys=True))
        numbers = {seq: str(number) for number, seq in enumerate(sorted(map(int, set(SEQ.findall(text)))))}
        found.append(SEQ.sub(lambda seq: f'seq=\\"{numbers[int(seq[1])]}\\"', text))  # noqa: B023 - used at once
    return found


@pytest.mark.parametrize("name", VENUES)
async def test_events_and_prompts_are_those_of_the_api(name: str, tmp_path: Path):
    for each in ("here", "api"):
        (tmp_path / each).mkdir()
    async with _over(name, tmp_path / "here") as (events, requests):
        here, prompts = told(events), asked(requests)
        sent = [message.text for event in events for message in outgoing_of(event.data)]
    async with _over_api(tmp_path / "api") as (events, requests):
        there, expected = told(events), asked(requests)

    assert [kind for kind, _ in here] == [kind for kind, _ in there]
    assert here == there
    assert sent == ["At your service.", "Tea costs 3 coins.", "At your service."]
    assert len(prompts) == len(SAID) + 1
    assert prompts == expected


def test_it_would_be_noticed_if_a_channel_told_something_else():
    data = {"place": "slack:1", "sender": {"channel": "slack", "unproven": ""}, "person": "ann"}

    assert without_channel(data) == {"sender": {"unproven": ""}, "person": "ann"}
    assert without_channel({**data, "person": None}) != without_channel(data)
