"""Deciding over the API: who may, who may not, what comes too late, and that looking changes nothing."""

import asyncio
import json
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.rules import Rules
from bot.testing import START, call, reply
from tests.web.asking import PEOPLE, RAN, ask, ask_dave, decide, deploy, open_asking, over
from tests.web.kit import TOKEN, token_of, until

SERVICE = {"authorization": f"Bearer {TOKEN}"}


def with_rule(**changes):
    """The test kit's rules, with these changes to that of every tool."""

    def changed(rules: Rules) -> Rules:
        agent = rules.agents["assistant"]
        tools = {name: replace(rule, **changes) for name, rule in agent.tools.items()}
        return replace(rules, agents={"assistant": replace(agent, tools=tools)})

    return changed


# ---------------------------------------------------------------- looking


async def test_an_open_request_is_listed_with_what_exactly_is_asked_for(tmp_path):
    async with open_asking(tmp_path) as web:
        row = await ask(web)
        listed = (await web.client.get("/api/approvals")).json()["approvals"]
        one = (await web.client.get(f"/api/approvals/{row.id}")).json()
        thread = (await web.client.get(f"/api/threads/{row.thread_id}")).json()

    assert listed == [one]
    assert one == {
        "approval_id": row.id,
        "thread_id": row.thread_id,
        "tool": "deploy",
        "args": {"tag": "v1"},
        "status": "pending",
        "expires_at": "2026-11-23T13:00:00Z",
        "requester": "ann",
        "why": "its risk is high",
        "approvers": ["carol", "dave"],
        "asked_at": "2026-11-23T09:00:00Z",
        "decided_by": [],
        "decided_at": None,
    }
    assert (thread["status"], thread["approvals"]) == ("waiting_for_approval", 1)


async def test_requests_can_be_listed_by_thread_and_without_those_that_are_over(tmp_path):
    script = [call("deploy", tag="v1"), call("deploy", tag="v2"), reply("done")]

    async with open_asking(tmp_path, script) as web:
        first, second = await ask(web), await ask(web, conversation="c2")
        await decide(web, first.id, "approve")
        found = {}
        for params in ({}, {"status": "pending"}, {"thread_id": first.thread_id}, {"thread_id": "x"}):
            answer = await web.client.get("/api/approvals", params=params)
            found[str(params)] = {each["approval_id"]: each["status"] for each in answer.json()["approvals"]}

    assert list(found.values()) == [
        {first.id: "approved", second.id: "pending"},
        {second.id: "pending"},
        {first.id: "approved"},
        {},
    ]


async def test_neither_a_code_nor_a_handle_is_shown_anywhere(tmp_path):
    async with open_asking(tmp_path) as web:
        row = await ask(web)
        paths = (
            "/api/approvals",
            f"/api/approvals/{row.id}",
            f"/api/threads/{row.thread_id}/events",
            f"/threads/{row.thread_id}",
            "/approvals",
            "/api/questions",
            "/api/tasks",
        )
        shown = "\n".join([(await web.client.get(path)).text for path in paths])
        sent = [part.text for part in web.bot.phone.sent]
        keys = web.bot.keys

    secrets = [
        secret
        for person in PEOPLE
        for secret in (
            keys.handle("approval", row.id, person.name),
            *(keys.code("approval", row.id, person.name, channel) for channel in ("fake", "phone", "api")),
        )
    ]
    assert any(secret in text for secret in secrets for text in sent), "nobody was asked"
    assert [secret for secret in secrets if secret.lower() in shown.lower()] == []


@pytest.mark.parametrize("hostile", ["x", "0" * 16, "' OR 1=1 --", "%00", "%2e%2e", "a" * 5000, "%ff"])
async def test_what_is_not_there_is_not_found(tmp_path, hostile):
    async with open_asking(tmp_path) as web:
        await ask(web)
        answers = [
            await web.client.get(f"/api/approvals/{hostile}"),
            await web.client.get(f"/api/questions/{hostile}"),
            await decide(web, hostile, "approve"),
            await web.client.post(
                f"/api/questions/{hostile}/answer", json={"text": "x"}, headers=token_of("carol")
            ),
        ]

    assert [answer.status_code for answer in answers] == [404] * 4


