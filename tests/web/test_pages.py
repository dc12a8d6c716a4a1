"""What the pages show, and that nobody's words become part of them."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from pydantic import BaseModel

from bot import events as ev
from bot.events import TYPES, Event, Usage
from bot.testing import call, reply
from bot.tools import Tool
from bot.web import cards
from bot.web.markdown import to_html
from bot.web.prices import Bill, price
from tests.web.kit import open_web

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
EVIL = '"><script>alert(1)</script><img src=x onerror=alert(1)>'
SENDER = ev.Sender(channel="api", address=EVIL, proof="claimed")
BLOCK = ev.Block(source="quoted", kind="file", text=EVIL, name=EVIL)
SETTINGS = ev.AskSettings(render_version=1, max_tokens=1, structured=True, timezone="UTC", block_clip=1)
BY = ev.Answerer(person=EVIL, channel="api", address=EVIL, proof="token")
OUT = (ev.Outgoing(text=EVIL, channel="slack", destination=EVIL),)
STEP = ev.Step(
    intent="call_tool",
    message=EVIL,
    confidence=0.5,
    proposed_action=ev.ProposedAction(tool=EVIL, args={EVIL: EVIL}),
)

EVERY: list[ev.AnyData] = [
    ev.ThreadOpened(conversation=EVIL, agent=EVIL),
    ev.MessageReceived(place="p", blocks=(BLOCK,), sender=SENDER, display=EVIL),
    ev.MessageEdited(place="p", edited_at="1", blocks=(BLOCK,), sender=SENDER),
    ev.MessageDeleted(place="p", sender=SENDER),
    ev.ControlRequested(action="take_over", by=EVIL, because=EVIL),
    ev.TimerFired(timer_id="t1", purpose="remind", due_at=NOW, text=EVIL),
    ev.DeliveryReported(
        outbox_id="T:6:0", part_number=1, parts=2, status="dead", error=EVIL, provider_id=EVIL
    ),
    ev.FeedbackReceived(rating=4.5, comment=EVIL, about=3),
    ev.ModelAnswered(step=STEP, model=EVIL, usage=Usage(input=1, output=2, cache_read=3, cache_creation=4)),
    ev.ModelAnswered(failure=ev.Failure(kind="too_large", message=EVIL)),
    ev.ModelAnswered(),
    ev.ToolFinished(call_id="c", tool=EVIL, args_digest="", status="failed", result=EVIL),
    ev.TimerSet(timer_id="t1", due_at=NOW, purpose="remind", text=EVIL),
    ev.TurnStarted(input=1, version=1),
    ev.TurnRead(input=1, version=1),
    ev.TurnResumed(of=1),
    ev.TurnEnded(outcome="replied", reply=EVIL, outgoing=OUT),
    ev.TurnEnded(outcome="failed", reason=EVIL),
    ev.ModelAsked(
        model=EVIL,
        now=NOW,
        settings=SETTINGS,
        prompt="",
        tools="",
        output_schema="",
        request="",
        estimated_tokens=1,
    ),
    ev.ToolStarted(call_id="c", tool=EVIL, args={EVIL: EVIL}, args_digest="", effect="read", key="k"),
    ev.ContextCompacted(
        from_seq=1, to_seq=2, summary=EVIL, tokens_before=2, tokens_after=1, trigger="budget"
    ),
    ev.TakeoverStarted(to=EVIL, reason="asked", summary=EVIL, outgoing=OUT),
    ev.ThreadParked(reason=EVIL, outgoing=OUT),
    ev.TimerFired(timer_id="x:a", purpose="expiry", due_at=NOW, text=EVIL, about="a"),
    ev.TimerSet(timer_id="l1:a", due_at=NOW, purpose="level", about="a"),
    ev.DeliveryReported(outbox_id="T:6:0", part_number=1, parts=1, status="delivered", address=EVIL),
    ev.DeliveryReported(outbox_id="T:6:0", part_number=1, parts=1, status="undelivered", error=EVIL),
    ev.ApprovalRequested(
        approval_id=EVIL, call_id="c", tool=EVIL, args={EVIL: EVIL}, args_digest="", effect="unsafe", origin=1, by=EVIL,
        person=EVIL, why=EVIL, influenced_by=(EVIL,), shown=EVIL, shown_hash="", approvers=(EVIL,), asked=(EVIL,),
        quorum=2, expires_at=NOW, lifetime=1, start_within=1, outgoing=OUT,
    ),
    ev.ApprovalPassedOn(
        approval_id=EVIL, level=1, approvers=(EVIL,), asked=(), expires_at=NOW, outgoing=OUT
    ),
    ev.ApprovalAnswered(approval_id=EVIL, decision="edit", edited_args={EVIL: EVIL}, message=EVIL, by=BY),
    ev.ApprovalAnswered(approval_id=EVIL, message=EVIL, by=BY, refused="wrong_code", outgoing=OUT),
    ev.ApprovalResolved(
        approval_id=EVIL, of=1, call_id="c", tool=EVIL, status="edited", args_digest="", final_args={EVIL: EVIL},
        by=(EVIL,), message=EVIL, reason=EVIL, outgoing=OUT,
    ),
    ev.QuestionAsked(
        question_id=EVIL, call_id="c", to=EVIL, text=EVIL, options=(EVIL,), expires_at=NOW, outgoing=OUT
    ),
    ev.QuestionAnswered(question_id=EVIL, text=EVIL, by=BY),
    ev.QuestionAnswered(question_id=EVIL, by=BY, refused="late", outgoing=OUT),
    ev.TaskStarted(
        task_id=EVIL, call_id="c", tool=EVIL, args_digest="", kind="outside", text=EVIL, expires_at=NOW
    ),
    ev.TaskProgressed(task_id=EVIL, note=EVIL, attempt=2),
    ev.TaskFinished(task_id=EVIL, outcome="unknown", result=EVIL),
    ev.ContactReported(address=EVIL, reachable=False, why=EVIL),
    ev.ContactReported(address=EVIL, reachable=True),
    ev.SenderTold(sender=SENDER, reason="wrong_code", outgoing=OUT),
]  # fmt: skip


def test_every_type_of_event_is_here():
    assert {data.type for data in EVERY} == set(TYPES)


async def test_nobodys_words_become_part_of_a_page(tmp_path):
    async with open_web(tmp_path) as web:
        pages = pages_of(web)
        for data in EVERY:
            event = Event("T", 6, "", NOW, data, actor=EVIL, channel=EVIL)
            found = await timeline_of(pages, event) + pages._bubble_html(event)
            assert "<script" not in found, data.type
            assert "<img" not in found, data.type


def pages_of(web):
    from bot.web.pages import Pages, environment
    from bot.web.parts import Parts
    from bot.web.readings import Readings

    return Pages(Parts(web.site, Readings(web.site), web.app.state.watch), environment())


async def timeline_of(pages, event):
    shown = await pages._shown([event])
    return pages._card.render(shown=shown[0], deliveries={})


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt&#58;alert(1))",
        "[x](data:text/html;base64,PHNjcmlwdD4=)",
        "[x](vbscript:x)",
        "![x](https://evil.test/?q=secret)",
        "![x][y]\n\n[y]: https://evil.test/?q=secret",
        '<https://ok.test/"onmouseover=alert(1)>',
        '[x](https://ok.test "\\" onmouseover=alert(1) x=\\"")',
        "<img src=x onerror=alert(1)>",
        "<div\n onclick=alert(1)>",
        "`<b>`",
        "[a](<https://x.test/><script>)",
        "```html\n<script>alert(1)</script>\n```",
        '~~~"><script>\nx\n~~~',
    ],
)
def test_markdown_brings_no_scripts_and_no_pictures(text):
    html = to_html(text)

    for bad in ("<script", "<img", "<div", 'href="javascript', 'href="data', 'href="vbscript', "<b>"):
        assert bad not in html.lower(), html
    # an attribute would need a quote that was not escaped
    assert ' onmouseover="' not in html
    assert '"onmouseover' not in html


def test_links_of_replies_open_elsewhere_and_tell_nothing():
    html = to_html("[x](https://example.org)")

    assert 'rel="noopener noreferrer nofollow"' in html
    assert 'target="_blank"' in html


def test_markdown_of_any_size_is_quick():
    for text in (
        "[" * 40_000,
        "> " * 20_000,
        "*" * 40_000,
        "`" * 40_000,
        "- " * 20_000,
        "|" * 40_000,
        "x" * 10**6,
    ):
        assert to_html(text)


def test_prices_are_those_of_the_model_or_not_known():
    usage = Usage(input=1_000_000, output=1_000_000, cache_read=1_000_000)

    assert price("claude-sonnet-4-5", Usage(input=1000)) == Decimal("0.003")
    assert price("claude-sonnet-4-5", Usage(cache_read=1000)) == Decimal("0.0003")
    assert price("a-model-of-our-own", usage) is None


def test_a_bill_says_what_is_known_and_what_is_not():
    bill = Bill()
    for model, tokens in (("claude-sonnet-4-5", 100_000), ("ours", 10), ("claude-sonnet-4-5", 100_000)):
        data = ev.ModelAnswered(model=model, usage=Usage(input=tokens))
        bill.add(Event("T", bill.seq + 1, "", NOW, data))

    assert (bill.calls, bill.usage.input, bill.seq) == (3, 200_010, 3)
    assert bill.money(simulated=False) == "$0.6000 (ours: price not known)"
    assert bill.money(simulated=True) == "free: simulated model"


def test_a_delivery_belongs_to_the_event_that_sends():
    data = ev.DeliveryReported(outbox_id="T:x:6:0", part_number=1, parts=1, status="sent")

    assert cards.delivery(Event("T:x", 9, "", NOW, data)) == cards.Delivery(6, "delivered", well=True)


class Key(BaseModel):
    key: str


async def look_up(args: Key, ctx: object) -> str:
    return f"{args.key} is 42"


async def test_the_timeline_shows_what_happened(tmp_path):
    tool = Tool("look_up", "Looks up a key.", Key, look_up, "read")
    script = [call("look_up", key="a"), reply("It is **42**.")]

    async with open_web(tmp_path, script=script, tools=[tool]) as web:
        thread_id = (await web.say("what is a?")).json()["thread_id"]
        page = (await web.client.get(f"/threads/{thread_id}")).text
        threads = (await web.client.get("/threads")).text

    for shown in (
        "what is a?",
        "tool look_up started",
        "a is 42",
        "It is <strong>42</strong>.",
        "As the model saw it",
    ):
        assert shown in page
    assert "2 model calls, 20 tokens in, 10 out, price not known" in page
    assert f'href="/threads/{thread_id}"' in threads
    assert 'data-status="idle"' in threads


async def test_no_page_loads_anything_from_elsewhere(tmp_path):
    async with open_web(tmp_path, sim_url="http://127.0.0.1:1") as web:
        thread_id = (await web.say()).json()["thread_id"]
        for path in (
            "/",
            "/threads",
            f"/threads/{thread_id}",
            "/sign-in",
            "/static/saywhen.css",
            "/static/chat.js",
        ):
            text = (await web.client.get(path)).text
            assert "//" not in text.replace("http://www.w3.org", "").replace("// ", ""), path
            assert "<script>" not in text
            assert "onclick" not in text
            assert "style=" not in text
