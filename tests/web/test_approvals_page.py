"""The page of what waits for people, in a real browser: deciding, keyboard, hostile words, and small screens."""

import pytest
from playwright.async_api import expect

from bot.testing import call, reply
from tests.web.asking import RAN, ask, ask_task, build, decide, deploy, open_asking, over
from tests.web.test_browser import page_of

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

DEMO = ("ann", "bob", "carol", "dave")
EVIL = "<img src=x onerror=\"document.title='gone'\">\u202e\n</pre><script>document.title='gone'</script>"


async def test_a_demo_person_says_yes_and_everybody_sees_it(tmp_path):
    async with open_asking(tmp_path, demo=DEMO) as web:
        row = await ask(web)
        async with page_of(web, "/approvals") as (page, _):
            await expect(page.locator(".ask pre").first).to_have_text('deploy\ntag: "v1"')
            await expect(page.locator("#as")).to_have_value("carol")
            await page.click("text=Approve")
            await expect(page.locator("#said")).to_have_text("Approved: it starts now.")
            await expect(page.locator("[data-decision]")).to_have_count(0)
            await expect(page.locator(".over .asker")).to_contain_text("approved by carol")
        assert (await over(web, row.id), len(RAN)) == ("approved", 1)


async def test_everything_can_be_done_by_keyboard(tmp_path):
    async with open_asking(tmp_path, demo=DEMO) as web:
        row = await ask(web)
        async with page_of(web, "/approvals") as (page, _):
            await page.locator("summary", has_text="Reject").press("Enter")
            await page.keyboard.press("Tab")
            await page.keyboard.type("not on a Friday")
            await page.keyboard.press("Tab")
            await page.keyboard.press("Enter")
            await expect(page.locator("#said")).to_contain_text("Rejected")
        assert (await over(web, row.id), RAN) == ("rejected", [])
        (answer,) = [e.data for e in await web.bot.log(row.thread_id) if e.type == "approval.answered"]
    assert (answer.message, answer.by.person) == ("not on a Friday", "carol")


async def test_arguments_are_changed_and_mistakes_are_said(tmp_path):
    async with open_asking(tmp_path, demo=DEMO) as web:
        row = await ask(web)
        async with page_of(web, "/approvals") as (page, _):
            await page.locator("summary", has_text="Edit").click()
            box = page.locator("textarea[data-field=args]")
            await expect(box).to_have_value('{\n  "tag": "v1"\n}')
            await box.fill("{tag: v2}")
            await page.click("text=Approve as changed")
            await expect(page.locator("#said")).to_contain_text("not JSON")
            await box.fill('{"tag": "v2"}')
            await page.click("text=Approve as changed")
            await expect(page.locator("#said")).to_contain_text("Approved as changed")
        assert await over(web, row.id) == "edited"
    assert RAN == [{"tag": "v2", "force": False}]


async def test_the_page_keeps_up_with_what_others_decide(tmp_path):
    async with open_asking(tmp_path, demo=DEMO) as web:
        row = await ask(web)
        async with page_of(web, "/approvals") as (page, _):
            await expect(page.locator("[data-decision=approve]")).to_have_count(1)
            await decide(web, row.id, "reject", by="dave", message="no")
            await expect(page.locator(".over .asker")).to_contain_text("rejected by dave", timeout=15_000)


async def test_what_somebody_is_writing_is_not_taken_away(tmp_path):
    script = [call("deploy", tag="v1"), call("deploy", tag="v2"), reply("ok")]

    async with open_asking(tmp_path, script, demo=DEMO) as web:
        await ask(web)
        async with page_of(web, "/approvals") as (page, _):
            await page.locator("summary", has_text="Reject").click()
            await page.fill("textarea[data-field=message] >> nth=0", "because")
            await ask(web, conversation="c2")
            await page.wait_for_timeout(4000)
            await expect(page.locator("textarea[data-field=message] >> nth=0")).to_have_value("because")


async def test_a_press_right_after_the_list_has_moved_decides_nothing(tmp_path):
    script = [call("deploy", tag="v1"), call("deploy", tag="v2"), reply("ok"), reply("ok")]

    async with open_asking(tmp_path, script, demo=DEMO) as web:
        first, second = await ask(web), await ask(web, conversation="c2")
        async with page_of(web, "/approvals") as (page, _):
            await expect(page.locator("[data-decision=approve]")).to_have_count(2)
            await decide(web, first.id, "reject", by="dave", message="no")
            await page.evaluate(PRESS_WHEN_MOVED)
            await expect(page.locator("#said")).to_contain_text("The list has just changed", timeout=15_000)
            after = await web.bot.store.request(second.id)

    assert (after.status, RAN) == ("pending", [])


PRESS_WHEN_MOVED = """new MutationObserver((_, watch) => {
  watch.disconnect();
  document.querySelector("[data-decision=approve] button").click();
}).observe(document.getElementById("main"), { childList: true })"""


async def test_who_is_nobody_sees_no_button(tmp_path):
    async with open_asking(tmp_path) as web:
        await ask(web)
        page = (
            await web.client.get("/approvals", headers={"authorization": "Bearer tok-0123456789abcdef"})
        ).text
        person = (await web.client.get("/approvals", headers={"authorization": "Bearer saywhen_carol"})).text

    assert "data-decision" not in page
    assert "This page only shows" in page
    assert 'data-decision="approve"' in person
    assert "You are carol" in person


async def test_hostile_arguments_stay_words(tmp_path):
    script = [call("deploy", tag=EVIL), call("build"), reply("ok")]

    async with open_asking(tmp_path, script, tools=[deploy, build], demo=DEMO) as web:
        row = await ask(web)
        await ask_task(web, conversation=EVIL)
        async with page_of(web, "/approvals") as (page, url):
            shown = await page.locator(".ask pre").first.inner_text()
            assert shown.startswith('deploy\ntag: "<img src=x')
            assert "\\u202e\\n" in shown
            edit = await page.locator("textarea[data-field=args]").input_value()
            assert "\u202e" not in edit
            await page.goto(f"{url}/threads/{row.thread_id}")
            await expect(page.locator(".card", has_text="a yes is needed")).to_contain_text("\\u202e")
            assert "gone" not in await page.title()
            await page.click("text=How it stands, and deciding")
            await expect(page.locator(f"#r{row.id}")).to_be_in_viewport()


@pytest.mark.parametrize("width", [360, 390, 1200])
async def test_no_screen_is_too_small(tmp_path, width):
    long = "a-long-tag-without-a-single-space-" * 9
    script = [call("deploy", tag=long), call("build"), reply("ok")]

    async with open_asking(
        tmp_path, script, tools=[deploy, build], demo=DEMO, sim_url="http://127.0.0.1:1"
    ) as web:
        await ask(web)
        await ask_task(web, conversation="c2")
        async with page_of(web, "/approvals") as (page, _):
            await page.set_viewport_size({"width": width, "height": 800})
            for name in ("Reject", "Edit", "Answer instead"):
                await page.locator("summary", has_text=name).click()
            assert await page.evaluate("document.documentElement.scrollWidth") <= width
