"""POST /api/tasks/ID: an outside system says how its task ended, once, and proves itself by the task's own token."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from pydantic import BaseModel

from bot.canonical import text_hash
from bot.events import Incoming, TaskProgressed
from bot.testing import call, reply
from bot.tools import ToolContext, tool
from tests.web.asking import TASK_TOKENS, ask_task, build, open_asking
from tests.web.kit import TOKEN, Web, token_of, until

SCRIPT = [call("build"), reply("It is built."), reply("Noted.")]


async def report(web: Web, id_: str, token: str | None, **body: Any):
    headers = {} if token is None else {"authorization": f"Bearer {token}"}
    return await web.client.post(f"/api/tasks/{id_}", json={"status": "ok", **body}, headers=headers)


async def test_the_result_of_an_outside_system_goes_on_with_the_conversation(tmp_path):
    async with open_asking(tmp_path, SCRIPT, tools=[build], open_to_loopback=False) as web:
        row = await ask_task(web)
        waiting = await web.client.get(f"/api/threads/{row.thread_id}", headers=token_of("ann"))
        answer = await report(web, row.task_id, TASK_TOKENS[row.task_id], result="build 17 is green")
        await until(lambda: len(web.bot.model.requests) == 2)
        log = await web.bot.log(row.thread_id)

    assert waiting.json()["status"] == "background"
    assert (answer.status_code, answer.json()) == (200, {"task_id": row.task_id, "status": "ok"})
    (finished,) = [event for event in log if event.type == "task.finished"]
    assert (finished.data.outcome, finished.data.result) == ("ok", "build 17 is green")
    assert finished.correlation == row.task_id
    assert "build 17 is green" in str(web.bot.model.requests[1])


async def test_a_token_works_once(tmp_path):
    async with open_asking(tmp_path, SCRIPT, tools=[build]) as web:
        row = await ask_task(web)
        token = TASK_TOKENS[row.task_id]
        answers = await asyncio.gather(*(report(web, row.task_id, token, result=str(n)) for n in range(10)))
        later = await report(web, row.task_id, token, status="failed")
        log = await web.bot.log(row.thread_id)

    assert sorted(answer.status_code for answer in answers) == [200, *[409] * 9]
    assert later.status_code == 409
    assert [event.type for event in log].count("task.finished") == 1


def wrong(right: str, id_: str) -> Mapping[str, str | None]:
    return {
        "none": None,
        "empty": "",
        "made up": "0" * 40,
        "shortened": right[:-1],
        "its hash": text_hash(right),
        "in capitals": right.upper(),
        "the service's": TOKEN,
        "a person's": "saywhen_carol",
        "its id": id_,
    }


KINDS = tuple(wrong("x", "y"))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("open_to_loopback", [True, False])
async def test_a_wrong_token_ends_nothing(tmp_path, kind, open_to_loopback):
    async with open_asking(tmp_path, SCRIPT, tools=[build], open_to_loopback=open_to_loopback) as web:
        row = await ask_task(web)
        token = wrong(TASK_TOKENS[row.task_id], row.task_id)[kind]
        answer = await report(web, row.task_id, token)
        after = await web.bot.store.task(row.task_id)

    assert (answer.status_code, after.outcome) == (401, "")


async def test_whoever_has_a_wrong_token_does_not_learn_which_tasks_there_are(tmp_path):
    async with open_asking(tmp_path, SCRIPT, tools=[build], open_to_loopback=False) as web:
        row = await ask_task(web)
        token = TASK_TOKENS[row.task_id]
        there = [await report(web, row.task_id, kind) for kind in (None, "x" * 40)]
        not_there = [await report(web, "f" * 16, kind) for kind in (None, "x" * 40, token)]
        await report(web, row.task_id, token)
        over = await report(web, row.task_id, "x" * 40)

    answers = [*there, *not_there, over]
    assert {(answer.status_code, answer.text) for answer in answers} == {(401, there[0].text)}


async def test_the_token_of_one_task_does_not_end_another(tmp_path):
    script = [call("build"), call("build"), reply("ok"), reply("ok")]

    async with open_asking(tmp_path, script, tools=[build]) as web:
        first, second = await ask_task(web), await ask_task(web, conversation="c2")
        answer = await report(web, second.task_id, TASK_TOKENS[first.task_id])
        after = await web.bot.store.task(second.task_id)

    assert (answer.status_code, after.outcome) == (401, "")


async def test_a_token_of_a_task_opens_nothing_else(tmp_path):
    async with open_asking(tmp_path, SCRIPT, tools=[build], open_to_loopback=False) as web:
        row = await ask_task(web)
        headers = {"authorization": f"Bearer {TASK_TOKENS[row.task_id]}"}
        answers = [
            await web.client.get(path, headers=headers) for path in ("/api/tasks", "/api/threads", "/")
        ]
        said = await web.client.post(
            "/api/messages", json={"conversation": "c1", "text": "x"}, headers=headers
        )

    assert {answer.status_code for answer in (*answers, said)} == {401}


async def test_people_hear_what_is_wrong_with_an_id(tmp_path):
    async with open_asking(tmp_path, SCRIPT, tools=[build]) as web:
        answers = [await report(web, "f" * 16, token) for token in (None, TOKEN, "saywhen_ann")]

    assert {answer.status_code for answer in answers} == {404}


class Nothing(BaseModel):
    pass


@tool(effect="idempotent", risk="low", background=True)
async def index(args: Nothing, ctx: ToolContext) -> str:
    """Index everything."""
    return "indexed"


async def test_nobody_outside_ends_what_runs_here(tmp_path):
    async with open_asking(tmp_path, [call("index"), reply("ok")], tools=[index]) as web:
        row = await ask_task(web)
        answers = [await report(web, row.task_id, token) for token in (None, "", "0" * 40, "saywhen_ann")]
        after = await web.bot.store.task(row.task_id)

    assert [answer.status_code for answer in answers] == [404, 401, 401, 404]
    assert (after.kind, after.outcome) == ("background", "")


@pytest.mark.parametrize("method", ["get", "head", "put", "delete", "options"])
async def test_only_a_post_ends_a_task(tmp_path, method):
    async with open_asking(tmp_path, SCRIPT, tools=[build]) as web:
        row = await ask_task(web)
        headers = {"authorization": f"Bearer {TASK_TOKENS[row.task_id]}", "content-type": "application/json"}
        answer = await web.client.request(method, f"/api/tasks/{row.task_id}?status=ok", headers=headers)
        after = await web.bot.store.task(row.task_id)

    assert (answer.status_code in (401, 405), after.outcome) == (True, "")


async def test_what_is_not_a_report_is_refused(tmp_path):
    async with open_asking(tmp_path, SCRIPT, tools=[build], open_to_loopback=False) as web:
        row = await ask_task(web)
        token = TASK_TOKENS[row.task_id]
        path, headers = f"/api/tasks/{row.task_id}", {"authorization": f"Bearer {token}"}
        form = await web.client.post(path, data={"status": "ok"}, headers=headers)
        evil = await web.client.post(
            path, json={"status": "ok"}, headers={**headers, "origin": "https://evil.test"}
        )
        large = await report(web, row.task_id, token, result="x" * 70_000)
        odd = await report(web, row.task_id, token, status="cancelled")
        more = await report(web, row.task_id, token, thread_id="x")
        after = await web.bot.store.task(row.task_id)

    assert [a.status_code for a in (form, evil, large, odd, more)] == [415, 403, 413, 422, 422]
    assert after.outcome == ""


async def test_a_long_result_is_clipped_and_a_secret_in_it_hidden(tmp_path):
    async with open_asking(tmp_path, SCRIPT, tools=[build], result_clip=100) as web:
        row = await ask_task(web)
        text = "token=xoxb-1234567890abcdef " + "\ud800" + "y" * 5000
        body = '{"status": "failed", "result": "' + text.replace("\ud800", "\\ud800") + '"}'
        headers = {
            "authorization": f"Bearer {TASK_TOKENS[row.task_id]}",
            "content-type": "application/json",
        }
        answer = await web.client.post(f"/api/tasks/{row.task_id}", content=body, headers=headers)
        log = await web.bot.log(row.thread_id)

    (data,) = [event.data for event in log if event.type == "task.finished"]
    assert (answer.status_code, data.outcome) == (200, "failed")
    assert "xoxb" not in data.result
    assert "clipped" in data.result
    assert len(data.result) < 200


async def test_people_see_what_goes_on_and_how_far_it_is(tmp_path):
    async with open_asking(tmp_path, SCRIPT, tools=[build]) as web:
        row = await ask_task(web)
        note = TaskProgressed(task_id=row.task_id, note="half way")
        await web.receive(Incoming(note, channel="", thread_id=row.thread_id, correlation=row.task_id))
        listed = (await web.client.get("/api/tasks")).json()["tasks"]
        page = (await web.client.get("/approvals")).text
        token = TASK_TOKENS[row.task_id]
        await report(web, row.task_id, token)
        after = (await web.client.get("/api/tasks")).json()["tasks"]

    assert listed == [
        {
            "task_id": row.task_id,
            "thread_id": row.thread_id,
            "tool": "build",
            "kind": "outside",
            "attempt": 1,
            "stopped": False,
            "note": "half way",
            "started_at": "2026-11-23T09:00:00Z",
            "expires_at": "2026-11-23T10:00:00Z",
        }
    ]
    assert "half way" in page
    assert token not in str(listed) + page
    assert text_hash(token) not in str(listed) + page
    assert after == []


async def test_a_stop_takes_the_result_but_starts_nothing(tmp_path):
    async with open_asking(tmp_path, SCRIPT, tools=[build]) as web:
        row = await ask_task(web)
        await web.client.post(f"/api/threads/{row.thread_id}/cancel", json={})
        stopped = (await web.client.get("/api/tasks")).json()["tasks"][0]["stopped"]
        answer = await report(web, row.task_id, TASK_TOKENS[row.task_id], result="too late")
        await web.bot.settle()
        status = (await web.client.get(f"/api/threads/{row.thread_id}")).json()["status"]

    assert (stopped, answer.status_code, status) == (True, 200, "idle")
    assert len(web.bot.model.requests) == 1
