"""A Messages API that knows one scene: it calls the tool, then answers, after so many milliseconds each.

`python -m bench.model_api` says its port, then obeys {"delay": SECONDS}.
"""

import asyncio
import json
import sys
from typing import Any

from aiohttp import web

from bench.scene import TIME_ANSWER, TIME_TOOL, ZONE
from bench.talking import obey, say

USAGE = {
    "input_tokens": 900,
    "output_tokens": 40,
    "cache_creation_input_tokens": 0,
    "cache_read_input_tokens": 0,
}


class Scene:
    def __init__(self) -> None:
        self.delay = 0.0
        self.calls = 0

    async def messages(self, request: web.Request) -> web.Response:
        body = json.loads(await request.read())
        self.calls += 1
        if self.delay:
            await asyncio.sleep(self.delay)
        content = _step(body) if "output_config" in body else _plain(body)
        stop = "tool_use" if content["type"] == "tool_use" else "end_turn"
        answer = {
            "id": f"msg_{self.calls}", "type": "message", "role": "assistant", "model": body["model"],
            "content": [content], "stop_reason": stop, "stop_sequence": None, "usage": USAGE,
        }  # fmt: skip
        return web.json_response(answer)


def _step(body: dict[str, Any]) -> dict[str, Any]:
    """For our bot: a step as JSON text."""
    last = body["messages"][-1]["content"][-2]["text"]
    step: dict[str, Any]
    if last.startswith("<tool_result"):
        step = {"intent": "reply", "message": _answer(body), "confidence": 0.9, "proposed_action": None}
    else:
        action = {"tool": TIME_TOOL, "args": {"timezone": ZONE}}
        step = {"intent": "call_tool", "message": "", "confidence": 0.9, "proposed_action": action}
    return {"type": "text", "text": json.dumps(step)}


def _plain(body: dict[str, Any]) -> dict[str, Any]:
    """For a bot that uses the API's own tools."""
    last = body["messages"][-1]["content"]
    if isinstance(last, list) and any(block.get("type") == "tool_result" for block in last):
        return {"type": "text", "text": _answer(body)}
    return {
        "type": "tool_use",
        "id": f"toolu_{len(body['messages'])}",
        "name": TIME_TOOL,
        "input": {"timezone": ZONE},
    }


def _answer(body: dict[str, Any]) -> str:
    return TIME_ANSWER.format(number=len(body["messages"]))


async def main() -> None:
    scene = Scene()
    app = web.Application(client_max_size=1 << 26)
    app.router.add_post("/v1/messages", scene.messages)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    say({"port": runner.addresses[0][1]})

    async def order(said: dict[str, Any]) -> dict[str, Any]:
        scene.delay = float(said["delay"])
        return {"calls": scene.calls}

    await obey(order)
    await runner.cleanup()


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
