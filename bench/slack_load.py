"""A Slack with a crowd in it: the Web API a bot needs, one socket, and people who write and wait for the reply.

`python -m bench.slack_load` says its port, then obeys {"at_once": N, "messages": N}: so many people at once, each
mentions the bot, waits for the reply in the thread and goes on, five messages a thread. {"fire": N} sends N mentions
without waiting for replies and reports how long each took to be acknowledged.
"""

import asyncio
import json
import sys
import time
from typing import Any

from aiohttp import WSMsgType, web

from bench.scene import TIME_QUESTION, TURNS
from bench.talking import obey, say

TEAM, BOT, APP, CHANNEL = "T0BENCH", "U0BOT", "A0BENCH", "C0BENCH"
PATIENCE = 120.0

Json = dict[str, Any]


class Crowd:
    def __init__(self) -> None:
        self._socket: web.WebSocketResponse | None = None
        self.connected = asyncio.Event()
        self._replies: dict[str, asyncio.Future[None]] = {}
        self._acks: dict[str, asyncio.Future[None]] = {}
        self._number = 0
        self.posts = 0
        self.unexpected = 0
        self.statuses = 0

    # ------------------------------------------------------------ Slack

    async def api(self, request: web.Request) -> web.Response:
        method = request.match_info["method"]
        match method:
            case "auth.test":
                return _ok(
                    team_id=TEAM,
                    team="bench",
                    user_id=BOT,
                    user="bot",
                    bot_id="B0BOT",
                    url="https://bench.example/",
                )
            case "apps.connections.open":
                return _ok(url=f"ws://{request.host}/link")
            case "chat.postMessage":
                return self._posted(await _arguments(request))
            case "conversations.replies" | "conversations.history":
                return _ok(messages=[], has_more=False)
            case _:
                self.statuses += method == "assistant.threads.setStatus"
                return _ok()

    def _posted(self, arguments: Json) -> web.Response:
        self.posts += 1
        waiter = self._replies.pop(str(arguments.get("thread_ts")), None)
        if waiter is None:
            self.unexpected += 1
        elif not waiter.done():
            waiter.set_result(None)
        return _ok(channel=CHANNEL, ts=self._ts(), message={"text": arguments.get("text")})

    async def link(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_json({"type": "hello", "num_connections": 1, "connection_info": {"app_id": APP}})
        self._socket = socket
        self.connected.set()
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                ack = self._acks.pop(json.loads(message.data).get("envelope_id", ""), None)
                if ack is not None and not ack.done():
                    ack.set_result(None)
        if self._socket is socket:
            self.connected.clear()
        return socket

    # ------------------------------------------------------------ people

    async def converse(self, at_once: int, messages: int) -> Json:
        """People write and wait; how long all of it took, and each message."""
        times: list[float] = []
        began = time.monotonic()

        async def person(number: int) -> None:
            root = ""
            for turn in range(messages // at_once):
                if turn % TURNS == 0:
                    root = self._ts()
                started = time.monotonic()
                await self._ask(root, first=turn % TURNS == 0)
                times.append(time.monotonic() - started)

        await asyncio.gather(*(person(number) for number in range(at_once)))
        return {"seconds": time.monotonic() - began, "count": len(times), **_percentiles(times)}

    async def _ask(self, root: str, *, first: bool) -> None:
        reply = self._replies[root] = asyncio.get_running_loop().create_future()
        _ = await self._send(root, first=first)
        async with asyncio.timeout(PATIENCE):
            await reply

    async def fire(self, count: int) -> Json:
        """Mentions in so many threads at once; how long each took to be acknowledged."""
        times: list[float] = []

        async def one() -> None:
            started = time.monotonic()
            async with asyncio.timeout(PATIENCE):
                await (await self._send(self._ts(), first=True))
            times.append(time.monotonic() - started)

        await asyncio.gather(*(one() for _ in range(count)))
        return {"count": len(times), **_percentiles(times)}

    async def _send(self, root: str, *, first: bool) -> asyncio.Future[None]:
        await self.connected.wait()
        assert self._socket is not None
        self._number += 1
        envelope = f"e{self._number}"
        acked = self._acks[envelope] = asyncio.get_running_loop().create_future()
        payload = _mention(self._number, root, root if first else self._ts(), first=first)
        await self._socket.send_json(
            {
                "envelope_id": envelope,
                "type": "events_api",
                "payload": payload,
                "accepts_response_payload": False,
            }
        )
        return acked

    def _ts(self) -> str:
        self._number += 1
        return f"{1_790_000_000 + self._number // 1000}.{self._number % 1000:06d}"


def _mention(number: int, root: str, ts: str, *, first: bool) -> Json:
    event: Json = {
        "type": "app_mention", "user": "U0PERSON", "team": TEAM, "channel": CHANNEL, "event_ts": ts, "ts": ts,
        "text": f"<@{BOT}> {TIME_QUESTION.format(number=number)}", "client_msg_id": f"m{number}",
    }  # fmt: skip
    if not first:
        event["thread_ts"] = root
    return {
        "token": "verification", "team_id": TEAM, "context_team_id": TEAM, "api_app_id": APP, "event": event,
        "type": "event_callback", "event_id": f"Ev{number}", "event_time": 1_790_000_000,
        "authorizations": [
            {"enterprise_id": None, "team_id": TEAM, "user_id": BOT, "is_bot": True, "is_enterprise_install": False}
        ],
        "is_ext_shared_channel": False, "event_context": f"1-app_mention-{TEAM}-{CHANNEL}",
    }  # fmt: skip


async def _arguments(request: web.Request) -> Json:
    found: Json = (
        await request.json() if request.content_type == "application/json" else dict(await request.post())
    )
    return found


def _ok(**fields: object) -> web.Response:
    return web.json_response({"ok": True, **fields})


def _percentiles(times: list[float]) -> Json:
    ordered = sorted(times)
    return {f"p{p}": ordered[min(len(ordered) - 1, len(ordered) * p // 100)] for p in (50, 99)}


async def main() -> None:
    crowd = Crowd()
    app = web.Application()
    app.router.add_route("*", "/api/{method}", crowd.api)
    app.router.add_get("/link", crowd.link)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    say({"port": runner.addresses[0][1]})

    async def order(said: Json) -> Json:
        if "fire" in said:
            return await crowd.fire(said["fire"])
        found = await crowd.converse(said["at_once"], said["messages"])
        return {**found, "unexpected": crowd.unexpected, "statuses": crowd.statuses}

    await obey(order)
    await runner.cleanup()


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
