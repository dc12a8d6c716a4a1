"""A request as Slack shows it: every character, nothing live, within Slack's limits, the handle in buttons only."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, strategies as st
from pydantic import JsonValue

from bot.events import Decision, Outgoing, RequestFor
from bot.ports import Part
from channels.slack import SlackChannel
from channels.slack.requests import LONGEST, chosen, fits, render_request, text_of
from channels.slack.text import unescape, units
from simulators.slack import limits

HANDLE = "ap_7f3.0123456789abcdef0123456789abcdef"
CODE = "7K3PWX"
CALL = 'ann asks for:\ndeploy\nenv: "staging"\nOpen until 2026-03-01 12:00 UTC.'
TEXT = f"{CALL}\nWrite back: OK {CODE} to allow it, NO {CODE} and why to refuse."
LIVE = ("<!channel>", "<!here|here>", "<@U0ANN>", "<!subteam^S1>", "@everyone", "\uff20here", "<https://x.example|y>",
        "&lt;!channel&gt;", "*bold*", "`code`", "```", ":tada:", "https://x.example", "\u202e", "  two")  # fmt: skip
ALL: tuple[Decision, ...] = ("approve", "edit", "reject", "respond")

texts = st.lists(
    st.one_of(st.sampled_from(LIVE), st.text(st.characters(exclude_categories=["Cs"]), min_size=1)),
    min_size=1,
).map("".join)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
arguments = st.dictionaries(st.from_regex(r"[a-z_]{1,9}", fullmatch=True), values, min_size=1, max_size=5)


def approval(
    args: dict[str, JsonValue] | None = None, *, decisions: tuple[Decision, ...] = ALL
) -> RequestFor:
    return RequestFor(
        kind="approval", id="ap_7f3", person="carol", decisions=decisions, code=CODE, handle=HANDLE,
        args={"env": "staging"} if args is None else args,
    )  # fmt: skip


def question(*options: str) -> RequestFor:
    return RequestFor(kind="question", id="q_1", person="carol", options=options, code=CODE, handle=HANDLE)


def rendered(text: str = TEXT, request: RequestFor | None = None, *, link: str = "") -> Part:
    request = request or approval()
    outgoing = Outgoing(text=text, destination="T0DEMO/U0CAROL", link=link, request=request)
    return render_request("ob1", outgoing, request)


def blocks_of(part: Part) -> list[Any]:
    blocks = part.body["blocks"]
    assert isinstance(blocks, list)
    return blocks


def buttons_of(part: Part) -> list[Any]:
    return [
        element for block in blocks_of(part) if block["type"] == "actions" for element in block["elements"]
    ]


def strings(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for item in value.values():
                yield from strings(item)
        case list():
            for item in value:
                yield from strings(item)
        case _:
            pass


# ---------------------------------------------------------------- the text


@given(texts)
def test_every_character_of_the_text_is_shown_literally(text: str):
    part = rendered(text)

    (shown, *_) = blocks_of(part)
    (preformatted,) = shown["elements"]
    assert shown["type"] == "rich_text"
    assert preformatted["type"] == "rich_text_preformatted"
    assert {piece["type"] for piece in preformatted["elements"]} == {"text"}
    assert all(piece.keys() == {"type", "text"} for piece in preformatted["elements"])
    assert "".join(piece["text"] for piece in preformatted["elements"]) == text
    assert text_of(blocks_of(part)) == text


@given(texts, st.lists(texts, max_size=7))
def test_nothing_in_a_request_is_live(text: str, options: list[str]):
    part = rendered(text, question(*options))

    markup = [part.text, *(element["text"] for block in blocks_of(part) if block["type"] == "context"
                           for element in block["elements"])]  # fmt: skip
    labels = [button["text"]["text"] for button in buttons_of(part)]
    assert all("<" not in words and ">" not in words for words in (*markup, *labels))
    assert all(button["text"]["type"] == "plain_text" for button in buttons_of(part))
    assert (part.body["unfurl_links"], part.body["unfurl_media"], part.body["link_names"]) == (False,) * 3
    assert unescape(part.text).replace("\u200b", "") == text.replace("\u200b", "")


def test_a_question_is_shown_as_a_sentence():
    shown = blocks_of(rendered("Which one?", question("a", "b")))[0]

    assert shown["elements"][0]["type"] == "rich_text_section"


def test_the_link_to_what_happened_stands_below():
    part = rendered(link="http://localhost:8000/threads/t1")

    assert blocks_of(part)[1]["elements"][0]["text"] == (
        "<http://localhost:8000/threads/t1|what happened here>"
    )


# ---------------------------------------------------------------- the limits


@given(texts.map(lambda text: (text * 400)[:LONGEST]), st.lists(texts, max_size=8))
def test_what_fits_stays_within_slacks_limits(text: str, options: list[str]):
    link = f"http://localhost/{'x' * 1_400}"
    for request in (question(*options), approval()):
        part = rendered(text, request, link=link)

        shown = sum(units(words) for words in limits._texts(blocks_of(part)))
        limits.check_blocks(blocks_of(part))
        limits.check_metadata(part.body["metadata"])
        if fits(text):
            assert shown <= 10_000
            assert units(part.text) <= 40_000


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("x" * LONGEST, True),
        ("x" * (LONGEST + 1), False),
        ("\U0001f600" * (LONGEST // 2), True),
        ("\U0001f600" * (LONGEST // 2 + 1), False),
        ("&" * LONGEST, True),
    ],
)
def test_a_text_fits_or_another_channel_is_offered(text: str, whole: bool):
    channel = SlackChannel(bot_token="xoxb-demo", app_token="xapp-demo", knows=nothing_known)

    assert fits(text) == channel.fits(text) == whole


async def nothing_known(_account: str, _conversation: str) -> bool:
    return False


def test_a_text_that_does_not_fit_is_never_cut():
    text = "x" * 50_000

    assert text_of(blocks_of(rendered(text))) == text


# ---------------------------------------------------------------- the buttons


def test_the_buttons_are_those_that_may_be_chosen():
    buttons = buttons_of(rendered())

    assert [(b["action_id"], b["text"]["text"], b.get("style")) for b in buttons] == [
        ("saywhen.approve", "Approve", "primary"),
        ("saywhen.edit", "Edit", None),
        ("saywhen.reject", "Reject", "danger"),
        ("saywhen.respond", "Answer instead", None),
    ]
    assert {button["value"] for button in buttons} == {HANDLE}


def test_a_request_that_two_must_agree_on_has_no_edit_button():
    part = rendered(request=approval(decisions=("approve", "reject", "respond")))

    assert "saywhen.edit" not in {button["action_id"] for button in buttons_of(part)}
    assert "request" not in json.dumps(part.body["metadata"])


def test_a_question_has_a_button_for_each_option_and_one_for_other_words():
    buttons = buttons_of(rendered("Which?", question("Tea", "Coffee")))

    assert [(b["text"]["text"], b["value"]) for b in buttons] == [
        ("1 Tea", f"{HANDLE}#1"),
        ("2 Coffee", f"{HANDLE}#2"),
        ("Answer ...", HANDLE),
    ]


@pytest.mark.parametrize("count", [0, 6, 40])
def test_more_options_than_buttons_are_answered_in_words(count: int):
    buttons = buttons_of(rendered("Which?", question(*map(str, range(count)))))

    assert [button["action_id"] for button in buttons] == ["saywhen.answer"]


@pytest.mark.parametrize(
    "args",
    [
        {"text": "x" * 3_001},
        {"not a name": 1},
        {"n": ["\U0001f600" * 2_000]},
        {str(f"a{n}"): n for n in range(41)},
    ],
    ids=["long", "name", "carried", "many"],
)
def test_what_cannot_be_edited_here_has_no_edit_button_and_says_so(args: dict[str, JsonValue]):
    part = rendered(request=approval(args))

    assert "saywhen.edit" not in {button["action_id"] for button in buttons_of(part)}
    assert "too long to change here" in json.dumps(blocks_of(part))


def test_a_reminder_without_decisions_has_no_buttons():
    assert buttons_of(rendered(request=approval(decisions=()))) == []


@given(arguments)
def test_the_handle_stands_in_button_values_only_and_the_code_in_the_text_only(args: dict[str, JsonValue]):
    part = rendered(request=approval(args))

    values = [button.pop("value") for button in buttons_of(part)]
    rest = list(strings(dict(part.body)))
    assert set(values) == {HANDLE}
    assert not any(HANDLE in words for words in (part.text, *rest))
    assert sum(CODE in words for words in rest) == 1
    assert CODE in part.text


# ---------------------------------------------------------------- after a choice


def test_a_choice_takes_the_place_of_the_buttons():
    blocks = blocks_of(rendered())

    after = chosen(blocks, "You chose *Approve*", keep_buttons=False)
    again = chosen(after, "You sent changed arguments", keep_buttons=False)  # type: ignore[arg-type]  # blocks are

    assert text_of(after) == TEXT  # type: ignore[arg-type]
    assert "saywhen.approve" not in json.dumps(after)
    assert "You chose *Approve*" not in json.dumps(again)
    assert len(again) == len(after) == 2
    assert len(chosen(blocks, "sent", keep_buttons=True)) == 3
