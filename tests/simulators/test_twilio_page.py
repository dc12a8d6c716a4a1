"""The SMS pane of /sim: a phone for each person, and everything on it escaped."""

import json

import aiohttp

from simulators import page
from simulators.people import DEMO_PEOPLE, Person, with_phone
from simulators.twilio import TwilioConfig, TwilioSimulator
from simulators.twilio.faults import Fault
from simulators.twilio.outgoing import Outgoing
from simulators.twilio.pane import PaneView, sms_pane


def html_of(twilio: TwilioSimulator) -> str:
    pane = sms_pane(twilio)
    return page.render("sim.html", panes=[{"key": pane.key, "title": pane.title, "html": pane.html()}])


async def test_each_demo_person_has_a_phone_and_nothing_is_inline():
    async with TwilioSimulator() as twilio:
        html = html_of(twilio)

    for person in with_phone(DEMO_PEOPLE):
        assert f'data-number="{person.sms}"' in html
        assert f"Text message from {person.name}" in html
    assert "<style" not in html
    assert " style=" not in html
    assert "onclick" not in html
    assert "http" not in html.replace("http-equiv", "")


async def test_nothing_of_a_message_or_a_name_becomes_markup():
    evil = "<script>alert(1)</script>"
    config = TwilioConfig(people=(Person(evil, sms="+15550100001"),))
    async with TwilioSimulator(config=config) as twilio:
        twilio.say("+15550100001", evil)

        shown = html_of(twilio) + json.dumps(PaneView(twilio).render()["phones"][0]["messages"])

    assert "<script>alert" not in shown
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in shown


async def test_a_phone_shows_both_sides_in_order_and_what_did_not_arrive():
    async with TwilioSimulator() as twilio:
        twilio.say("ann", "first")
        lost = Outgoing(to="+15550100001", from_=twilio.config.number, body="second")
        twilio.network.send(lost, Fault("undelivered", code=30034))
        await twilio.until(lambda: not twilio.state.messages_under_way())

        ann, bob, _ = PaneView(twilio).render()["phones"]

    assert ann["messages"].index("first") < ann["messages"].index("second")
    assert "undelivered (30034): this phone did not get it" in ann["messages"]
    assert "No messages." in bob["messages"]


async def test_a_stranger_who_texts_gets_a_phone_too():
    async with TwilioSimulator() as twilio:
        twilio.say("+4915112345678", "hello")

        phones = PaneView(twilio).render()["phones"]

    assert [phone["name"] for phone in phones] == ["ann", "bob", "carol", "+4915112345678"]


async def test_who_stopped_is_marked():
    async with TwilioSimulator() as twilio:
        twilio.say("bob", "stop")

        phones = PaneView(twilio).render()["phones"]

    assert [phone["stopped"] for phone in phones] == [False, True, False]


async def test_the_pane_answers_nothing_new_until_something_happens():
    async with TwilioSimulator() as twilio, aiohttp.ClientSession() as session:
        url = f"{twilio.base_url}/sim/sms/pane"
        async with session.get(url) as response:
            seen = (await response.json())["seen"]
        async with session.get(url, params={"seen": seen}) as response:
            quiet = response.status
        twilio.say("ann", "news")
        async with session.get(url, params={"seen": seen}) as response:
            news = response.status

    assert (quiet, news) == (204, 200)
