"""Reading threads and steering them, also those that cannot be read."""

import sqlite3

import pytest

from bot.testing import reply
from bot.web import Check
from tests.web.kit import Web, open_web

HOSTILE = ["x", "0" * 36, "' OR 1=1 --", "%00", "%2e%2e%2f", "a" * 5000, "\u202e", "%ff%fe", "{}", "-1"]


def damage(web: Web, sql: str, *values: object) -> None:
    with sqlite3.connect(web.bot.store._files.path) as database:
        database.execute(sql, values)
    database.close()


async def test_threads_are_listed_newest_first_and_page_by_page(tmp_path):
    async with open_web(tmp_path) as web:
        for name in ("a", "b", "c"):
            await web.say(conversation=name)
            web.bot.clock.advance(1)
        first = (await web.client.get("/api/threads", params={"limit": 2})).json()["threads"]
        before = first[-1]["thread_id"]
        rest = (await web.client.get("/api/threads", params={"before": before})).json()["threads"]
        one = (await web.client.get(f"/api/threads/{before}")).json()

    assert [thread["conversation"] for thread in (*first, *rest)] == ["c", "b", "a"]
    assert one == first[-1]
    assert (one["status"], one["channel"], one["agent"], one["last_seq"]) == ("idle", "api", "assistant", 6)


async def test_events_come_whole_or_as_many_as_asked_for(tmp_path):
    async with open_web(tmp_path) as web:
        said = (await web.say("x" * 100_000)).json()
        path = f"/api/threads/{said['thread_id']}/events"
        whole = (await web.client.get(path)).json()["events"]
        some = (await web.client.get(path, params={"after": 2, "limit": 2})).json()["events"]
        none = (await web.client.get(path, params={"after": 6})).json()["events"]
        log = await web.bot.log(said["thread_id"])

    assert whole == [event.to_json() for event in log]
    assert some == whole[2:4]
    assert none == []
    assert len(whole[1]["data"]["blocks"][0]["text"]) == 100_000


async def test_a_long_log_is_complete(tmp_path):
    async with open_web(tmp_path) as web:
        for number in range(120):
            await web.say(f"number {number}")
        thread_id = (await web.client.get("/api/threads")).json()["threads"][0]["thread_id"]
        events = (await web.client.get(f"/api/threads/{thread_id}/events")).json()["events"]
        page = await web.client.get(f"/threads/{thread_id}")
        first = len(events) - 299
        earlier = await web.client.get(f"/threads/{thread_id}", params={"before": first})

    assert len(events) > 600
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert page.text.count('<li class="card') == 300
    assert f"/threads/{thread_id}?before={first}" in page.text
    assert f'id="e{first - 1}"' in earlier.text
    assert f'id="e{first - 300}"' in earlier.text
    assert f'id="e{first}"' not in earlier.text


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE events SET type = 'alien.landed' WHERE seq = 4",
        "UPDATE events SET data = '{' WHERE seq = 4",
        "UPDATE events SET v = 99 WHERE seq = 4",
        """UPDATE events SET data = '{"model": 5}' WHERE seq = 4""",
    ],
    ids=["unknown type", "no JSON", "newer version", "wrong data"],
)
async def test_a_log_that_cannot_be_read_is_shown_all_the_same(tmp_path, sql):
    async with open_web(tmp_path) as web:
        thread_id = (await web.say()).json()["thread_id"]
        web.bot.clock.advance(1)
        await web.say(conversation="another")
        damage(web, sql + " AND thread_id = ?", thread_id)
        web.bot.woken.clear()
        async with open_web_again(web) as fresh:
            events = (await fresh.client.get(f"/api/threads/{thread_id}/events")).json()["events"]
            page = await fresh.client.get(f"/threads/{thread_id}")
            listed = (await fresh.client.get("/api/threads")).json()["threads"]
            request = await fresh.client.get(f"/api/threads/{thread_id}/requests/4")
            said = await fresh.client.post("/api/messages", json={"conversation": "c1", "text": "hello?"})

    assert [event["seq"] for event in events] == [1, 2, 3, 4, 5, 6]
    assert [bool(event.get("broken")) for event in events] == [False] * 3 + [True] + [False] * 2
    assert page.status_code == 200
    assert "cannot be read" in page.text
    assert [thread["status"] for thread in listed] == ["idle", "parked"]
    assert request.status_code == 404
    assert (said.status_code, said.json()["status"]) == (202, "parked")


def open_web_again(web: Web):
    """The same bot with a web side that has read nothing yet."""
    from contextlib import asynccontextmanager

    import httpx

    from bot.web import create_app
    from tests.web.kit import HOST

    @asynccontextmanager
    async def opened():
        transport = httpx.ASGITransport(
            create_app(web.site), client=("127.0.0.1", 1), raise_app_exceptions=False
        )
        async with httpx.AsyncClient(transport=transport, base_url=f"http://{HOST}") as client:
            yield Web(web.app, web.site, web.bot, client, web.thinking, web.bell)

    return opened()


