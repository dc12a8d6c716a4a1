"""Requests as one message with buttons, the forms they open, and what comes back from both."""

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from bot.events import Answerer, ApprovalAnswered, Outgoing, QuestionAnswered, RequestFor
from channels.discord import commands, forms
from channels.discord.events import Identity
from channels.discord.forms import Problems
from channels.discord.markdown import FENCE
from channels.discord.parts import LIMIT
from channels.discord.presses import Command, Press, Submission, answer, parse
from channels.discord.requests import chosen, fits, literal, render_request
from tests.channels.discord_desk import ARGS, HANDLE, TEXT, approval, question

ME = Identity("400", "401")
ANN = Answerer(channel="discord", address="200", proof="provider")


def rendered(request: RequestFor, text: str = TEXT, link: str = "") -> Any:
    return render_request("ob1", Outgoing(text=text, destination="200", request=request, link=link), request)


def buttons(request: RequestFor) -> list[tuple[str, str]]:
    rows = rendered(request).body["components"]
    return [(each["label"], each["custom_id"]) for row in rows for each in row["components"]]


def shown(content: str) -> str:
    """What a reader sees of a text that was made literal."""
    if content.startswith(f"{FENCE}\n"):
        return content.removeprefix(f"{FENCE}\n").removesuffix(f"\n{FENCE}")
    return re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", content)


# ---------------------------------------------------------------- what is shown


def test_a_request_shows_its_text_letter_by_letter():
    assert rendered(approval()).text == f"```\n{TEXT}\n```"


@given(
    st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=200)
    | st.sampled_from(["```", "a```b\n"])
)
@settings(max_examples=80, deadline=None)
def test_what_is_shown_is_what_was_asked(text: str):
    assert shown(literal(text)) == text
    assert literal(text).count(FENCE) in (0, 2)


def test_a_question_is_read_as_a_sentence():
    assert rendered(question([]), "Deploy *now*?").text == r"Deploy \*now\*\?"


@pytest.mark.parametrize("text", ["x" * 1_800, "`" * 800])
def test_what_fits_is_shown_whole(text: str):
    assert fits(text)
    assert len(rendered(approval(), text, link="https://x.example/t").text) <= LIMIT


@pytest.mark.parametrize("text", ["x" * 1_950, "```" * 400])
def test_what_does_not_fit_is_said_so(text: str):
    assert not fits(text)


# ---------------------------------------------------------------- buttons


def test_a_button_carries_the_handle_and_what_it_stands_for():
    assert buttons(approval()) == [
        ("Approve", f"saywhen.approve#{HANDLE}"),
        ("Edit", f"saywhen.edit#{HANDLE}"),
        ("Reject", f"saywhen.reject#{HANDLE}"),
        ("Answer instead", f"saywhen.respond#{HANDLE}"),
    ]
    assert all(len(id_) <= 100 for _, id_ in buttons(approval()))


def test_only_the_decisions_that_are_open_have_buttons():
    request = approval().model_copy(update={"decisions": ("approve", "reject")})

    assert [label for label, _ in buttons(request)] == ["Approve", "Reject"]


def test_arguments_that_no_form_can_show_have_no_button_and_a_word_about_it():
    request = approval({"text": "x" * 5_000})

    assert "Edit" not in [label for label, _ in buttons(request)]
    assert "too long to change here" in rendered(request).text


def test_the_options_of_a_question_are_buttons_with_numbers():
    assert buttons(question(["red", "blue"])) == [
        ("1 red", f"saywhen.option#0f.{'0' * 32}#1"),
        ("2 blue", f"saywhen.option#0f.{'0' * 32}#2"),
        ("Answer ...", f"saywhen.answer#0f.{'0' * 32}"),
    ]


def test_ten_options_stand_in_rows_of_five_and_more_are_read_in_the_text():
    rows = rendered(question([f"option {number}" for number in range(10)])).body["components"]

    assert [len(row["components"]) for row in rows] == [5, 5, 1]
    assert len(buttons(question([str(number) for number in range(11)]))) == 1


def test_a_long_option_has_a_short_label():
    assert all(len(label) <= 80 for label, _ in buttons(question(["word " * 50])))


def test_a_handle_that_is_too_long_for_a_button_has_none():
    assert rendered(approval().model_copy(update={"handle": "h" * 90})).body["components"] == []


def test_what_was_chosen_stands_below_the_text_if_there_is_room():
    assert chosen("text", "You chose Approve") == "text\nYou chose Approve"
    assert chosen("x" * LIMIT, "You chose Approve") == "x" * LIMIT


# ---------------------------------------------------------------- forms


def filled(form: dict[str, Any], **changes: str) -> dict[str, str]:
    """The fields of a form as Discord sends them back."""
    sent = {
        "components": [
            {"type": 18, "component": {**field["component"], "value": field["component"].get("value", "")}}
            for field in form["components"]
        ]
    }
    return {**forms.fields_of(sent), **changes}


def test_a_form_has_a_field_for_each_argument():
    form: Any = forms.edit_form(HANDLE, ARGS)

    assert [field["component"]["custom_id"] for field in form["components"]] == [
        "text:env",
        "json:count",
        "json:tags",
    ]
    assert form["custom_id"] == f"saywhen.edit#{HANDLE}"
    assert forms.edited(filled(form)) == ARGS


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**18) + 1, 10**18 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=5,
)


@given(st.dictionaries(st.from_regex(r"[a-z_]{1,8}", fullmatch=True), VALUES, min_size=1, max_size=8))
@settings(max_examples=60, deadline=None)
def test_what_nobody_changed_comes_back_as_it_was(args: dict[str, Any]):
    form: Any = forms.edit_form(HANDLE, args)

    assert forms.editable(args)
    assert len(form["components"]) <= 5
    assert json.dumps(forms.edited(filled(form))) == json.dumps(args)