async def test_a_message_says_what_waits(tmp_path):
    async with open_asking(tmp_path, [reply("hello")]) as web:
        said = (await web.say()).json()

    assert said["approvals"] == []


async def test_a_message_to_a_thread_in_which_something_waits_says_so(tmp_path):
    from tests.web.kit import find_thread

    script = [call("deploy", tag="v1"), reply("still waiting")]

    async with open_asking(tmp_path, script, open_to_loopback=False) as web:
        said = await web.client.post(
            "/api/messages",
            params={"wait": 5},
            json={"conversation": "c1", "text": "deploy"},
            headers=token_of("bob"),
        )
        body = said.json()
        assert await find_thread(web.bot)("api", "people/bob", "c1") == body["thread_id"]

    assert (said.status_code, body["status"], body["next_action"]) == (200, "waiting_for_approval", "waiting")
    (approval,) = body["approvals"]
    assert approval | {"approval_id": ""} == {
        "approval_id": "",
        "tool": "deploy",
        "args": {"tag": "v1"},
        "status": "pending",
        "expires_at": "2026-11-23T13:00:00Z",
    }


# ---------------------------------------------------------------- deciding


async def test_a_yes_runs_exactly_what_was_shown_once(tmp_path):
    async with open_asking(tmp_path) as web:
        row = await ask(web)
        answer = await decide(web, row.id, "approve")
        await until(lambda: bool(RAN))
        after = (await web.client.get(f"/api/approvals/{row.id}")).json()

    assert (answer.status_code, answer.json()) == (
        200,
        {
            "approval_id": row.id,
            "status": "approved",
            "decided_by": ["carol"],
            "message": "Approved: it starts now.",
        },
    )
    assert RAN == [{"tag": "v1", "force": False}]
    assert (after["status"], after["decided_by"]) == ("approved", ["carol"])


async def test_an_edit_runs_what_the_person_wrote(tmp_path):
    async with open_asking(tmp_path) as web:
        row = await ask(web)
        answer = await decide(web, row.id, "edit", args={"tag": "v2"})
        await until(lambda: bool(RAN))

    assert (answer.status_code, answer.json()["status"]) == (200, "edited")
    assert RAN == [{"tag": "v2", "force": False}]


async def test_a_no_and_an_answer_instead_run_nothing(tmp_path):
    script = [call("deploy", tag="v1"), reply("ok"), call("deploy", tag="v2"), reply("ok")]

    async with open_asking(tmp_path, script) as web:
        first = await ask(web)
        rejected = await decide(web, first.id, "reject", message="not on a Friday")
        second = await ask(web, conversation="c2")
        answered = await decide(web, second.id, "respond", message="it is live already", by="dave")

    assert (rejected.json()["status"], answered.json()["status"]) == ("rejected", "answered")
    assert RAN == []
    assert "not on a Friday" in json.dumps(web.bot.model.requests[1])
    assert "dave answered instead: it is live already" in json.dumps(web.bot.model.requests[3])


INVALID = [
    ({"decision": "edit"}, "args"),
    ({"decision": "edit", "args": {"tag": 5}}, "tag"),
    ({"decision": "edit", "args": {}}, "tag"),
    ({"decision": "edit", "args": {"tag": "v1", "sudo": True}}, "sudo"),
    ({"decision": "edit", "args": {"tag": "v" * 30}}, "tag"),
    ({"decision": "edit", "args": "tag"}, "args"),
    ({"decision": "edit", "args": {"tag": "\ud800"}}, "args"),
    ({"decision": "approve", "args": {"tag": "v2"}}, "args"),
    ({"decision": "respond"}, "message"),
    ({"decision": "respond", "message": " "}, "message"),
    ({"decision": "yes"}, "decision"),
    ({"decision": "approve", "tool": "rm"}, "tool"),
    ({}, "decision"),
]


