"""The Slack pane of /sim: what people see, always escaped."""

import pytest

from simulators import page
from simulators.slack import SlackSimulator
from simulators.slack.config import Json
from simulators.slack.mrkdwn import message_html, to_html
from simulators.slack.pane import PaneView, slack_pane
from simulators.slack.workspace import Post


def name_of(ref: str) -> str:
    return {"U0ANN": "ann"}.get(ref, ref)


@pytest.mark.parametrize(
    ("mrkdwn", "html"),
    [
        ("*bold* _italic_ ~gone~", "<strong>bold</strong> <em>italic</em> <s>gone</s>"),
        ("`a *b* &lt;i&gt;`", "<code>a *b* &lt;i&gt;</code>"),
        ("```\nx &amp; y\n```", "<pre>x &amp; y</pre>"),
        ("one\ntwo", "one<br>two"),
        ("&gt; said\nyes", "<blockquote>said</blockquote>yes"),
        (
            "<@U0ANN> in <#C1|general>",
            '<span class="mention">@ann</span> in <span class="mention">#general</span>',
        ),
        ("2 * 3 * 4 and snake_case_name", "2 * 3 * 4 and snake_case_name"),
        (
            "<https://example.com/?a=1&amp;b=2|here>",
            '<a href="https://example.com/?a=1&amp;b=2" target="_blank" rel="noopener noreferrer">here</a>',
        ),
    ],
)
def test_mrkdwn_reads_as_in_slack(mrkdwn: str, html: str):
    assert to_html(mrkdwn, name_of) == html


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "&lt;img src=x onerror=alert(1)&gt;",
        "<javascript:alert(1)|click>",
        '<https://x.example/"onmouseover="alert(1)|x>',
        "*<b>*",
        "<@<script>>",
        "```</pre><script>```",
    ],
)
def test_nothing_from_a_message_becomes_markup(text: str):
    html = str(to_html(text, name_of)) + str(
        message_html({"blocks": [{"type": "markdown", "text": text}]}, name_of)
    )

    assert "<script" not in html
    assert "<img" not in html
    assert "<b>" not in html
    assert 'href="javascript' not in html
    assert '"onmouseover' not in html


async def test_a_person_sees_channels_and_only_their_own_direct_messages():
    async with SlackSimulator() as slack:
        slack.say("bob", "bob's secret")
        slack.say("ann", "<b>hello</b>", "general")

        general = PaneView(slack, "ann", "C0GENERAL").render()
        not_hers = PaneView(slack, "ann", "D0BOB").render()

    assert "&lt;b&gt;hello&lt;/b&gt;" in general["messages"]
    assert not_hers["channel"] == "D0ANN"
    assert "secret" not in not_hers["messages"]


async def test_buttons_and_links_of_the_bot_can_be_used():
    async with SlackSimulator() as slack:
        button: Json = {
            "type": "button",
            "action_id": "approve",
            "text": {"type": "plain_text", "text": "Yes <now>"},
            "value": '"1"',
        }
        section = {
            "type": "section",
            "text": {"type": "mrkdwn", "text": "<http://localhost:8000/threads/t1|why>"},
        }
        blocks: list[Json] = [section, {"type": "actions", "block_id": "b", "elements": [button]}]
        slack.workspace.post(Post("May I?", blocks), slack.channel("ann"))

        html = PaneView(slack, "ann", "").render()["messages"]

    assert 'href="http://localhost:8000/threads/t1"' in html
    assert 'data-action-id="approve" data-value="&#34;1&#34;">Yes &lt;now&gt;</button>' in html
    assert '<span class="badge">app</span>' in html


async def test_the_page_has_a_pane_for_each_channel_and_nothing_inline():
    async with SlackSimulator() as slack:
        pane = slack_pane(slack)

        html = page.render("sim.html", panes=[{"key": pane.key, "title": pane.title, "html": pane.html()}])

    assert '<option value="carol">' in html
    assert "<style" not in html
    assert " style=" not in html
    assert "onclick" not in html