def test_a_form_of_the_older_kind_is_read_too():
    row = {"type": 1, "components": [{"type": 4, "custom_id": "words", "value": "no"}]}

    assert forms.fields_of({"components": [row]}) == {"words": "no"}


@pytest.mark.parametrize("text", ["yes", "NaN", "1e999", '{"a": 1, "a": 2}', "[" * 100_000])
def test_what_is_no_json_is_said_to_whoever_wrote_it(text: str):
    assert isinstance(forms.edited({"json:count": text}), Problems)


def test_all_arguments_in_one_field_must_be_an_object():
    assert isinstance(forms.edited({forms.ALL: "[1]"}), Problems)


# ---------------------------------------------------------------- presses


def interaction(type_: int = 3, **changes: Any) -> dict[str, Any]:
    data = {"component_type": 2, "custom_id": f"saywhen.approve#{HANDLE}"}
    plain = {
        "id": "9001", "token": "tok", "type": type_, "channel_id": "500", "user": {"id": "200", "username": "ann"},
        "data": data, "message": {"id": "1002", "content": "text"},
    }  # fmt: skip
    return {**plain, **changes}


def pressed(payload: object) -> Press | Submission | Command:
    given = parse(payload, me=ME)
    assert given is not None
    return given


def test_a_press_is_an_answer_of_whoever_pressed():
    press = pressed(interaction())
    assert isinstance(press, Press)

    incoming = answer(press, me=ME)

    assert incoming.data == ApprovalAnswered(approval_id=HANDLE, decision="approve", by=ANN)
    assert (incoming.dedupe, incoming.destination, incoming.direct) == (
        "discord:interaction:9001",
        "200",
        True,
    )


def test_in_a_server_the_member_is_who_pressed():
    member = {"user": {"id": "201", "username": "bob"}, "nick": "carol"}

    press = pressed(interaction(user=None, member=member, guild_id="9", channel={"type": 11}))

    assert (press.origin.user, press.origin.kind) == ("201", "thread")


def test_an_option_is_its_number():
    data = {"component_type": 2, "custom_id": f"saywhen.option#{HANDLE}#3"}

    press = pressed(interaction(data=data))

    assert isinstance(press, Press)
    assert answer(press, me=ME).data == QuestionAnswered(question_id=HANDLE, text="3", by=ANN)


@pytest.mark.parametrize(
    "changes",
    [
        {"type": 1},
        {"type": 4},
        {"id": "x"},
        {"token": "a b"},
        {"user": None},
        {"user": {"id": "200", "bot": True}},
        {"user": {"id": "400"}},
        {"data": {"component_type": 3, "custom_id": f"saywhen.approve#{HANDLE}"}},
        {"data": {"component_type": 2, "custom_id": f"other.approve#{HANDLE}"}},
        {"data": {"component_type": 2, "custom_id": f"saywhen.destroy#{HANDLE}"}},
        {"data": {"component_type": 2, "custom_id": f"saywhen.approve#{HANDLE}#1"}},
        {"data": {"component_type": 2, "custom_id": f"saywhen.option#{HANDLE}"}},
        {"data": {"component_type": 2, "custom_id": "saywhen.approve#"}},
        {"data": None},
    ],
)
def test_what_is_no_press_of_ours_is_nothing(changes):
    assert parse(interaction(**changes), me=ME) is None


def test_the_token_of_an_interaction_is_never_shown():
    assert "tok" not in repr(pressed(interaction(id="9001", token="tok")))


def test_a_form_that_was_sent_in_is_a_submission():
    data = {
        "custom_id": f"saywhen.reject#{HANDLE}",
        "components": [{"type": 18, "component": {"type": 4, "custom_id": "words", "value": "no"}}],
    }

    given = pressed(interaction(5, data=data))

    assert isinstance(given, Submission)
    assert (given.name, given.fields) == ("reject", {"words": "no"})


@pytest.mark.parametrize("name", ["approve", "notice"])
def test_only_forms_that_we_open_are_taken(name: str):
    assert parse(interaction(5, data={"custom_id": f"saywhen.{name}#{HANDLE}"}), me=ME) is None


# ---------------------------------------------------------------- commands


def test_a_command_that_asks_is_a_message_of_whoever_used_it():
    data = {"name": "ask", "type": 1, "options": [{"name": "text", "type": 3, "value": " hello "}]}
    command = pressed(interaction(2, data=data, guild_id="9", channel={"type": 0}))
    assert isinstance(command, Command)

    incoming = commands.asked(command, commands.place_of(command, "1005"), me=ME)

    assert incoming.data.blocks[0].text == "hello"
    assert (incoming.conversation, incoming.destination) == ("1005", "mention/500/1005")
    assert incoming.dedupe == "discord:interaction:9001"


def test_a_command_in_a_dm_belongs_to_it():
    command = pressed(interaction(2, data={"name": "stop", "type": 1}))
    assert isinstance(command, Command)

    assert commands.place_of(command, "1005").conversation == "500"


def test_a_command_on_a_message_or_person_is_none_of_ours():
    assert parse(interaction(2, data={"name": "ask", "type": 3}), me=ME) is None


def test_discord_has_our_commands_if_it_has_the_same_ones():
    registered = [{**each, "id": "1", "version": "2", "nsfw": False} for each in commands.DEFINITIONS]

    assert commands.same(registered)
    assert not commands.same(registered[:1])
    assert not commands.same([{**registered[0], "description": "other"}, registered[1]])