@pytest.mark.parametrize(("body", "names"), INVALID, ids=[str(body) for body, _ in INVALID])
async def test_a_decision_that_is_not_whole_or_not_valid_decides_nothing(tmp_path, body, names):
    async with open_asking(tmp_path) as web:
        row = await ask(web)
        answer = await web.client.post(
            f"/api/approvals/{row.id}/decision",
            content=json.dumps(body),
            headers={**token_of("carol"), "content-type": "application/json"},
        )
        still = (await web.client.get(f"/api/approvals/{row.id}")).json()["status"]

    assert (answer.status_code, still, RAN) == (422, "pending", [])
    assert names in answer.json()["error"]["message"]


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
async def test_numbers_that_json_does_not_have_are_refused(tmp_path, number):
    async with open_asking(tmp_path) as web:
        row = await ask(web)
        body = f'{{"decision": "edit", "args": {{"tag": {number}}}}}'
        headers = {**token_of("carol"), "content-type": "application/json"}
        answer = await web.client.post(f"/api/approvals/{row.id}/decision", content=body, headers=headers)

    assert answer.status_code == 422


# ---------------------------------------------------------------- who may not

WRONG_PEOPLE = [
    ("the requester, who is no approver", token_of("ann"), 403),
    ("somebody else", token_of("bob"), 403),
    ("the service", SERVICE, 403),
    ("a caller without a token", {}, 403),
    ("a token that is nobody's", {"authorization": "Bearer saywhen_eve"}, 401),
    ("a name for a token", {"authorization": "Bearer carol"}, 401),
    ("a shell that is none", {"authorization": "Bearer local.carol.99999999999.00"}, 401),
    ("a page from elsewhere", {**token_of("carol"), "origin": "https://evil.test"}, 403),
    ("a page from nowhere", {**token_of("carol"), "origin": "null"}, 403),
    ("a form", {**token_of("carol"), "content-type": "text/plain"}, 415),
]


@pytest.mark.parametrize(
    ("headers", "status"), [row[1:] for row in WRONG_PEOPLE], ids=[row[0] for row in WRONG_PEOPLE]
)
async def test_who_may_not_decide_changes_nothing(tmp_path, headers, status):
    async with open_asking(tmp_path) as web:
        row = await ask(web)
        answers = [
            await web.client.post(
                f"/api/approvals/{row.id}/decision",
                content=json.dumps({"decision": decision, "args": args, "message": "x"}),
                headers={"content-type": "application/json", **headers},
            )
            for decision, args in (("approve", None), ("reject", None), ("edit", {"tag": "v9"}))
        ]
        after = (await web.client.get(f"/api/approvals/{row.id}")).json()
        log = await web.bot.log(row.thread_id)

    assert [answer.status_code for answer in answers] == [status] * 3
    assert (after["status"], RAN) == ("pending", [])
    attempts = [event.data for event in log if event.type == "approval.answered"]
    known = status == 403 and "authorization" in headers and "origin" not in headers
    assert [attempt.refused for attempt in attempts] == (["unauthorised"] * 3 if known else [])


async def test_a_demo_requester_without_a_token_is_on_record(tmp_path):
    async with open_asking(tmp_path, demo=("ann", "carol")) as web:
        row = await ask(web)
        answer = await web.client.post(f"/api/approvals/{row.id}/decision", json={"decision": "approve"})
        log = await web.bot.log(row.thread_id)

    assert answer.status_code == 403
    assert [e.data.by.person for e in log if e.type == "approval.answered"] == ["ann"]


async def test_signed_in_pages_may_look_and_not_decide(tmp_path):
    async with open_asking(tmp_path, open_to_loopback=False) as web:
        row = await ask(web)
        cookie = (
            (await web.client.post("/sign-in", data={"token": TOKEN})).headers["set-cookie"].split(";")[0]
        )
        headers = {"cookie": cookie, "origin": "http://127.0.0.1:8000"}
        page = await web.client.get("/approvals", headers=headers)
        answer = await web.client.post(
            f"/api/approvals/{row.id}/decision", json={"decision": "approve"}, headers=headers
        )

    assert page.status_code == 200
    assert "tag: &#34;v1&#34;" in page.text
    assert "data-decision" not in page.text
    assert (answer.status_code, RAN) == (403, [])
    assert "service token" in answer.json()["error"]["message"]


