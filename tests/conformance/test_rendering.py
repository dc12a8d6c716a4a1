"""One answer in Markdown, rendered for every channel: nothing is lost, nothing falls apart, nobody is called."""

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import count

import pytest
from hypothesis import HealthCheck, example, given, settings, strategies as st

from bot.cli.output import plain
from bot.events import Outgoing
from channels.discord.parts import LIMIT as DISCORD, render as discord
from channels.email.markup import cleaned, html
from channels.slack.parts import LIMIT as SLACK, render as slack
from channels.sms.segments import MOST_SEGMENTS, segments
from channels.sms.texts import shortened

Render = Callable[[str], Sequence[str]]


def _slack(markdown: str) -> list[str]:
    return [part.text for part in slack("t1:4:0", Outgoing(text=markdown, destination="T/C"))]


def _discord(markdown: str) -> list[str]:
    return [part.text for part in discord("t1:4:0", Outgoing(text=markdown, destination="1"))]


def _utf16(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


RENDERED: dict[str, tuple[Render, Callable[[str], int], int]] = {
    "slack": (_slack, _utf16, SLACK),
    "discord": (_discord, len, DISCORD),
    "mail, plain": (lambda markdown: [cleaned(markdown)], len, 1 << 30),
    "mail, HTML": (lambda markdown: [html(cleaned(markdown))], len, 1 << 30),
    "terminal": (lambda markdown: [plain(markdown)], len, 1 << 30),
    "sms": (lambda markdown: [shortened(markdown)], segments, MOST_SEGMENTS),
}
WHOLE = [name for name in RENDERED if name != "sms"]
TOKEN = re.compile(r"w(\d+)w")
_FORMS = (
    "{} {} {}\n\n", "# {}\n\n", "- {}\n- {}\n\n", "1. {}\n2. {}\n\n", "> {}\n\n", "**{}** and *{}* and ~~{}~~\n\n",
    "`{}`\n\n",
    "```python\n{}\n    {}\n```\n\n", "~~~\n{}\n~~~\n\n", "| {} | {} |\n|---|---|\n| {} | {} |\n\n",
    "[{}](https://example.org/a)\n\n",
    "{} https://example.org/b?a=1&b=2 {}\n\n", "@everyone {} <!channel> {} <@U0ANN>\n\n",
    "\uff20here {} <@&1> <!subteam^S1>\n\n",
    "e\u0301{}\U0001f468\u200d\U0001f469\u200d\U0001f467{}\n\n", "- {}\n  - {}\n    - {}\n\n",
    "{} " * 60 + "\n\n", "```\n" + "{}\n" * 90 + "```\n\n",
)  # fmt: skip
ANSWERS = st.lists(st.sampled_from(_FORMS), min_size=1, max_size=25).map(
    lambda forms: _filled("".join(forms))
)


def _filled(form: str) -> str:
    """Each gap holds a word of its own, counted from the start."""
    numbers = count()
    return re.sub(r"\{\}", lambda _: f"w{next(numbers)}w", form)


def tokens(texts: Sequence[str]) -> list[int]:
    return [int(number) for text in texts for number in TOKEN.findall(text)]


@pytest.mark.parametrize("name", RENDERED)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(ANSWERS)
@example(_filled("```\n" + "{}\n" * 900 + "```"))
def test_nothing_is_lost_and_every_part_fits(name: str, markdown: str):
    render, length, limit = RENDERED[name]

    parts = render(markdown)

    assert all(length(part) <= limit for part in parts)
    expected = list(range(len(TOKEN.findall(markdown))))
    found = tokens(parts)
    assert found == (expected if name in WHOLE else expected[: len(found)])
    assert found


@pytest.mark.parametrize("name", ["slack", "discord"])
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(ANSWERS)
def test_what_is_in_a_fence_stays_in_one(name: str, markdown: str):
    code = set(_in_fences([markdown], ("```", "~~~")))

    parts = RENDERED[name][0](markdown)

    assert all(part.count("```") % 2 == 0 for part in parts)
    assert code <= set(_in_fences(parts, ("```",)))


def _in_fences(texts: Sequence[str], marks: tuple[str, ...]) -> Iterator[int]:
    for text in texts:
        inside = False
        for line in text.split("\n"):
            if line.startswith(marks):
                inside = not inside
            elif inside:
                yield from tokens([line])


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(ANSWERS)
def test_in_slack_nothing_is_live_but_the_links_of_the_answer(markdown: str):
    for part in _slack(markdown):
        marks = re.findall(r"<([^>]*)>", part)
        assert all(mark.startswith("https://example.org/") for mark in marks)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(ANSWERS)
def test_html_of_a_mail_has_only_tags_that_load_nothing(markdown: str):
    tags = set(re.findall(r"<([a-z0-9]+)", html(cleaned(markdown))))

    assert not tags & {"img", "link", "script", "style", "iframe", "object", "svg", "form", "base", "meta"}
