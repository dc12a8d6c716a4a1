"""The REST API by hand: what it answers, what it refuses and in which words, and what it remembers."""

import asyncio
from typing import Any

import aiohttp
import pytest

from simulators.discord import GUILD_ID, DiscordConfig, DiscordSimulator, Limit, Limits
from simulators.discord.faults import Fault
from tests.simulators.discord_kit import (
    ANN,
    BOB,
    GENERAL,
    SUPPORT,
    UNLIMITED,
    Clock,
    Hand,
    hand,
)


def reasons(errors: dict[str, Any], path: str = "") -> dict[str, str]:
    """{path of the field: code} of a form that was refused."""
    found = {}
    for name, value in errors.items():
        if name == "_errors":
            found[path] = value[0]["code"]
        else:
            found |= reasons(value, f"{path}.{name}".strip("."))
    return found


async def refused(rest: Hand, body: dict[str, Any]) -> dict[str, str]:
    answer = await rest.call("POST", f"/channels/{GENERAL}/messages", body)
    assert (answer.status, answer.body["code"], answer.body["message"]) == (400, 50035, "Invalid Form Body")
    return reasons(answer.body["errors"])


# Sending


async def test_two_thousand_characters_are_taken_and_one_more_is_not():
    async with DiscordSimulator() as simulator, hand(simulator) as rest:
        most, more = await rest.send(GENERAL, "x" * 2_000), await rest.send(GENERAL, "x" * 2_001)

    assert (most.status, most.body["content"]) == (200, "x" * 2_000)
    assert (more.status, more.body) == (
        400,
        {
            "message": "Invalid Form Body",
            "code": 50035,
            "errors": {
                "content": {
                    "_errors": [
                        {"code": "BASE_TYPE_MAX_LENGTH", "message": "Must be 2000 or fewer in length."}
                    ]
                }
            },
        },
    )


def row(*buttons: dict[str, Any]) -> dict[str, Any]:
    return {"type": 1, "components": list(buttons)}


def button(custom_id: str = "a", label: str = "A") -> dict[str, Any]:
    return {"type": 2, "style": 1, "label": label, "custom_id": custom_id}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"content": "a", "nonce": "x" * 26}, {"nonce": "BASE_TYPE_MAX_LENGTH"}),
        ({"content": "a", "embeds": [{}] * 11}, {"embeds": "BASE_TYPE_BAD_LENGTH"}),
        ({"embeds": [{"description": "x" * 4_000}] * 2}, {"embeds": "MAX_EMBED_SIZE_EXCEEDED"}),
        ({"content": ["a"]}, {"content": "STRING_TYPE_CONVERT"}),
        ({"content": "a", "embeds": "b"}, {"embeds": "BASE_TYPE_LIST"}),
        (
            {"content": "a", "allowed_mentions": {"parse": ["users"], "users": [ANN]}},
            {"allowed_mentions": "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE"},
        ),
        (
            {"content": "a", "message_reference": {"message_id": "1"}},
            {"message_reference": "REPLIES_UNKNOWN_MESSAGE"},
        ),
        (
            {"content": "a", "components": [row(button("x" * 101))]},
            {"components.0.components.0.custom_id": "BASE_TYPE_BAD_LENGTH"},
        ),
        (
            {"content": "a", "components": [row(button(), button())]},
            {"components.0.components.1.custom_id": "COMPONENT_CUSTOM_ID_DUPLICATED"},
        ),
        (
            {"content": "a", "components": [row(button(label="x" * 81))]},
            {"components.0.components.0.label": "BASE_TYPE_MAX_LENGTH"},
        ),
        (
            {"content": "a", "components": [row(*(button(str(n)) for n in range(6)))]},
            {"components.0.components": "BASE_TYPE_BAD_LENGTH"},
        ),
        (
            {"content": "a", "components": [row(button(str(n))) for n in range(6)]},
            {"components": "BASE_TYPE_BAD_LENGTH"},
        ),
        (
            {"content": "a", "flags": 1 << 15},
            {"content": "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2"},
        ),
    ],
)
async def test_a_form_that_is_wrong_is_refused_with_the_field_and_the_reason(
    body: dict[str, Any], reason: dict[str, str]
):
    async with DiscordSimulator() as simulator, hand(simulator) as rest:
        assert await refused(rest, body) == reason
        assert simulator.messages() == []