async def test_nobody_decides_what_they_asked_for_where_that_is_separated(tmp_path):
    async with open_asking(
        tmp_path, rules=with_rule(separation_of_duties=True, approvers=("ann", "carol"))
    ) as web:
        row = await ask(web)
        own = await decide(web, row.id, "approve", by="ann")
        other = await decide(web, row.id, "approve", by="carol")

    assert (own.status_code, other.status_code) == (403, 200)


GENTLE = ("get", "head", "options", "put", "patch", "delete")


@pytest.mark.parametrize("method", GENTLE)
async def test_only_a_post_decides(tmp_path, method):
    async with open_asking(tmp_path) as web:
        row = await ask(web)
        before = await web.bot.log(row.thread_id)
        for path in (
            f"/api/approvals/{row.id}/decision?decision=approve",
            f"/api/approvals/{row.id}?decision=approve",
            f"/approvals?id={row.id}&decision=approve",
            f"/approvals/{row.id}/approve",
            f"/threads/{row.thread_id}?approve={row.id}",
        ):
            for more in ({}, {"sec-purpose": "prefetch"}, {"x-http-method-override": "POST"}):
                headers = {**token_of("carol"), **more}
                await web.client.request(method, path, headers=headers, json={"decision": "approve"})
        await web.bot.settle()
        after = await web.bot.log(row.thread_id)

    assert (after, RAN) == (before, [])


async def test_a_body_that_is_a_code_or_nothing_decides_nothing(tmp_path):
    async with open_asking(tmp_path) as web:
        row = await ask(web)
        code = web.bot.code(row.id, "carol")
        handle = web.bot.keys.handle("approval", row.id, "carol")
        for body in ("", "{}", "[]", f'"OK {code}"', f'{{"code": "{code}"}}', f'{{"handle": "{handle}"}}'):
            for headers in (token_of("carol"), {}):
                answer = await web.client.post(
                    f"/api/approvals/{row.id}/decision",
                    content=body,
                    headers={**headers, "content-type": "application/json"},
                )
                assert answer.status_code == 422
        by_handle = await decide(web, handle, "approve")

    assert (by_handle.status_code, RAN) == (404, [])


# ---------------------------------------------------------------- too late


async def test_of_ten_decisions_at_once_one_wins_and_nine_hear_who_it_was(tmp_path):
    async with open_asking(tmp_path) as web:
        row = await ask(web)
        tries = (
            decide(
                web, row.id, ("approve", "reject")[number % 2], by=("carol", "dave")[number % 2], message="m"
            )
            for number in range(10)
        )
        answers = await asyncio.gather(*tries)
        after = (await web.client.get(f"/api/approvals/{row.id}")).json()

    won = [answer for answer in answers if answer.status_code == 200]
    lost = [answer for answer in answers if answer.status_code == 409]
    assert (len(won), len(lost)) == (1, 9)
    assert won[0].json()["decided_by"] == after["decided_by"]
    (who,) = after["decided_by"]
    for answer in lost:
        assert (
            f"already {after['status']} by {who} at 2026-11-23 09:00 UTC" in answer.json()["error"]["message"]
        )
    assert len(RAN) == (after["status"] == "approved")


async def test_the_same_person_ten_times_at_once_is_still_one(tmp_path):
    async with open_asking(tmp_path) as web:
        row = await ask(web)
        answers = await asyncio.gather(*(decide(web, row.id, "approve") for _ in range(10)))
        await until(lambda: bool(RAN))

    assert sorted(answer.status_code for answer in answers) == [200, *[409] * 9]
    assert len(RAN) == 1


async def test_a_later_decision_hears_who_decided_and_when(tmp_path):
    async with open_asking(tmp_path) as web:
        row = await ask(web)
        await decide(web, row.id, "approve")
        web.bot.clock.advance(3600)
        late = await decide(web, row.id, "reject", by="dave")

    assert late.status_code == 409
    assert late.json()["error"]["message"] == (
        "Nothing was decided: it was already approved by carol at 2026-11-23 09:00 UTC."
    )


