"""Live streams: every event once and in order, whoever comes and goes."""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from bot.events import FeedbackReceived, Incoming
from bot.web.streams import follow
from tests.web.kit import Web, open_web, serving, until

TYPES = {"accept": "text/event-stream"}


async def opened(web: Web) -> str:
    thread_id = (await web.say()).json()["thread_id"]
    assert isinstance(thread_id, str)
    return thread_id


async def note(web: Web, thread_id: str, number: int) -> None:
    data = FeedbackReceived(rating=5, comment=f"number {number}\r\n\ndata: x")
    await web.site.receive(Incoming(data, channel="api", thread_id=thread_id))


async def messages(response: httpx.Response) -> AsyncIterator[tuple[int, dict[str, Any]]]:
    seq = 0
    async for line in response.aiter_lines():
        if line.startswith("id: "):
            seq = int(line[4:])
        elif line.startswith("data: "):
            yield seq, json.loads(line[6:])


async def read(url: str, thread_id: str, *, upto: int, breaks: random.Random) -> list[int]:
    """All seqs a client sees that hangs up now and then and comes back where it was."""
    seen: list[int] = []
    async with httpx.AsyncClient(base_url=url, timeout=20) as client:
        while not seen or seen[-1] < upto:
            hold = breaks.randint(1, 40)
            headers = {**TYPES, "last-event-id": str(seen[-1])} if seen else TYPES
            async with client.stream("GET", f"/api/threads/{thread_id}/events", headers=headers) as response:
                async for seq, event in messages(response):
                    assert event["seq"] == seq
                    seen.append(seq)
                    hold -= 1
                    if not hold or seq >= upto:
                        break
    return seen


@pytest.mark.parametrize("seed", range(3))
async def test_no_event_is_lost_or_comes_twice(tmp_path, seed):
    chance = random.Random(seed)
    total = 100

    async with open_web(tmp_path) as web, serving(web.app) as url:
        thread_id = await opened(web)
        last = (await web.bot.store.thread(thread_id)).last_seq

        async def write() -> None:
            for number in range(total):
                await note(web, thread_id, number)
                if chance.random() < 0.3:
                    await asyncio.sleep(chance.random() / 200)

        readers = [
            read(url, thread_id, upto=last + total, breaks=random.Random(chance.random())) for _ in range(6)
        ]
        *found, _ = await asyncio.gather(*readers, write())

    assert found == [list(range(1, last + total + 1))] * 6


async def test_a_stream_begins_where_it_is_told(tmp_path):
    async with open_web(tmp_path) as web, serving(web.app) as url, httpx.AsyncClient(base_url=url) as client:
        thread_id = await opened(web)
        path = f"/api/threads/{thread_id}/events?stream=1&after=3"
        async with client.stream("GET", path) as response:
            assert response.headers["content-type"].startswith("text/event-stream")
            async for seq, event in messages(response):
                assert (seq, event["type"]) == (4, "model.asked")
                break


async def test_a_stream_ends_when_the_bot_stops_and_when_the_reader_leaves(tmp_path):
    async with open_web(tmp_path) as web, serving(web.app) as url, httpx.AsyncClient(base_url=url) as client:
        thread_id = await opened(web)
        async with client.stream("GET", f"/api/threads/{thread_id}/events", headers=TYPES) as response:
            async for seq, _ in messages(response):
                if seq == 6:
                    break
            assert web.app.state.watch.count == 1
        await until(lambda: web.app.state.watch.count == 0)

        async with client.stream("GET", f"/api/threads/{thread_id}/events", headers=TYPES) as response:
            web.app.state.watch.close()
            async with asyncio.timeout(3):
                assert [seq async for seq, _ in messages(response)] in ([1, 2, 3, 4, 5, 6], [])


async def test_a_quiet_stream_has_heartbeats(tmp_path):
    from bot.web.parts import Parts
    from bot.web.readings import Readings

    async with open_web(tmp_path) as web:
        thread_id = await opened(web)
        parts = Parts(web.site, Readings(web.site), web.app.state.watch)
        batches = follow(parts, thread_id, 0, heartbeat=0.05)

        sizes = [len(await anext(batches)) for _ in range(3)]
        await batches.aclose()

    assert sizes == [6, 0, 0]


async def test_the_pages_streams_carry_what_the_server_has_rendered(tmp_path):
    async with open_web(tmp_path) as web, serving(web.app) as url, httpx.AsyncClient(base_url=url) as client:
        thread_id = (await web.say("<img src=x onerror=alert(1)>")).json()["thread_id"]
        found = {}
        for kind in ("chat", "timeline"):
            async with client.stream("GET", f"/threads/{thread_id}/{kind}") as response:
                async for seq, batch in messages(response):
                    found[kind] = (seq, batch)
                    break

    assert [item["seq"] for item in found["chat"][1]["items"]] == [2, 6]
    assert [item["seq"] for item in found["timeline"][1]["items"]] == [1, 2, 3, 4, 5, 6]
    for seq, batch in found.values():
        html = "".join(item["html"] for item in batch["items"])
        assert seq == 6
        assert batch["status"] == "idle"
        assert "&lt;img src=x" in html
        assert "<img" not in html
        assert "I heard <strong>you</strong>." in html


async def test_too_many_who_wait_are_told_so(tmp_path):
    async with open_web(tmp_path) as web, serving(web.app) as url, httpx.AsyncClient(base_url=url) as client:
        thread_id = await opened(web)
        web.thinking.clear()
        web.app.state.watch._most = 0
        answer = await web.say(wait=5)
        stream = await client.get(f"/api/threads/{thread_id}/events", headers=TYPES)

    assert answer.status_code == 202
    assert stream.status_code == 503
