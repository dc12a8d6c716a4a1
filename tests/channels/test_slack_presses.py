"""What Slack sends when somebody presses: recorded and forged payloads, and whose answer they are."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from bot.events import Answerer, ApprovalAnswered, QuestionAnswered
from channels.slack.events import Identity
from channels.slack.forms import Origin
from channels.slack.presses import Press, Submission, answer, parse

PAYLOADS = Path(__file__).parent.parent / "payloads" / "slack"
ME = Identity("T111", "U0BOT", "B0BOT", "saywhen")
HANDLE = "ap_7f3.0123456789abcdef0123456789abcdef"

junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=8), inner, max_size=2),
    max_leaves=4,
)


def recorded(path: str, key: str = "body") -> dict[str, Any]:
    found: dict[str, Any] = deepcopy(json.loads((PAYLOADS / path).read_text())[key][0])
    return found


def pressed(action_id: str = "saywhen.approve", value: str = HANDLE, **changes: Any) -> dict[str, Any]:
    """The recorded press of a button, as if the button were one of ours."""
    payload = recorded("bolt-python/block_actions.json")
    payload["actions"][0] |= {"action_id": action_id, "value": value}
    payload["container"] |= {"channel_id": "D0CAROL"}
    return {**payload, **changes}


def sent_in(callback_id: str = "saywhen.reject", **changes: Any) -> dict[str, Any]:
    """The recorded submission of a form, as if the form were one of ours."""
    payload = recorded("bolt-python/view_submission.json")
    payload["view"] |= {"callback_id": callback_id, "private_metadata": str(Origin(HANDLE, "D0CAROL", "1.0"))}
    return {**payload, **changes}


def press_of(payload: object) -> Press:
    found = parse(payload, me=ME)
    assert isinstance(found, Press)
    return found


# ---------------------------------------------------------------- whose it is


def test_an_approval_is_the_answer_of_who_pressed_by_the_ids_of_team_and_user():
    incoming = answer(press_of(pressed()), me=ME)

    assert incoming.data == ApprovalAnswered(
        approval_id=HANDLE,
        decision="approve",
        by=Answerer(channel="slack", address="T111/W111", proof="provider"),
    )
    assert (incoming.channel, incoming.account, incoming.destination) == ("slack", "T111/U0BOT", "T111/W111")
    assert incoming.dedupe == "slack:action:1596530385.194939:W111:saywhen.approve"
    assert (incoming.thread_id, incoming.conversation, incoming.raw) == ("", "", b"")


def test_the_same_user_id_of_another_team_is_somebody_else():
    payload = pressed(user={"id": "W111", "team_id": "T0OTHER", "name": "primary-owner"})

    assert answer(press_of(payload), me=ME).data.by.address == "T0OTHER/W111"


def test_in_a_shared_channel_the_team_is_that_of_the_person():
    payload = recorded("bolt-python/view_submission.json", "connect_channel_payload")
    payload["view"] |= {"callback_id": "saywhen.reject", "private_metadata": str(Origin(HANDLE))}

    found = parse(payload, me=ME)

    assert isinstance(found, Submission)
    assert found.by.address == "T-other-side/W111"


def test_names_say_nothing():
    payload = pressed(user={"id": "W666", "team_id": "T111", "name": "carol", "username": "carol"})

    assert answer(press_of(payload), me=ME).data.by.address == "T111/W666"


@pytest.mark.parametrize(
    "user",
    [
        None,
        {},
        "W111",
        {"name": "carol", "team_id": "T111"},
        {"id": "", "team_id": "T111"},
        {"id": "U0BOT", "team_id": "T111"},
        {"id": "USLACKBOT", "team_id": "T111"},
        {"id": "B0OTHER", "team_id": "T111"},
        {"id": "A0APP", "team_id": "T111"},
        {"id": "W111", "team_id": "T111", "is_bot": True},
        {"id": "W111/../U0CAROL", "team_id": "T111"},
        {"id": ["W111"], "team_id": "T111"},
    ],
)
def test_nobody_bots_and_we_ourselves_decide_nothing(user: Any):
    assert parse(pressed(user=user), me=ME) is None
    assert parse(sent_in(user=user), me=ME) is None


def test_without_any_team_it_is_nobodys():
    assert parse(pressed(user={"id": "W111"}, team=None), me=ME) is None
    assert parse(pressed(user={"id": "W111", "team_id": "T/1"}, team={"id": "T 1"}), me=ME) is None


# ---------------------------------------------------------------- what it says


@pytest.mark.parametrize("value", ["", " ", "a b", "a#0", "a#x", "a#1#2", "#1", "x" * 301, None, 7, ["x"]])
def test_a_value_of_another_shape_is_no_answer(value: Any):
    assert parse(pressed(value=value), me=ME) is None


@pytest.mark.parametrize(
    ("action_id", "value"),
    [
        ("a", HANDLE),
        ("approve", HANDLE),
        ("saywhen.", HANDLE),
        ("saywhen.shutdown", HANDLE),
        ("saywhen.option.1", HANDLE),
        ("saywhen.approve", f"{HANDLE}#1"),
        ("saywhen.answer", f"{HANDLE}#1"),
    ],
)
def test_a_button_that_is_not_ours_is_no_answer(action_id: str, value: str):
    assert parse(pressed(action_id, value), me=ME) is None


def test_a_button_value_of_another_person_is_passed_on_with_who_pressed_it():
    """Whose handle it is only the core can say: it gets both."""
    incoming = answer(press_of(pressed(value="ap_7f3.ffffffffffffffffffffffffffffffff")), me=ME)

    assert incoming.data.approval_id == "ap_7f3.ffffffffffffffffffffffffffffffff"
    assert incoming.data.by.address == "T111/W111"


def test_a_button_of_an_old_message_says_which_request_it_was_for():
    payload = pressed(
        value="ap_old.00", container={"type": "message", "message_ts": "111.222", "channel_id": "D1"}
    )
    payload.pop("message", None)

    found = press_of(payload)

    assert found.origin == Origin("ap_old.00", channel="D1", ts="111.222")
    assert (found.args, found.blocks) == ("", [])


def test_an_option_is_the_answer_to_a_question():
    incoming = answer(press_of(pressed("saywhen.option.2", f"{HANDLE}#2")), me=ME)

    assert incoming.data == QuestionAnswered(
        question_id=HANDLE, text="2", by=Answerer(channel="slack", address="T111/W111", proof="provider")
    )


@pytest.mark.parametrize("decision", ["edit", "reject", "respond"])
def test_a_form_is_an_answer_with_words_or_arguments(decision: str):
    found = parse(sent_in(f"saywhen.{decision}"), me=ME)

    assert isinstance(found, Submission)
    incoming = answer(found, me=ME, text="because", args={"env": "prod"} if decision == "edit" else None)
    assert (incoming.data.decision, incoming.data.message) == (decision, "because")
    assert incoming.data.edited_args == ({"env": "prod"} if decision == "edit" else None)
    assert incoming.dedupe == "slack:view:V111:W111"


@pytest.mark.parametrize(
    "payload",
    [
        sent_in("view-id"),
        sent_in("saywhen.approve"),
        sent_in("saywhen.notice"),
        recorded("bolt-python/view_submission.json"),
        recorded("bolt-python/view_submission.json", "response_url_payload_body"),
        recorded("bolt-python/view_closed.json"),
        recorded("bolt-python/shortcut.json", "global_shortcut_body"),
        recorded("bolt-python/block_actions.json"),
    ],
    ids=lambda payload: str(payload.get("type")),
)
def test_the_forms_and_buttons_of_others_are_nothing_to_us(payload: dict[str, Any]):
    assert parse(payload, me=ME) is None


# ---------------------------------------------------------------- any shape at all


@pytest.mark.parametrize("name", ["interactive-components.BlockActionPayload", "views.ViewSubmissionPayload"])
def test_every_key_that_slack_was_seen_to_send_may_be_there(name: str):
    shape = json.loads((PAYLOADS / f"java-slack-sdk/app-backend.{name}.json").read_text())

    assert parse(shape, me=ME) is None  # all of its values are blank
    assert parse({**shape, **pressed()}, me=ME) is not None


@given(
    junk,
    st.sampled_from(["user", "team", "container", "channel", "message", "actions", "trigger_id", "view"]),
)
def test_no_shape_makes_it_stumble(value: object, key: str):
    for payload in (pressed(), sent_in()):
        parse({**payload, key: value}, me=ME)
    parse(value, me=ME)


@given(st.dictionaries(st.sampled_from(["id", "callback_id", "private_metadata", "blocks", "state"]), junk))
def test_no_form_makes_it_stumble(view: dict[str, Any]):
    payload = sent_in()
    parse({**payload, "view": {**payload["view"], **view}}, me=ME)