@pytest.mark.parametrize("told", [True, False])
async def test_after_its_time_nothing_is_decided(tmp_path, told):
    """Whether the timer has fired already or not."""
    async with open_asking(tmp_path) as web:
        row = await ask(web)
        web.bot.clock.now = START + timedelta(hours=5)
        if told:
            await web.bot.settle()
        answer = await decide(web, row.id, "approve")
        after = await over(web, row.id)

    assert (answer.status_code, after, RAN) == (409, "expired", [])
    assert "expired" in answer.json()["error"]["message"]


@pytest.mark.parametrize("steer", ["cancel", "pause"])
async def test_a_stop_ends_what_waits_and_a_pause_keeps_it(tmp_path, steer):
    async with open_asking(tmp_path) as web:
        row = await ask(web)
        steered = await web.client.post(f"/api/threads/{row.thread_id}/{steer}", json={})
        decided = await decide(web, row.id, "approve")
        resumed = await web.client.post(f"/api/threads/{row.thread_id}/resume", json={})
        if steer == "pause":
            await until(lambda: bool(RAN))
        after = (await web.client.get(f"/api/approvals/{row.id}")).json()["status"]

    if steer == "cancel":
        assert (steered.json()["status"], decided.status_code, after, RAN) == ("idle", 409, "cancelled", [])
        assert resumed.json()["status"] == "idle"
    else:
        assert (steered.json()["status"], decided.status_code, decided.json()["status"]) == (
            "paused",
            202,
            "pending",
        )
        assert (after, len(RAN)) == ("approved", 1)


async def test_two_people_have_to_agree_where_two_are_needed(tmp_path):
    async with open_asking(tmp_path, rules=with_rule(quorum=2)) as web:
        row = await ask(web)
        edited = await decide(web, row.id, "edit", args={"tag": "v2"})
        first = await decide(web, row.id, "approve")
        again = await decide(web, row.id, "approve")
        before = list(RAN)
        second = await decide(web, row.id, "approve", by="dave")

    assert [answer.status_code for answer in (edited, first, again, second)] == [422, 200, 409, 200]
    assert (first.json()["status"], first.json()["decided_by"], before) == ("pending", ["carol"], [])
    assert "1 of 2" in first.json()["message"]
    assert (second.json()["status"], second.json()["decided_by"]) == ("approved", ["carol", "dave"])


# ---------------------------------------------------------------- sent again


async def test_a_decision_sent_again_with_its_key_is_the_same_decision(tmp_path):
    async with open_asking(tmp_path) as web:
        row = await ask(web)
        key = {"idempotency-key": "k1"}
        first = await decide(web, row.id, "edit", args={"tag": "v2"}, headers=key)
        again = await decide(web, row.id, "edit", args={"tag": "v2"}, headers=key)
        other = await decide(web, row.id, "reject", headers=key)
        others = await decide(web, row.id, "edit", args={"tag": "v2"}, headers=key, by="dave")
        log = await web.bot.log(row.thread_id)

    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json() == again.json()
    assert (other.status_code, others.status_code) == (409, 409)
    assert "Idempotency-Key" in other.json()["error"]["message"]
    assert len([e for e in log if e.type == "approval.answered"]) == 2
    assert len(RAN) == 1


async def test_a_key_of_another_request_decides_nothing_here(tmp_path):
    script = [call("deploy", tag="v1"), reply("ok"), call("deploy", tag="v2"), reply("ok")]

    async with open_asking(tmp_path, script) as web:
        first = await ask(web)
        await decide(web, first.id, "approve", headers={"idempotency-key": "k1"})
        second = await ask(web, conversation="c2")
        answer = await decide(web, second.id, "approve", headers={"idempotency-key": "k1"})
        after = (await web.client.get(f"/api/approvals/{second.id}")).json()["status"]

    assert (answer.status_code, after) == (409, "pending")


# ---------------------------------------------------------------- acting as a demo person