async def test_an_empty_message_is_refused_and_one_with_only_a_file_is_not():
    async with DiscordSimulator() as simulator, hand(simulator) as rest:
        empty = await rest.send(GENERAL, "  ")
        form = aiohttp.FormData(quote_fields=False)
        form.add_field("payload_json", '{"attachments": [{"id": 0, "description": "text"}]}')
        form.add_field("files[0]", b"hi", filename="hi.txt")
        file = await rest.call("POST", f"/channels/{GENERAL}/messages", data=form)

    assert (empty.status, empty.body["code"]) == (400, 50006)
    assert file.status == 200
    assert file.body["attachments"][0]["description"] == "text"
    assert file.body["attachments"][0]["content_type"].startswith("text/plain")


async def test_too_large_a_file_is_refused():
    async with DiscordSimulator() as simulator, hand(simulator) as rest:
        form = aiohttp.FormData(quote_fields=False)
        form.add_field("payload_json", "{}")
        form.add_field("files[0]", bytes((10 << 20) + 1), filename="large.bin")
        answer = await rest.call("POST", f"/channels/{GENERAL}/messages", data=form)

    assert (answer.status, answer.body["code"]) == (413, 40005)


async def test_an_enforced_nonce_returns_the_message_that_has_it_for_some_minutes():
    clock = Clock()
    async with DiscordSimulator(now=clock) as simulator, hand(simulator) as rest:
        first = await rest.send(GENERAL, "once", nonce="n1", enforce_nonce=True)
        again = await rest.send(GENERAL, "once", nonce="n1", enforce_nonce=True)
        loose = await rest.send(GENERAL, "once", nonce="n1")
        clock.move(minutes=6)
        later = await rest.send(GENERAL, "once", nonce="n1", enforce_nonce=True)

    assert first.body["nonce"] == again.body["nonce"] == "n1"
    assert first.body["id"] == again.body["id"]
    assert len({first.body["id"], loose.body["id"], later.body["id"]}) == 3


async def test_an_unknown_reference_is_no_obstacle_where_it_need_not_exist():
    async with DiscordSimulator() as simulator, hand(simulator) as rest:
        reference = {"message_id": "1", "fail_if_not_exists": False}
        answer = await rest.send(GENERAL, "a", message_reference=reference)

    assert (answer.status, answer.body["type"]) == (200, 0)


# Whom it notifies


@pytest.mark.parametrize(
    ("text", "allowed", "pinged"),
    [
        ("@everyone", None, ["everyone"]),
        (f"<@{ANN}> and <@&{GUILD_ID}>", None, [f"user {ANN}", f"role {GUILD_ID}"]),
        ("@here", {"parse": []}, None),
        ("@here", {}, None),
        (f"<@{ANN}> <@{BOB}>", {"users": [BOB]}, [f"user {BOB}"]),
        (f"<@{ANN}> @everyone", {"parse": ["users"]}, [f"user {ANN}"]),
        (f"`<@{ANN}>` and ```\n@everyone\n```", None, None),
        ("nobody", None, None),
    ],
)
async def test_what_notifies_somebody_is_recorded(text: str, allowed: Any, pinged: list[str] | None):
    async with DiscordSimulator() as simulator, hand(simulator) as rest:
        more = {} if allowed is None else {"allowed_mentions": allowed}
        sent = await rest.send(GENERAL, text, **more)

        pings, (shown,) = simulator.pings(), simulator.messages()

    assert [ping["pinged"] for ping in pings] == ([pinged] if pinged else [])
    assert shown["allowed_mentions"] == allowed
    assert sent.body["mention_everyone"] == bool(pinged and "everyone" in pinged)


async def test_an_edit_without_allowed_mentions_notifies_and_so_does_a_reply():
    async with DiscordSimulator() as simulator, hand(simulator) as rest:
        said = simulator.say("ann", "hi", "general")
        quiet = await rest.send(GENERAL, f"<@{ANN}>", allowed_mentions={"parse": []})
        path = f"/channels/{GENERAL}/messages/{quiet.body['id']}"
        await rest.call("PATCH", path, {"content": f"<@{ANN}>", "allowed_mentions": {"parse": []}})
        await rest.call("PATCH", path, {"content": f"<@{ANN}>"})
        await rest.send(GENERAL, "hello", message_reference={"message_id": str(said.id)})

        edit, reply = simulator.pings()

    assert (edit["how"], edit["pinged"]) == ("edit", [f"user {ANN}"])
    assert (reply["how"], reply["pinged"]) == ("create", [f"reply {ANN}"])


# Reading


