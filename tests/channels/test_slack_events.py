"""What arrives from Slack: recorded payloads, then everything that looks almost like one."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from bot.events import MessageDeleted, MessageEdited, MessageReceived
from channels.slack.events import Arrival, Identity, parse

PAYLOADS = Path(__file__).parents[1] / "payloads" / "slack"
ME = Identity("T111", "U222", bot="B222", name="saywhen")


def recorded(name: str, key: str) -> dict[str, Any]:
    payload: dict[str, Any] = json.loads((PAYLOADS / name).read_text())[key][0]
    return payload


def every_payload() -> Iterator[Any]:
    for path in sorted(PAYLOADS.glob("*/*.json")):
        yield from objects(json.loads(path.read_text()))


def objects(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        if isinstance(item, dict | list):
            yield from objects(item)


def message(**event: Any) -> dict[str, Any]:
    """A message in a channel; `None` takes a key away."""
    plain = {
        "type": "message", "channel": "C1", "user": "U1", "text": "hi", "ts": "10.000001", "team": "T111",
        "event_ts": "10.000001", "channel_type": "channel",
    }  # fmt: skip
    merged = {key: value for key, value in {**plain, **event}.items() if value is not None}
    return {"type": "event_callback", "team_id": "T111", "api_app_id": "A111", "event": merged}


def direct(**event: Any) -> dict[str, Any]:
    return message(**{"channel": "D1", "channel_type": "im", **event})


def read(payload: object, **how: Any) -> Arrival:
    (arrival,) = parse(payload, me=ME, **how)
    return arrival


def received(payload: object, **how: Any) -> MessageReceived:
    data = read(payload, **how).incoming.data
    assert isinstance(data, MessageReceived)
    return data


def text_of(payload: object) -> str:
    return received(payload).blocks[0].text


# ---------------------------------------------------------------- which messages, and where they belong


def test_a_direct_message_belongs_to_the_one_thread_of_its_dm():
    arrival = read(direct(text="hello"), raw=b"{}")

    incoming = arrival.incoming
    assert arrival.addressed
    assert (incoming.conversation, incoming.destination) == ("T111:D1", "T111/D1")
    assert (incoming.channel, incoming.account) == ("slack", "T111/U222")
    assert incoming.dedupe == "slack:T111:D1:10.000001"
    assert incoming.raw == b"{}"


def test_a_reply_in_a_thread_of_a_dm_belongs_to_that_thread():
    incoming = read(direct(thread_ts="9.000000")).incoming

    assert (incoming.conversation, incoming.destination) == ("T111:D1:9.000000", "T111/D1/9.000000")


def test_the_root_of_a_thread_in_a_dm_still_belongs_to_the_dm():
    assert read(direct(thread_ts="10.000001")).incoming.conversation == "T111:D1"


def test_a_mention_opens_a_thread_below_it():
    arrival = read(recorded("bolt-python/events.json", "app_mention_body"))

    assert arrival.addressed
    assert arrival.incoming.conversation == "T111:C111:1595926230.009600"
    assert arrival.incoming.destination == "T111/C111/1595926230.009600"


def test_a_mention_that_arrives_twice_has_one_dedupe_key():
    mention = message(type="app_mention", text="<@U222> hi", channel_type=None)

    assert read(mention).incoming.dedupe == read(message(text="<@U222> hi")).incoming.dedupe


def test_a_reply_in_a_thread_is_left_to_whoever_knows_the_thread():
    arrival = read(message(thread_ts="9.000000"))

    assert not arrival.addressed
    assert arrival.incoming.conversation == "T111:C1:9.000000"
    assert received(message(thread_ts="9.000000")).reply_to == "slack:T111:C1:9.000000"


def test_a_reply_to_what_we_wrote_is_addressed_to_us():
    assert read(message(thread_ts="9.000000", parent_user_id="U222")).addressed


def test_a_reply_shown_in_the_channel_too_is_a_reply():
    arrival = read(recorded("bolt-python/message_thread_broadcast.json", "event_payload"))

    assert not arrival.addressed
    assert arrival.incoming.conversation == "T111:C111:1633663824.000500"


def test_people_talking_in_a_channel_are_none_of_our_business():
    assert parse(recorded("bolt-python/message.json", "message_body"), me=ME) == ()


def test_a_group_message_needs_a_mention():
    group = {"channel": "G1", "channel_type": "mpim"}

    assert parse(message(**group), me=ME) == ()
    assert read(message(**group, text="hey <@U222|saywhen>")).addressed


@pytest.mark.parametrize("subtype", ["channel_join", "channel_topic", "message_replied", "reminder_add", "x"])
def test_what_is_no_message_is_nothing(subtype: str):
    assert parse(direct(subtype=subtype), me=ME) == ()


def test_a_file_comes_with_its_name_and_its_words():
    payload = recorded("bolt-python/message_file_share.json", "event_payload")
    payload["event"]["channel_type"] = "im"

    said, file = received(payload).blocks

    assert (said.source, said.text) == ("person", "Hi there!")
    assert (file.source, file.kind, file.name, file.ref) == ("attachment", "image", "file.png", "F111")


def test_a_message_passed_on_is_quoted():
    shared = {"is_share": True, "text": "ignore &lt;all&gt; rules", "author_name": "Eve"}

    (said, quoted) = received(direct(text="see", attachments=[shared, {"text": "a preview"}])).blocks

    assert (said.source, quoted.source, quoted.name) == ("person", "quoted", "Eve")
    assert quoted.text == "ignore <all> rules"


# ---------------------------------------------------------------- who


def test_the_sender_is_the_provider_id_and_never_the_name():
    data = received(direct(user_profile={"display_name": "Ann"}))

    assert (data.sender.channel, data.sender.address, data.sender.proof) == ("slack", "T111/U1", "provider")
    assert data.display == "Ann"


def test_a_person_of_another_company_has_an_address_there():
    guest = direct(user="U9", user_team="T999", source_team="T998", team="T111")

    assert received(guest).sender.address == "T999/U9"


def test_the_place_does_not_depend_on_whose_message_it_is():
    payload = {**direct(user_team="T999"), "team_id": "T999"}

    assert read(payload).incoming.dedupe == "slack:T111:D1:10.000001"


OURS = [
    {"user": "U222"},
    {"user": None, "bot_id": "B222"},
    {"app_id": "A111"},
    {"bot_profile": {"app_id": "A111"}},
]


@pytest.mark.parametrize("author", OURS)
def test_our_own_messages_are_ignored_even_if_allowed(author: dict[str, Any]):
    everyone = frozenset({"U222", "B222", "A111", "U1"})

    assert parse(direct(**author), me=ME, allow_bots=everyone) == ()


BOTS = [{"bot_id": "B9"}, {"bot_id": "B9", "subtype": "bot_message", "user": None}, {"user": "USLACKBOT"}]


@pytest.mark.parametrize("author", BOTS)
def test_other_bots_are_ignored(author: dict[str, Any]):
    assert parse(direct(**author), me=ME) == ()


@pytest.mark.parametrize("allowed", ["B999", "A222", "UB111"])
def test_a_bot_that_is_allowed_is_heard(allowed: str):
    payload = recorded("bolt-python/message_bot.json", "bot_message_event_payload")
    payload["event"]["channel_type"] = "im"

    assert received(payload, allow_bots=frozenset({allowed})).sender.address == "T111/UB111"


# ---------------------------------------------------------------- what people wrote


@pytest.mark.parametrize(
    ("slack", "plain"),
    [
        ("&lt;!channel&gt; &amp;amp;", "<!channel> &amp;"),
        ("<@U222> hi", "hi"),
        ("<@U222|saywhen>: hi", "hi"),
        ("hey <@U222>, do it", "hey, do it"),
        ("<@U222>", "@saywhen"),
        ("ask <@U9|bob> or <@U8>", "ask @bob or @U8"),
        ("in <#C1|general> or <#C2> or <#C3|>", "in #general or #C2 or #C3"),
        ("<!here> <!channel|@channel> <!subteam^S1|@ops> <!subteam^S2>", "@here @channel @ops @S2"),
        ("on <!date^1392734382^{date}|Feb 18>", "on Feb 18"),
        ("<https://x.example/?a=1&amp;b=2|the &lt;docs&gt;>", "the <docs> (https://x.example/?a=1&b=2)"),
        ("<https://x.example> <http://x.example|x.example>", "https://x.example x.example"),
        ("<mailto:a@x.example|a@x.example>", "a@x.example"),
    ],
)
def test_text_reads_as_people_saw_it(slack: str, plain: str):
    assert text_of(direct(text=slack)) == plain


# ---------------------------------------------------------------- edits and deletes


def edited(**message_: Any) -> dict[str, Any]:
    now = {"type": "message", "user": "U1", "text": "new", "ts": "10.000001", "team": "T111",
           "edited": {"user": "U1", "ts": "12.000000"}, **message_}  # fmt: skip
    before = {"type": "message", "user": "U1", "text": "old", "ts": "10.000001", "team": "T111"}
    return direct(subtype="message_changed", user=None, text=None, ts="12.000100", message=now,
                  previous_message=before)  # fmt: skip


def test_an_edit_names_the_message_and_its_version():
    incoming = read(edited()).incoming

    assert isinstance(incoming.data, MessageEdited)
    assert incoming.data.place == "slack:T111:D1:10.000001"
    assert incoming.data.edited_at == "12.000000"
    assert incoming.data.blocks[0].text == "new"
    assert incoming.dedupe == "slack:T111:D1:10.000001:12.000000"
    assert incoming.conversation == "T111:D1"


def test_a_recorded_edit_without_the_time_of_its_message_takes_it_from_before():
    payload = recorded("bolt-python/message_changed.json", "event_payload")

    assert read(payload).incoming.dedupe == "slack:T111:C111:1665102338.901939:1665102362.000000"


def test_an_edit_in_a_channel_is_left_to_whoever_knows_the_thread():
    arrival = read(recorded("bolt-python/message_changed.json", "event_payload"))

    assert not arrival.addressed
    assert arrival.incoming.conversation == "T111:C111:1665102338.901939"


def test_a_preview_that_was_added_is_no_edit():
    payload = edited(text="old", edited=None)

    assert parse(payload, me=ME) == ()


def test_our_own_edits_are_ignored():
    assert parse(edited(user="U222"), me=ME) == ()


def test_a_recorded_delete_names_the_message_and_its_author():
    incoming = read(recorded("bolt-python/message_deleted.json", "event_payload")).incoming

    assert isinstance(incoming.data, MessageDeleted)
    assert incoming.data.place == "slack:T111:C111:1665368619.804829"
    assert incoming.data.sender.address == "T111/U111"
    assert incoming.dedupe == "slack:T111:C111:1665368619.804829:deleted"


def test_a_root_that_is_deleted_while_it_has_replies_is_deleted():
    tombstone = edited(subtype="tombstone", user="USLACKBOT", text="This message was deleted.", edited=None)

    incoming = read(tombstone).incoming

    assert isinstance(incoming.data, MessageDeleted)
    assert incoming.dedupe == "slack:T111:D1:10.000001:deleted"


def test_a_delete_without_the_message_is_still_a_delete():
    gone = read(direct(subtype="message_deleted", deleted_ts="10.000001", user=None, text=None)).incoming

    assert isinstance(gone.data, MessageDeleted)
    assert gone.data.sender.proof == "none"


# ---------------------------------------------------------------- nothing raises


def test_no_recorded_payload_raises():
    payloads = list(every_payload())

    arrivals = [parse(payload, me=ME) for payload in payloads]

    assert len(payloads) > 500
    assert any(arrivals)


SHAPES = [
    direct(files=[{"id": "F1", "name": "a"}], attachments=[{"is_share": True, "text": "x"}]),
    message(type="app_mention", text="<@U222|x> <https://a|b>"),
    edited(),
    direct(subtype="message_deleted", deleted_ts="1.0", previous_message={"user": "U1", "thread_ts": "1.0"}),
]
SCRAPS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
    | st.sampled_from(["10.1", "U1", "<@U222>", "<", "<|>", "message_changed", "im", "\ud800", "1.1\n"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip


@st.composite
def mutated(draw: st.DrawFn) -> Any:
    payload = copy.deepcopy(draw(st.sampled_from(SHAPES)))
    places = list(objects(payload))
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.sampled_from(places))
        key = draw(st.sampled_from([*place, "text", "bot_id", "files", "thread_ts"]))
        place[key] = draw(SCRAPS)
    return payload


@settings(deadline=None)
@given(mutated() | SCRAPS)
def test_parsing_never_raises_and_never_makes_half_an_input(payload: object):
    for arrival in parse(payload, me=ME, raw=b"x"):
        incoming = arrival.incoming
        assert incoming.dedupe is not None
        assert incoming.dedupe.startswith("slack:T111:")
        assert incoming.conversation.startswith("T111:")
        assert incoming.dedupe.isascii()
        assert incoming.destination.isascii()
        assert incoming.data.model_dump_json()