@pytest.mark.parametrize("hostile", HOSTILE)
async def test_hostile_ids_are_not_found(tmp_path, hostile):
    async with open_web(tmp_path) as web:
        thread_id = (await web.say()).json()["thread_id"]
        for path in ("", "/events", "/requests/4"):
            answer = await web.client.get(f"/api/threads/{hostile}{path}")
            assert answer.status_code == 404, (path, answer.text)
            assert list(answer.json()) == ["error"]
        for path in ("pause", "resume", "cancel"):
            assert (await web.client.post(f"/api/threads/{hostile}/{path}", json={})).status_code == 404
        feedback = await web.client.post(f"/api/threads/{hostile}/feedback", json={"rating": 1})
        page = await web.client.get(f"/threads/{hostile}")
        seq = await web.client.get(f"/api/threads/{thread_id}/requests/{hostile}")

    assert (feedback.status_code, page.status_code, seq.status_code) == (404, 404, 404)


@pytest.mark.parametrize("seq", [0, 1, 3, 7, -1, 2**63, 10**30])
async def test_only_a_request_to_the_model_is_one(tmp_path, seq):
    async with open_web(tmp_path) as web:
        thread_id = (await web.say()).json()["thread_id"]
        answer = await web.client.get(f"/api/threads/{thread_id}/requests/{seq}")

    assert answer.status_code == 404


async def test_the_request_is_shown_as_the_model_saw_it(tmp_path):
    async with open_web(tmp_path, script=[reply("one"), reply("two")]) as web:
        await web.say("first")
        thread_id = (await web.say("second")).json()["thread_id"]
        asked = [event.seq for event in await web.bot.log(thread_id) if event.type == "model.asked"]
        shown = [(await web.client.get(f"/api/threads/{thread_id}/requests/{seq}")).json() for seq in asked]

    assert shown == web.bot.model.requests


async def test_pause_resume_and_cancel_say_where_the_thread_stands(tmp_path):
    async with open_web(tmp_path) as web:
        thread_id = (await web.say()).json()["thread_id"]
        found = [
            (await web.client.post(f"/api/threads/{thread_id}/{word}", json={"because": "so"})).json()[
                "status"
            ]
            for word in ("pause", "resume", "cancel")
        ]
        log = await web.bot.log(thread_id)

    controls = [event.data for event in log if event.type == "control.requested"]
    assert found == ["paused", "idle", "idle"]
    assert [(c.action, c.by, c.because) for c in controls] == [
        (action, "api:ann", "so") for action in ("pause", "resume", "stop")
    ]


@pytest.mark.parametrize(("rating", "stored"), [("up", 5), ("down", 1), (3, 3)])
async def test_feedback_is_stored(tmp_path, rating, stored):
    async with open_web(tmp_path) as web:
        thread_id = (await web.say()).json()["thread_id"]
        body = {"rating": rating, "comment": "thanks", "about": 6}
        answer = await web.client.post(f"/api/threads/{thread_id}/feedback", json=body)
        log = await web.bot.log(thread_id)

    assert answer.json() == {"thread_id": thread_id, "seq": 7}
    assert (log[-1].data.rating, log[-1].data.comment, log[-1].data.about) == (stored, "thanks", 6)


@pytest.mark.parametrize(
    "body", [{}, {"rating": 0}, {"rating": 6}, {"rating": "good"}, {"rating": 1, "about": 99}]
)
async def test_feedback_that_makes_no_sense_is_refused(tmp_path, body):
    async with open_web(tmp_path) as web:
        thread_id = (await web.say()).json()["thread_id"]
        answer = await web.client.post(f"/api/threads/{thread_id}/feedback", json=body)

    assert answer.status_code == 422
    assert answer.json()["error"]["message"]


async def test_health_asks_nobody_and_readiness_says_what_is_missing(tmp_path):
    async with open_web(tmp_path) as web:
        web.ready += [Check("store", True), Check("slack", False, "token=xoxb-1234567890abcdef refused")]
        await web.bot.store.close()
        health = await web.client.get("/healthz")
        ready = await web.client.get("/readyz")
        web.ready.pop()
        better = await web.client.get("/readyz")

    assert health.json() == {"status": "ok", "pid": 4711, "version": "0.1.0"}
    assert (ready.status_code, ready.json()["missing"]) == (503, ["slack"])
    assert "xoxb" not in ready.text
    assert (better.status_code, better.json()["status"]) == (200, "ready")


async def test_metrics_are_what_the_bot_counts(tmp_path):
    async with open_web(tmp_path) as web:
        answer = await web.client.get("/metrics")

    assert answer.text == "agent_errors_total 0\n"
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