async def test_history_comes_newest_first_in_pages():
    async with DiscordSimulator() as simulator, hand(simulator) as rest:
        ids = [str(simulator.say("ann", f"m{n}", "general", mention=False).id) for n in range(7)]

        async def listed(query: str) -> list[str]:
            answer = await rest.call("GET", f"/channels/{GENERAL}/messages?{query}")
            assert answer.status == 200
            return [message["content"] for message in answer.body]

        newest, after = await listed("limit=2"), await listed(f"after={ids[2]}&limit=3")
        before, around = await listed(f"before={ids[2]}"), await listed(f"around={ids[3]}&limit=3")
        everything = await listed("after=0")
        too_many = await rest.call("GET", f"/channels/{GENERAL}/messages?limit=101")

    assert newest == ["m6", "m5"]
    assert after == ["m5", "m4", "m3"]
    assert before == ["m1", "m0"]
    assert around == ["m4", "m3", "m2"]
    assert len(everything) == 7
    assert too_many.body["code"] == 50035


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", "/channels/1", 10003),
        ("POST", "/channels/1/messages", 10003),
        ("GET", f"/channels/{GENERAL}/messages/1", 10008),
        ("PATCH", f"/channels/{GENERAL}/messages/1", 10008),
        ("GET", "/users/1", 10013),
        ("GET", "/guilds/1", 10004),
        ("GET", "/applications/1/commands", 10002),
    ],
)
async def test_what_is_not_there_is_unknown(method: str, path: str, code: int):
    async with DiscordSimulator() as simulator, hand(simulator) as rest:
        answer = await rest.call(method, path, {"content": "x"} if method != "GET" else None)

    assert (answer.status, answer.body["code"]) == (404, code)


async def test_without_the_token_there_is_only_the_address_of_the_gateway():
    async with DiscordSimulator() as simulator, hand(simulator, token="wrong") as rest:
        me, gateway = await rest.call("GET", "/users/@me"), await rest.call("GET", "/gateway")

    assert (me.status, me.body) == (401, {"message": "401: Unauthorized", "code": 0})
    assert gateway.body == {"url": simulator.gateway_url}


async def test_without_the_content_intent_a_servers_messages_are_empty_but_for_mentions():
    async with DiscordSimulator() as simulator, hand(simulator) as rest:
        simulator.state.set("granted", [])
        simulator.say("ann", "not for the bot", "general", mention=False)
        simulator.say("ann", "for the bot", "general")
        await rest.send(GENERAL, "its own")
        dm = simulator.say("ann", "between us").channel

        messages = await rest.call("GET", f"/channels/{GENERAL}/messages")
        alone = await rest.call("GET", f"/channels/{dm}/messages")

    assert [message["content"][-11:] for message in messages.body] == ["its own", "for the bot", ""]
    assert alone.body[0]["content"] == "between us"


# Changing


async def test_the_bot_changes_only_its_own_messages():
    async with DiscordSimulator() as simulator, hand(simulator) as rest:
        said = simulator.say("ann", "mine", "general")
        answer = await rest.call("PATCH", f"/channels/{GENERAL}/messages/{said.id}", {"content": "x"})

    assert (answer.status, answer.body["code"]) == (403, 50005)


async def test_an_edit_keeps_what_it_does_not_name():
    async with DiscordSimulator() as simulator, hand(simulator) as rest:
        sent = await rest.send(GENERAL, "pay?", components=[row(button())], flags=4)
        path = f"/channels/{GENERAL}/messages/{sent.body['id']}"
        edited = await rest.call("PATCH", path, {"content": "paid"})
        cleared = await rest.call("PATCH", path, {"components": [], "flags": 0})

    assert (edited.body["content"], edited.body["flags"]) == ("paid", 4)
    assert edited.body["components"] == sent.body["components"]
    assert edited.body["edited_timestamp"] is not None
    assert (cleared.body["content"], cleared.body["components"], cleared.body["flags"]) == ("paid", [], 0)


async def test_links_have_previews_unless_they_are_suppressed():
    async with DiscordSimulator() as simulator, hand(simulator) as rest:
        await rest.send(GENERAL, "https://a.example <https://b.example>")
        await rest.send(GENERAL, "https://c.example", flags=4)

        shown = [message["previews"] for message in simulator.messages()]

    assert shown == [["https://a.example"], []]


# Threads, direct messages, permissions