async def test_in_dev_a_caller_on_this_machine_may_play_a_demo_person(tmp_path):
    async with open_asking(tmp_path, demo=("ann", "carol")) as web:
        row = await ask(web)
        answer = await web.client.post(
            f"/api/approvals/{row.id}/decision", json={"decision": "approve", "as": "carol"}
        )
        log = await web.bot.log(row.thread_id)

    assert (answer.status_code, answer.json()["decided_by"]) == (200, ["carol"])
    (by,) = [event.data.by for event in log if event.type == "approval.answered"]
    assert (by.person, by.address, by.channel, by.proof) == ("carol", "carol", "api", "local")


PRETENDERS = [
    ("a real person", {}, "dave", {}, 403),
    ("nobody", {}, "king", {}, 403),
    ("for a service", {}, "carol", SERVICE, 403),
    ("for a person with a token", {}, "carol", token_of("bob"), 403),
    ("for a page from elsewhere", {}, "carol", {"origin": "https://evil.test"}, 403),
    ("from another machine", {"peer": "192.0.2.7"}, "carol", {}, 401),
    ("behind a proxy", {}, "carol", {"x-forwarded-for": "127.0.0.1"}, 401),
    ("in production", {"open_to_loopback": False, "dev": False}, "carol", SERVICE, 403),
]


@pytest.mark.parametrize(
    ("changes", "name", "headers", "status"), [r[1:] for r in PRETENDERS], ids=[r[0] for r in PRETENDERS]
)
async def test_nobody_else_may_play_anybody(tmp_path, changes, name, headers, status):
    async with open_asking(tmp_path, demo=("ann", "carol"), **changes) as web:
        row = await ask(web)
        answer = await web.client.post(
            f"/api/approvals/{row.id}/decision", json={"decision": "approve", "as": name}, headers=headers
        )
        after = await web.bot.store.request(row.id)

    assert (answer.status_code, after.status, RAN) == (status, "pending", [])


# ---------------------------------------------------------------- questions


async def test_a_question_is_answered_by_whom_it_was_put_to(tmp_path):
    script = [call("ask_dave"), reply("I have asked."), reply("Red it is.")]

    async with open_asking(tmp_path, script, tools=[ask_dave, deploy]) as web:
        row = await ask(web)
        listed = (await web.client.get("/api/questions", params={"status": "pending"})).json()["questions"]
        path = f"/api/questions/{row.id}/answer"
        wrong = await web.client.post(path, json={"text": "1"}, headers=token_of("carol"))
        service = await web.client.post(path, json={"text": "1"}, headers=SERVICE)
        empty = await web.client.post(path, json={"text": " "}, headers=token_of("dave"))
        right = await web.client.post(path, json={"text": "1"}, headers=token_of("dave"))
        late = await web.client.post(path, json={"text": "2"}, headers=token_of("dave"))
        after = (await web.client.get(f"/api/questions/{row.id}")).json()
        decided = await decide(web, row.id, "approve", by="dave")

    assert [(each["to"], each["text"], each["options"]) for each in listed] == [
        ("dave", "Which colour?", ["red", "blue"])
    ]
    assert [a.status_code for a in (wrong, service, empty, right, late)] == [403, 403, 422, 200, 409]
    assert (after["status"], after["answered_by"]) == ("answered", ["dave"])
    assert decided.status_code == 404


async def test_of_ten_answers_at_once_one_counts(tmp_path):
    script = [call("ask_dave"), reply("I have asked."), reply("Red it is.")]

    async with open_asking(tmp_path, script, tools=[ask_dave]) as web:
        row = await ask(web)
        path, headers = f"/api/questions/{row.id}/answer", token_of("dave")
        answers = await asyncio.gather(
            *(web.client.post(path, json={"text": str(n)}, headers=headers) for n in range(10))
        )

    assert sorted(answer.status_code for answer in answers) == [200, *[409] * 9]


async def test_after_its_time_a_question_takes_no_answer(tmp_path):
    script = [call("ask_dave"), reply("I have asked."), reply("Nobody said.")]

    async with open_asking(tmp_path, script, tools=[ask_dave]) as web:
        row = await ask(web)
        web.bot.clock.now = START + timedelta(hours=2)
        answer = await web.client.post(
            f"/api/questions/{row.id}/answer", json={"text": "1"}, headers=token_of("dave")
        )

    assert answer.status_code == 409
