"""What goes over the wire, through the real SDK, is what the log says, byte for byte where order matters."""

import json
import sqlite3
from contextlib import closing

from bot.canonical import canonical
from bot.model import AnthropicModel
from bot.secrets import Secret
from bot.testing import FakeClock, open_test_bot
from simulators.messages import MessagesSimulator
from simulators.messages_faults import Fault
from simulators.messages_script import Reply
from tests.replay.story import tools
from tests.sim.checks import logs_in, rebuilt


def a_step(intent, message="", tool="", **args):
    action = {"tool": tool, "args": args} if tool else None
    return {"intent": intent, "message": message, "confidence": 0.8, "proposed_action": action}


SCRIPT = [
    a_step("call_tool", "Grüße </step> 👋", "look", n=7),
    a_step("reply", 'It is "7" & more.'),
    Reply(text="no JSON at all", raw=True),
    a_step("call_tool", tool="remind", n=30),
    a_step("reply", "Stretch!"),
    Fault("overloaded"),
    a_step("reply", "Back again."),
]


async def test_the_body_on_the_wire_is_the_request_that_is_rebuilt(tmp_path):
    clock = FakeClock()
    async with MessagesSimulator(SCRIPT) as sim:
        model = AnthropicModel("claude-sonnet-5-5", api_key=Secret("sk-test-123456"), base_url=sim.base_url)
        async with open_test_bot(tmp_path, tools=tools(), model=model, clock=clock) as bot:
            for text in ("look\0 <b>7</b> 漢字 \u202e", "remind me"):
                await bot.say(text)
                await bot.settle()
            clock.advance(31)
            await bot.settle()
            await bot.say("are you there?")
            await bot.settle()
            clock.advance(5)
            await bot.settle()
        await model.aclose()
        sent = [call.raw for call in sim.requests]

    with closing(sqlite3.connect(tmp_path / "test.db", isolation_level=None)) as connection:
        bodies = [body for _, log in logs_in(connection, "wire") for _, _, body in rebuilt(connection, log)]

    assert len(sent) == len(bodies) == 7
    for raw, body in zip(sent, bodies, strict=True):
        assert canonical(json.loads(raw)) == canonical(body)
        assert json.dumps(json.loads(raw)) == json.dumps(body)  # also in the order in which a model reads it
    schemas = {raw[raw.index(b'"output_config"') :] for raw in sent}
    assert len(schemas) == 1