async def test_a_message_has_one_thread_with_its_id_and_threads_stand_alone_too():
    async with DiscordSimulator(config=UNLIMITED) as simulator, hand(simulator) as rest:
        said = simulator.say("ann", "topic", "support")
        path = f"/channels/{SUPPORT}/messages/{said.id}/threads"
        first, second = (
            await rest.call("POST", path, {"name": "t"}),
            await rest.call("POST", path, {"name": "t"}),
        )
        alone = await rest.call("POST", f"/channels/{SUPPORT}/threads", {"name": "alone", "type": 11})
        inside = await rest.call("POST", f"/channels/{alone.body['id']}/threads", {"name": "x"})
        joined = await rest.call("PUT", f"/channels/{said.id}/thread-members/@me")
        active = await rest.call("GET", f"/guilds/{GUILD_ID}/threads/active")
        starter = await rest.call("GET", f"/channels/{said.id}/messages")
        (created, _) = (await rest.call("GET", f"/channels/{SUPPORT}/messages")).body

    assert (first.status, first.body["id"], first.body["parent_id"]) == (201, str(said.id), SUPPORT)
    assert (second.status, second.body["code"]) == (400, 160004)
    assert alone.body["id"] != str(said.id)
    assert inside.body["code"] == 50024
    assert joined.status == 204
    assert {thread["name"] for thread in active.body["threads"]} == {"t", "alone"}
    assert [message["type"] for message in starter.body] == [21]
    assert (created["type"], created["content"]) == (18, "alone")
    assert created["message_reference"]["channel_id"] == alone.body["id"]


async def test_a_message_wakes_an_archived_thread():
    async with DiscordSimulator() as simulator, hand(simulator) as rest:
        thread = simulator.start_thread("ann", "old", channel="general")
        archived = await rest.call("PATCH", f"/channels/{thread.id}", {"archived": True})
        await rest.send(str(thread.id), "hello")
        woken = await rest.call("GET", f"/channels/{thread.id}")

    assert archived.body["thread_metadata"]["archived"] is True
    assert woken.body["thread_metadata"]["archived"] is False
    assert woken.body["message_count"] == 1


async def test_a_direct_message_needs_a_person_who_takes_them():
    async with DiscordSimulator() as simulator, hand(simulator) as rest:
        opened = await rest.call("POST", "/users/@me/channels", {"recipient_id": BOB})
        again = await rest.call("POST", "/users/@me/channels", {"recipient_id": BOB})
        await rest.control("dms", {"from": "bob", "open": False})
        closed = await rest.send(opened.body["id"], "hi")
        nobody = await rest.call("POST", "/users/@me/channels", {"recipient_id": "200000000000000999"})

    assert opened.body["id"] == again.body["id"]
    assert (opened.body["type"], opened.body["recipients"][0]["id"]) == (1, BOB)
    assert (closed.status, closed.body["code"]) == (403, 50007)
    assert nobody.body["code"] == 10013


@pytest.mark.parametrize(
    ("denied", "method", "path", "code"),
    [
        ("view", "POST", f"/channels/{GENERAL}/messages", 50001),
        ("send", "POST", f"/channels/{GENERAL}/messages", 50013),
        ("send", "POST", f"/channels/{GENERAL}/typing", 50013),
        ("threads", "POST", f"/channels/{GENERAL}/threads", 50013),
        ("history", "GET", f"/channels/{GENERAL}/messages", 50013),
    ],
)
async def test_what_the_bot_may_not_do_is_refused(denied: str, method: str, path: str, code: int):
    async with DiscordSimulator() as simulator, hand(simulator) as rest:
        await rest.control("permissions", {"channel": "general", "denied": [denied]})
        body = {"content": "x", "name": "x"} if method == "POST" else None
        answer = await rest.call(method, path, body)
        await rest.control("permissions", {"channel": "general", "denied": []})
        allowed = await rest.call(method, path, body)

    assert (answer.status, answer.body["code"]) == (403, code)
    assert allowed.status < 300


# Files


async def test_the_address_of_a_file_is_signed_and_dies_after_a_day():
    clock = Clock()
    async with DiscordSimulator(now=clock) as simulator, hand(simulator) as rest:
        form = aiohttp.FormData(quote_fields=False)
        form.add_field("payload_json", '{"content": "a"}')
        form.add_field("files[0]", b"data", filename="a b.txt")
        sent = await rest.call("POST", f"/channels/{GENERAL}/messages", data=form)
        url = sent.body["attachments"][0]["url"]

        async def status(address: str) -> int:
            async with rest.session.get(address) as response:
                return response.status

        now, forged, bare = (
            await status(url),
            await status(url.replace("hm=", "hm=0")),
            await status(url.partition("?")[0]),
        )
        clock.move(hours=25)
        later = await status(url)

    assert (now, forged, bare, later) == (200, 404, 404, 404)


# Limits


