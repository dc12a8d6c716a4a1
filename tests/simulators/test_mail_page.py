"""The mail pane of /sim: what the app and a person wrote to each other as cards, all of it escaped."""

import aiohttp

from simulators import page
from simulators.mail import ADDRESS, MailConfig, MailSimulator
from simulators.mail.pane import mail_pane, render_mails
from simulators.people import DEMO_PEOPLE, Person
from tests.simulators.mail_kit import send

ANN, BOB, *_ = DEMO_PEOPLE


def html_of(mail: MailSimulator) -> str:
    pane = mail_pane(mail)
    return page.render("sim.html", panes=[{"key": pane.key, "title": pane.title, "html": pane.html()}])


async def test_each_person_with_mail_can_write_and_nothing_is_inline():
    async with MailSimulator() as mail:
        html = html_of(mail)

    for person in DEMO_PEOPLE:
        assert f'<option value="{person.email}">' in html
    assert f"Mail with {ADDRESS}" in html
    for never in ("<style", " style=", "onclick"):
        assert never not in html
    assert "http" not in html.replace("http-equiv", "")


async def test_nothing_of_a_mail_or_a_name_becomes_markup():
    evil = '<script>alert(1)</script>"x'
    config = MailConfig(people=(Person(evil, email="ann@example.org"),))
    async with MailSimulator(config=config) as mail:
        raw = f'From: "{evil}" <ann@example.org>\nSubject: {evil}\nTo: {evil}\n\n{evil}\n> {evil}'
        await mail.say_raw(raw.encode())
        html = f"From: ann@example.org\nContent-Type: text/html\n\n<b>{evil}</b>&lt;script>"
        await mail.say_raw(html.encode())

        shown = html_of(mail) + render_mails(mail, config.people[0])

    assert "<script>" not in shown.replace('<script src="/sim/static/sim.js" type="module"></script>', "")
    assert "&lt;script&gt;alert(1)&lt;/script&gt;&#34;x" in shown


async def test_a_person_sees_both_sides_in_order_and_only_her_own():
    async with MailSimulator() as mail:
        first, _ = await mail.say("ann", "first")
        await send(mail, "second", To="ANN@example.org")
        await mail.say("ann", "third", in_reply_to="<1@saywhen.test>")
        await mail.say("bob", "of bob")

        ann, bob = render_mails(mail, ANN), render_mails(mail, BOB)
        carol = render_mails(mail, DEMO_PEOPLE[2])

    positions = [ann.index(word) for word in ("first", "second", "third")]
    assert positions == sorted(positions)
    assert f'data-n="{first.number}"' in ann
    assert "of bob" not in ann
    assert "of bob" in bob
    assert "No mail." in carol


async def test_quoted_text_is_folded_away():
    async with MailSimulator() as mail:
        await send(mail, "the question")
        await mail.say("ann", "an answer\n\nwith two paragraphs", in_reply_to=1)

        ann = render_mails(mail, ANN)

    answer, quoted = ann.split("<details")
    assert "with two paragraphs" in answer
    assert "&gt; the question" in quoted


async def test_the_pane_answers_nothing_new_until_something_happens():
    async with MailSimulator() as mail, aiohttp.ClientSession() as session:
        url = f"{mail.base_url}/sim/email/pane"

        async def ask(**query: str) -> tuple[int, str]:
            async with session.get(url, params={"as": ANN.email, **query}) as response:
                return response.status, "" if response.status == 204 else (await response.json())["seen"]

        _, seen = await ask()
        quiet, _ = await ask(seen=seen)
        other, _ = await ask(**{"seen": seen, "as": BOB.email})
        await mail.say("ann", "news")
        news, _ = await ask(seen=seen)

    assert (quiet, other, news) == (204, 200, 200)
