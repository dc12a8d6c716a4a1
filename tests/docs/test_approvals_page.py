"""What docs/approvals.md shows of requests, words and chances is what the bot writes, reads and has."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot import codes, grammar, words
from bot.answering import MOST_WRONG
from bot.events import RequestFor
from bot.shown import shown

PAGE = (Path(__file__).parents[2] / "docs" / "approvals.md").read_text()
ROWS = re.findall(
    r"^\| `([^`|]+)` \| ([^|]+) \|$", PAGE.split("<!-- tested: what the grammar")[1], re.MULTILINE
)
CODES = len(codes.ALPHABET) ** 6 - 17**6 - 6**6


def meaning(text: str) -> str:
    """What a text decides, in the words of the page."""
    match grammar.read(text):
        case grammar.Approve():
            return "yes"
        case grammar.Reject(_, reason):
            return f"no: {reason}" if reason else "no"
        case grammar.Answer(_, answer):
            return f"the answer to a question: {answer}"
        case grammar.Unclear():
            return "asked again"
        case None:
            return "a message like any other"


def test_the_request_on_the_page_is_one_that_the_bot_writes():
    call = shown("run_job", {"job": "deploy-staging", "tag": "v1.2"})
    until = datetime(2026, 11, 23, 13, tzinfo=UTC)
    asks = RequestFor(kind="approval", id="x", person="carol", code="7K3PWX")

    text = words.approval_request("ann", call, why="its risk is high", influenced=(), until=until)

    assert f"```\n{text}\n{words.how_to_answer(asks)}\n```" in PAGE


@pytest.mark.parametrize(("text", "means"), ROWS)
def test_a_text_means_what_the_page_says(text: str, means: str):
    assert meaning(text) == means


def test_the_page_has_an_example_of_every_meaning():
    assert {means.split(":")[0] for _, means in ROWS} == {
        "yes",
        "no",
        "the answer to a question",
        "asked again",
        "a message like any other",
    }


@pytest.mark.parametrize(("channels", "requests"), [(1, 1), (3, 1), (1, 20)])
def test_the_chances_of_a_guess_are_what_they_are(channels: int, requests: int):
    chance = CODES / (MOST_WRONG * channels * requests)

    assert f"1 in {chance / 1e6:.1f} million" in " ".join(PAGE.split())
    assert f"{CODES:,} codes" in PAGE
    assert f"`{codes.ALPHABET}`" in PAGE