async def test_the_sixth_message_in_five_seconds_is_too_many_and_another_channel_is_free():
    clock = Clock()
    async with DiscordSimulator(now=clock) as simulator, hand(simulator) as rest:
        sent = [await rest.send(GENERAL, "x") for _ in range(6)]
        elsewhere = await rest.send(SUPPORT, "x")
        clock.move(seconds=5)
        later = await rest.send(GENERAL, "x")

    assert [answer.status for answer in sent] == [200] * 5 + [429]
    assert [answer.headers["X-RateLimit-Remaining"] for answer in sent] == ["4", "3", "2", "1", "0", "0"]
    assert len({answer.headers["X-RateLimit-Bucket"] for answer in sent}) == 1
    assert sent[5].body == {"message": "You are being rate limited.", "retry_after": 5.0, "global": False}
    assert sent[5].headers["Retry-After"] == "5"
    assert sent[5].headers["X-RateLimit-Scope"] == "user"
    assert "Via" in sent[5].headers
    assert (elsewhere.status, later.status) == (200, 200)


async def test_all_requests_together_have_a_limit_too():
    clock = Clock()
    limits = Limits(everything=Limit(3, 1.0))
    config = DiscordConfig(limits=limits)
    async with DiscordSimulator(config=config, now=clock) as simulator, hand(simulator) as rest:
        answers = [await rest.call("GET", "/users/@me") for _ in range(4)]

    assert [answer.status for answer in answers] == [200, 200, 200, 429]
    assert answers[3].body["global"] is True
    assert answers[3].headers["X-RateLimit-Global"] == "true"


async def test_too_many_refusals_are_a_ban_without_via():
    clock = Clock()
    limits = Limits(invalid=Limit(2, 600.0))
    config = DiscordConfig(limits=limits)
    async with (
        DiscordSimulator(config=config, now=clock) as simulator,
        hand(simulator, token="wrong") as rest,
    ):
        answers = [await rest.call("GET", "/users/@me") for _ in range(3)]

    assert [answer.status for answer in answers] == [401, 401, 429]
    assert "Via" not in answers[2].headers
    assert answers[2].body == "error code: 1015"


# What goes wrong on request


async def test_faults_happen_as_often_as_asked_and_then_no_more():
    async with DiscordSimulator(config=UNLIMITED) as simulator, hand(simulator) as rest:
        simulator.faults.add(Fault("502", times=2))
        simulator.faults.add(Fault("error", code=50007))
        simulator.faults.add(Fault("429", retry_after=3600, scope="shared"))
        simulator.faults.add(Fault("429", retry_after=None))
        simulator.faults.add(Fault("429", retry_after="soon"))
        simulator.faults.add(Fault("cloudflare"))
        simulator.faults.add(Fault("garbage"))
        answers = [await rest.send(GENERAL, "x") for _ in range(9)]

        sent = simulator.messages()

    statuses = [answer.status for answer in answers]
    assert statuses == [502, 502, 403, 429, 429, 429, 429, 200, 200]
    assert answers[2].body["code"] == 50007
    assert (answers[3].body["retry_after"], answers[3].headers["Retry-After"]) == (3600, "3600")
    assert answers[3].headers["X-RateLimit-Scope"] == "shared"
    assert "Retry-After" not in answers[4].headers
    assert "retry_after" not in answers[4].body
    assert answers[5].headers["Retry-After"] == "soon"
    assert isinstance(answers[7].body, str)
    assert len(sent) == 1


@pytest.mark.parametrize(("kind", "kept"), [("reset_before_accept", 0), ("reset_after_accept", 1)])
async def test_a_connection_that_breaks_may_have_sent_the_message_or_not(kind: Any, kept: int):
    async with DiscordSimulator() as simulator, hand(simulator) as rest:
        simulator.faults.add(Fault(kind))
        with pytest.raises(aiohttp.ClientError):
            await rest.send(GENERAL, "x", nonce="n", enforce_nonce=True)
        before = len(simulator.messages())
        await rest.send(GENERAL, "x", nonce="n", enforce_nonce=True)

        after = len(simulator.messages())

    assert (before, after) == (kept, 1)


async def test_a_request_hangs_until_it_is_released():
    async with DiscordSimulator() as simulator, hand(simulator) as rest:
        simulator.faults.add(Fault("hang"))
        waiting = asyncio.create_task(rest.send(GENERAL, "x"))
        await simulator.until(lambda: not simulator.faults.waiting)
        simulator.faults.clear()

        with pytest.raises(aiohttp.ClientError):
            await waiting


async def test_every_request_is_counted_with_what_it_was_for():
    async with DiscordSimulator() as simulator, hand(simulator) as rest:
        await rest.send(GENERAL, "x")
        await rest.send("1", "x")

        counted = [(each.operation, each.status) for each in simulator.rest.requests]

    assert counted == [("send", 200), ("send", 404)]
