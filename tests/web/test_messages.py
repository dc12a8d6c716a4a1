"""POST /api/messages: answers, duplicates, overload and bad input."""

import asyncio

import pytest

from bot.errors import Overloaded, StoreClosed, StoreFull
from bot.testing import call, failure, reply
from tests.web.kit import open_web, serving, until


async def test_who_waits_gets_the_reply(tmp_path):
    async with open_web(tmp_path, script=[reply("It is noon.")]) as web:
        answer = await web.say("what time is it?")

    assert answer.status_code == 200
    assert answer.json() | {"thread_id": ""} == {
        "thread_id": "",
        "seq": 2,
        "status": "idle",
        "reply": "It is noon.",
        "next_action": "reply",
        "approvals": [],
    }


async def test_who_does_not_wait_gets_the_place_and_may_ask_again(tmp_path):
    async with open_web(tmp_path) as web:
        web.thinking.clear()
        first = await web.say(id="m1", wait=0)
        web.thinking.set()
        again = await web.say(id="m1", wait=5)

    assert (first.status_code, again.status_code) == (202, 200)
    assert (first.json()["status"], first.json()["reply"], first.json()["next_action"]) == (
        "working",
        None,
        None,
    )
    assert again.json()["seq"] == first.json()["seq"]
    assert again.json()["reply"] == "I heard **you**."


async def test_a_wait_ends_in_time(tmp_path):
    async with open_web(tmp_path) as web:
        web.thinking.clear()
        async with asyncio.timeout(3):
            answer = await web.say(wait=0.2)

    assert (answer.status_code, answer.json()["status"]) == (202, "working")


@pytest.mark.parametrize("as_header", [True, False])
async def test_fifty_deliveries_of_one_message_are_one_message_with_one_reply(tmp_path, as_header):
    body = {"conversation": "c1", "text": "hello"} | ({} if as_header else {"id": "m1"})
    headers = {"idempotency-key": "m1"} if as_header else {}

    async with open_web(tmp_path) as web:
        posts = (
            web.client.post("/api/messages", params={"wait": 5}, json=body, headers=headers)
            for _ in range(50)
        )
        answers = await asyncio.gather(*posts)
        log = await web.bot.log(answers[0].json()["thread_id"])

    assert {(a.status_code, a.text) for a in answers} == {(200, answers[0].text)}
    assert [event.type for event in log].count("message.received") == 1
    assert len(web.bot.model.requests) == 1


async def test_conversations_that_look_alike_share_nothing(tmp_path):
    async with open_web(tmp_path) as web:
        one = await web.say(conversation="a:b", id="c")
        other = await web.say(conversation="a", id="b:c")

    assert one.json()["thread_id"] != other.json()["thread_id"]


async def test_twenty_messages_at_once_get_their_own_replies(tmp_path):
    def script(request):
        said = request["messages"][0]["content"]
        number = (
            [block["text"] for block in said if "number" in block["text"]][-1]
            .split("number ")[1]
            .split("<")[0]
        )
        return reply(f"this is {number}")

    async with open_web(tmp_path, script=script) as web:
        answers = await asyncio.gather(*(web.say(f"number {n}", wait=20) for n in range(20)))

    assert [answer.json()["reply"] for answer in answers] == [f"this is {n}" for n in range(20)]


async def test_a_message_whose_writer_has_not_seen_all_is_refused(tmp_path):
    async with open_web(tmp_path) as web:
        first = (await web.say("one", id="m1", after=0)).json()
        last = (await web.client.get("/api/threads")).json()["threads"][0]["last_seq"]
        late = await web.say("two", after=first["seq"])
        again = await web.say("one", id="m1", after=0)
        good = await web.say("three", after=last)

    assert (late.status_code, late.json()["seq"]) == (409, last)
    assert (again.status_code, again.json()["seq"]) == (200, first["seq"])
    assert good.status_code == 200


async def test_of_two_writers_who_have_seen_the_same_one_is_refused(tmp_path):
    async with open_web(tmp_path) as web:
        answers = await asyncio.gather(*(web.say(f"m{n}", after=0, wait=0) for n in range(10)))

    assert sorted(answer.status_code for answer in answers) == [202] + [409] * 9


@pytest.mark.parametrize("refusal", [Overloaded(), StoreFull(), StoreClosed()])
async def test_what_cannot_be_taken_is_never_said_to_be_taken(tmp_path, refusal):
    async with open_web(tmp_path, retry_after=7) as web:
        web.refusal = refusal
        answer = await web.say()

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "7")
    assert answer.json()["error"]["message"] == str(refusal)


async def test_a_body_that_is_too_large_is_refused(tmp_path):
    async def slowly():
        for _ in range(3):
            yield b"x" * 1000

    async with open_web(tmp_path, max_body=2048) as web:
        told = await web.say("x" * 3000)
        json = {"content-type": "application/json"}
        untold = await web.client.post("/api/messages", content=slowly(), headers=json)

    assert (told.status_code, untold.status_code) == (413, 413)
    assert told.json()["error"]["allowed"] == "2048 bytes"


