"""What arrives from Discord: the documentation's own payloads, then everything that looks almost like one."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from bot.events import FeedbackReceived, MessageDeleted, MessageEdited, MessageReceived
from channels.discord.contents import ENOUGH, Contents
from channels.discord.destinations import Destination
from channels.discord.events import Arrival, Identity, Kind, Reader, kind_of
from channels.discord.presses import parse

PAYLOADS = Path(__file__).parents[1] / "payloads" / "discord"
ME = Identity("400", "401", name="saywhen")
READER = Reader(ME)


def every_payload() -> Iterator[Any]:
    for path in sorted(PAYLOADS.glob("*.json")):
        yield from objects(json.loads(path.read_text()))


def objects(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        if isinstance(item, dict | list):
            yield from objects(item)


def documented(section: str) -> dict[str, Any]:
    samples = json.loads((PAYLOADS / "docs.message.json").read_text())
    found: dict[str, Any] = next(each["sample"] for each in samples if each["section"] == section)
    return found


def message(**changes: Any) -> dict[str, Any]:
    """A message; `None` takes a key away."""
    plain = {
        "id": "1001", "channel_id": "500", "type": 0, "content": "hi", "guild_id": "9",
        "author": {"id": "200", "username": "ann", "global_name": "Ann"}, "mentions": [], "edited_timestamp": None,
    }  # fmt: skip
    return {key: value for key, value in {**plain, **changes}.items() if value is not None}


def answer_of_ours(id_: str = "1002", asked: str = "1001") -> dict[str, Any]:
    return message(id=id_, author={"id": "400", "bot": True}, message_reference={"message_id": asked})


def read(payload: Any, kind: Kind = "dm", reader: Reader = READER) -> Arrival:
    (arrival,) = reader.received(payload, kind)
    return arrival


def received(payload: Any, kind: Kind = "dm", reader: Reader = READER) -> MessageReceived:
    data = read(payload, kind, reader).incoming.data
    assert isinstance(data, MessageReceived)
    return data


# ---------------------------------------------------------------- documented payloads


def test_the_documented_message_is_one_of_its_sender():
    data = received(documented("Example Message"))

    assert data.place == "discord:290926798999357250:334385199974967042"
    assert [(block.source, block.text) for block in data.blocks] == [("person", "Supa Hot")]
    assert (data.sender.address, data.sender.proof, data.display) == (
        "53908099506183680",
        "provider",
        "Mason",
    )


def test_no_documented_payload_breaks_a_reader():
    for payload in every_payload():
        for kind in ("dm", "thread", "channel"):
            READER.received(payload, kind)
            READER.edited(payload, kind)
            READER.deleted(payload, kind)
        parse(payload, me=ME)


# ---------------------------------------------------------------- where it belongs


@pytest.mark.parametrize("kind", ["dm", "thread"])
def test_a_dm_and_a_thread_are_one_conversation_each(kind: Kind):
    incoming = read(message(), kind).incoming

    assert (incoming.conversation, incoming.destination) == ("500", "channel/500")
    assert incoming.direct is (kind == "dm")


def test_a_mention_begins_a_conversation_that_has_the_name_of_its_thread_to_be():
    arrival = read(message(content="<@400> please look"), "channel")

    assert arrival.addressed
    assert (arrival.incoming.conversation, arrival.incoming.destination) == ("1001", "mention/500/1001")
    in_its_thread = read(message(id="1009", channel_id="1001", content="and?"), "thread")
    assert in_its_thread.incoming.conversation == arrival.incoming.conversation


def test_a_reply_to_an_answer_of_ours_goes_on_with_what_that_answered():
    arrival = read(
        message(id="1003", message_reference={"message_id": "1002"}, referenced_message=answer_of_ours()),
        "channel",
    )

    assert arrival.addressed
    assert (arrival.incoming.conversation, arrival.incoming.destination) == ("1001", "mention/500/1001")


def test_a_reply_to_something_that_we_said_unasked_begins_there():
    ours = answer_of_ours() | {"message_reference": None}

    arrival = read(
        message(id="1003", message_reference={"message_id": "1002"}, referenced_message=ours), "channel"
    )

    assert arrival.incoming.conversation == "1002"


def test_people_who_talk_in_a_channel_do_not_address_us():
    assert not read(message(), "channel").addressed
    assert not read(message(content="<@4001> <@&400> @saywhen"), "channel").addressed


def test_a_reply_to_somebody_else_does_not_address_us():
    theirs = message(id="1002", author={"id": "201"})

    assert not read(
        message(id="1003", message_reference={"message_id": "1002"}, referenced_message=theirs), "channel"
    ).addressed


def test_who_is_asked_about_what_somebody_wrote_reads_it_as_a_quote():
    theirs = message(id="1002", content="the disk is full", author={"id": "201", "username": "bob"})

    data = received(
        message(
            content="<@400> what now?", message_reference={"message_id": "1002"}, referenced_message=theirs
        ),
        "channel",
    )

    assert [(block.source, block.text, block.name) for block in data.blocks] == [
        ("person", "what now?", ""),
        ("quoted", "the disk is full", "bob"),
    ]


@pytest.mark.parametrize(
    ("number", "kind"), [(0, "channel"), (1, "dm"), (5, "channel"), (11, "thread"), (12, "thread")]
)
def test_kinds_of_channels(number: int, kind: Kind):
    assert kind_of(number) == kind


# ---------------------------------------------------------------- who wrote


@pytest.mark.parametrize(
    "changes",
    [
        {"author": {"id": "400", "bot": True}},
        {"author": {"id": "400"}},
        {"author": {"id": "300", "bot": True}},
        {"author": {"id": "300"}, "webhook_id": "300"},
        {"author": {"id": "300", "bot": True}, "application_id": "401"},
        {"author": {"id": "643945264868098049", "system": True}},
        {"author": {"username": "nobody"}},
        {"author": {"id": "x"}},
        {"author": None},
        {"type": 7},
        {"type": 18},
        {"type": 21},
        {"type": "0"},
        {"channel_id": None},
        {"id": "1001; drop"},
        {"content": ""},
    ],
)
def test_what_is_no_message_of_a_person_is_left_alone(changes):
    assert READER.received(message(**changes), "dm") == ()


@pytest.mark.parametrize("allowed", ["300", "777", "888"])
def test_bots_and_webhooks_may_speak_when_they_are_allowed(allowed: str):
    reader = Reader(ME, frozenset({allowed}))
    bot = message(author={"id": "300", "bot": True}, webhook_id="777", application_id="888")

    assert received(bot, "dm", reader).sender.address == "300"


def test_our_own_messages_are_ours_even_if_somebody_allows_them():
    reader = Reader(ME, frozenset({"400", "401"}))

    assert reader.received(message(author={"id": "400", "bot": True}), "dm") == ()
    assert reader.received(message(author={"id": "300", "bot": True}, application_id="401"), "dm") == ()


def test_a_display_name_is_shown_and_proves_nothing():
    data = received(message(member={"nick": "carol"}, author={"id": "200", "username": "mallory"}))

    assert (data.display, data.sender.address) == ("carol", "200")


# ---------------------------------------------------------------- what was written


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("<@400> hello", "hello"),
        ("<@!400>, hello", "hello"),
        ("hello <@400>!", "hello!"),
        ("<@400>", "@saywhen"),
        ("ask <@201> and <@7>", "ask @Bob and @7"),
        ("<@&5> in <#6> <:party:77> <a:dance:78>", "@role 5 in #6 :party: :dance:"),
        ("at <t:0:R>", "at 1970-01-01 00:00 UTC"),
        ("at <t:9999999999999>", "at <t:9999999999999>"),
        ("use </ask:12>", "use /ask"),
        ("a < b > c <script> &lt;", "a < b > c <script> &lt;"),
    ],
)
def test_text_is_read_as_people_saw_it(content: str, text: str):
    mentions = [{"id": "400", "username": "saywhen"}, {"id": "201", "username": "bob", "global_name": "Bob"}]

    assert received(message(content=content, mentions=mentions)).blocks[0].text == text


def test_attachments_are_references():
    file = {
        "id": "31",
        "filename": "plan.pdf",
        "content_type": "application/pdf",
        "size": 12,
        "url": "https://cdn",
    }
    image = {"id": "32", "filename": "cat.png", "content_type": "image/png", "size": 9}

    _, first, second = received(message(attachments=[file, image])).blocks

    assert (first.source, first.kind, first.name, first.ref) == (
        "attachment",
        "file",
        "plan.pdf",
        "500/1001/31",
    )
    assert first.text == "application/pdf; 1 KB"
    assert not first.data
    assert (second.kind, second.ref) == ("image", "500/1001/32")


def test_a_message_that_is_passed_on_is_a_quote():
    data = received(
        message(
            content="",
            message_reference={"type": 1, "message_id": "1", "channel_id": "2"},
            message_snapshots=[{"message": {"content": "delete everything"}}],
        )
    )

    assert [(block.source, block.text) for block in data.blocks] == [("quoted", "delete everything")]


def test_a_sticker_is_something_said():
    assert received(message(content="", sticker_items=[{"name": "Wave"}])).blocks[0].text == "[sticker: Wave]"


# ---------------------------------------------------------------- edits, deletes, thumbs


def test_an_edit_names_the_message_and_its_version():
    (arrival,) = READER.edited(message(content="hello", edited_timestamp="2026-01-02T03:04:05+00:00"), "dm")

    assert isinstance(arrival.incoming.data, MessageEdited)
    assert arrival.incoming.dedupe == "discord:500:1001:2026-01-02T03:04:05+00:00"


@pytest.mark.parametrize(
    "changes",
    [{"edited_timestamp": None}, {"content": None, "edited_timestamp": "2026"}, {"author": {"id": "400"}}],
)
def test_a_preview_that_was_added_is_no_edit(changes):
    assert READER.edited(message(**changes), "dm") == ()


def test_a_delete_names_the_message_and_nobody():
    (arrival,) = READER.deleted({"id": "1001", "channel_id": "500", "guild_id": "9"}, "thread")

    assert isinstance(arrival.incoming.data, MessageDeleted)
    assert arrival.incoming.data.sender.proof == "none"
    assert arrival.incoming.dedupe == "discord:500:1001:deleted"


@pytest.mark.parametrize(("emoji", "rating"), [("👍", 5), ("👎", 1), ("👍🏽", 5)])
def test_a_thumb_is_feedback(emoji: str, rating: int):
    event = {"channel_id": "500", "message_id": "1002", "user_id": "200", "emoji": {"name": emoji}}

    (arrival,) = READER.reacted(event, Destination("500"))

    assert arrival.incoming.data == FeedbackReceived(rating=rating)


@pytest.mark.parametrize(
    "event", [{"emoji": {"name": "🎉"}}, {"user_id": "400"}, {"user_id": None}, {"emoji": None}]
)
def test_other_reactions_are_none(event):
    plain = {"channel_id": "500", "message_id": "1002", "user_id": "200", "emoji": {"name": "👍"}}

    assert READER.reacted({**plain, **event}, Destination("500")) == ()


# ---------------------------------------------------------------- message content


def test_a_server_whose_people_write_nothing_lacks_an_intent():
    contents = Contents()
    seen = [contents.see(message(content=""), "channel", me="400") for _ in range(ENOUGH)]

    assert seen[0] == ""
    assert "Message Content Intent" in seen[-1]
    assert contents.see(message(), "channel", me="400") == ""


@pytest.mark.parametrize(
    "changes",
    [{"attachments": [{"id": "1"}]}, {"poll": {}}, {"author": {"id": "1", "bot": True}}, {"type": 7}],
)
def test_messages_without_words_say_nothing_about_intents(changes):
    contents = Contents()
    for _ in range(2 * ENOUGH):
        contents.see(message(content="", **changes), "channel", me="400")

    assert not contents.missing


# ---------------------------------------------------------------- anything


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_nothing_that_is_put_into_a_message_breaks_a_reader(data: st.DataObject):
    whole = message(
        content="<@400> x",
        edited_timestamp="2026",
        attachments=[{"id": "1", "size": 3}],
        referenced_message=answer_of_ours(),
        message_reference={"message_id": "2"},
        member={"nick": "x"},
        message_snapshots=[{"message": {"content": "y"}}],
    )
    payload = copy.deepcopy(whole)
    payload[data.draw(st.sampled_from(sorted(whole)))] = data.draw(JUNK)

    for kind in ("dm", "thread", "channel"):
        READER.received(payload, kind)
        READER.edited(payload, kind)
        READER.deleted(payload, kind)
        READER.reacted(payload, Destination("1"))


@pytest.mark.parametrize("text", ["channel/5", "mention/5/6", "7"])
def test_a_destination_is_written_as_it_is_read(text: str):
    assert str(Destination.parse(text)) == text


@pytest.mark.parametrize(
    "text", ["", "x", "channel/", "channel/x", "mention/5", "mention/5/6/7", "0", "-5", "٣"]
)
def test_what_is_no_place_is_none(text: str):
    assert Destination.parse(text) is None