BAD = {
    "no JSON": (b"{", "not JSON"),
    "no object": (b"[]", "body"),
    "no text": (b'{"conversation": "c"}', "text: Field required"),
    "an empty text": (b'{"conversation": "c", "text": ""}', "text"),
    "only white space": (b'{"conversation": "c", "text": " \\n"}', "text"),
    "a number as text": (b'{"conversation": "c", "text": 5}', "text"),
    "no conversation": (b'{"text": "x"}', "conversation: Field required"),
    "a long conversation": (b'{"conversation": "' + b"c" * 201 + b'", "text": "x"}', "conversation"),
    "an unknown field": (b'{"conversation": "c", "text": "x", "thread": "y"}', "thread"),
    "a huge after": (b'{"conversation": "c", "text": "x", "after": 9223372036854775808}', "after"),
    "deep nesting": (b'{"conversation": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", ""),
    "bytes that are no text": (b'{"conversation": "c", "text": "\xff"}', ""),
    "nothing": (b"", "body"),
}


@pytest.mark.parametrize("name", BAD)
async def test_bad_input_is_refused_with_what_is_wrong(tmp_path, name):
    body, expected = BAD[name]

    async with open_web(tmp_path) as web:
        answer = await web.client.post(
            "/api/messages", content=body, headers={"content-type": "application/json"}
        )

    assert answer.status_code in (400, 422), answer.text
    assert expected in answer.json()["error"]["message"]


async def test_texts_of_every_kind_arrive_as_they_are(tmp_path):
    text = 'a\x00b \u202e \U0001f600 </message> "\\" ' + "x" * 50_000

    async with open_web(tmp_path) as web:
        said = (await web.say(text)).json()
        events = (await web.client.get(f"/api/threads/{said['thread_id']}/events")).json()["events"]

    assert events[1]["data"]["blocks"][0]["text"] == text


async def test_half_a_character_becomes_a_mark(tmp_path):
    body = b'{"conversation": "\\ud800", "text": "\\udfff", "id": "\\ud800"}'

    async with open_web(tmp_path) as web:
        json = {"content-type": "application/json"}
        answer = await web.client.post("/api/messages", content=body, headers=json)

    assert answer.status_code == 202


@pytest.mark.parametrize(("action", "status"), [("pause", "paused"), ("take_over", "with_person")])
async def test_nobody_waits_long_for_a_thread_that_stands_still(tmp_path, action, status):
    async with open_web(tmp_path) as web:
        thread_id = (await web.say()).json()["thread_id"]
        await web.bot.control(thread_id, action)
        async with asyncio.timeout(4):
            answer = await web.say("and now?", wait=60)

    assert answer.json()["status"] == status
    assert answer.status_code == (202 if action == "pause" else 200)


async def test_a_stop_gives_those_who_wait_an_answer(tmp_path):
    async with open_web(tmp_path) as web:
        web.thinking.clear()
        waiting = asyncio.create_task(web.say(wait=20))
        await asyncio.sleep(0.2)
        thread_id = (await web.client.get("/api/threads")).json()["threads"][0]["thread_id"]
        cancel = asyncio.create_task(web.client.post(f"/api/threads/{thread_id}/cancel", json={}))
        await asyncio.sleep(0.1)
        web.thinking.set()
        answer, cancelled = await waiting, await cancel

    assert (answer.status_code, answer.json()["next_action"]) == (200, "cancelled")
    assert cancelled.json()["status"] == "idle"


async def test_the_wait_goes_on_while_the_model_is_out_of_service(tmp_path):
    script = [failure("unavailable"), reply("Here I am.")]

    async with open_web(tmp_path, script=script) as web:
        waiting = asyncio.create_task(web.say(wait=20))
        await asyncio.sleep(0.3)
        assert not waiting.done()
        web.bot.clock.advance(10)
        web.bell.set()
        answer = await waiting

    assert (answer.json()["reply"], answer.json()["next_action"]) == ("Here I am.", "reply")


async def test_a_call_that_fails_is_not_the_callers_problem(tmp_path):
    async with open_web(tmp_path, script=[call("nothing_like_it"), reply("I cannot do that.")]) as web:
        answer = await web.say()

    assert answer.json()["reply"] == "I cannot do that."


async def test_our_own_bug_ends_in_an_answer(tmp_path):
    async with open_web(tmp_path, script=[RuntimeError("boom, tok-0123456789abcdef")]) as web:
        answer = await web.say()
        later = await web.say("still there?", wait=10)

    assert (answer.json()["next_action"], answer.json()["status"]) == ("failed", "parked")
    assert (later.status_code, later.json()["status"]) == (202, "parked")
    assert "boom" not in answer.text


async def test_a_caller_who_hangs_up_frees_the_wait(tmp_path):
    async with open_web(tmp_path) as web, serving(web.app) as url:
        web.thinking.clear()
        address = url.removeprefix("http://").split(":")
        _, writer = await asyncio.open_connection(address[0], int(address[1]))
        body = b'{"conversation": "c1", "text": "hello"}'
        head = f"POST /api/messages?wait=60 HTTP/1.1\r\nHost: {':'.join(address)}\r\nContent-Length: {len(body)}\r\n"
        writer.write(head.encode() + b"Content-Type: application/json\r\n\r\n" + body)
        await writer.drain()
        await until(lambda: web.app.state.watch.count == 1)
        writer.close()
        await until(lambda: web.app.state.watch.count == 0)


async def test_an_error_nobody_expected_is_short_and_without_a_trace(tmp_path):
    async with open_web(tmp_path) as web:
        web.refusal = ZeroDivisionError("tok-0123456789abcdef")
        answer = await web.say()

    assert answer.status_code == 500
    assert list(answer.json()) == ["error"]
    assert "tok-" not in answer.text
    assert "Traceback" not in answer.text


async def test_an_id_that_was_used_for_another_text_is_refused_and_not_dropped_without_a_word(tmp_path):
    async with open_web(tmp_path) as web:
        body = {"conversation": "c", "id": "k1", "text": "one"}
        first = await web.client.post("/api/messages", json=body)
        again = await web.client.post("/api/messages", json=body)
        other = await web.client.post("/api/messages", json={**body, "text": "two"})

    assert first.json()["seq"] == again.json()["seq"]
    assert other.status_code == 409
    assert "another text" in other.json()["error"]["message"]
