"""Status callbacks: any order, any number of times, one end."""

import random

import pytest

from bot.errors import NoSuchThread, StoreFull
from bot.events import DeliveryReported
from channels.sms.statuses import Origin, Ranks, Status, callback_query, origin
from tests.channels.sms_kit import SID, Inbox, call, channel_to, post, status_form

OUTBOX = "0198c0de-0000-7000-8000-000000000001:12:0"
QUERY = f"o={OUTBOX}&p=1&n=1"


def status_call(status: str, query: str = QUERY, **changes: str):
    return call(status_form(status, **changes), webhook="twilio/status", query=query)


async def test_delivered_is_reported_for_its_part_of_its_thread():
    inbox = Inbox()

    answer = await post(channel_to(), inbox, status_call("delivered"))

    (incoming,) = inbox.got
    assert incoming.data == DeliveryReported(
        outbox_id=OUTBOX, part_number=1, parts=1, status="delivered", provider_id=SID
    )
    assert incoming.thread_id == OUTBOX.partition(":")[0]
    assert (incoming.correlation, incoming.dedupe) == (OUTBOX, f"sms:status:{SID}:delivered")
    assert (answer.status, answer.body, answer.content_type) == (200, "<Response/>", "text/xml")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("30003", "could not be reached"), ("30004", "blocked"), ("30005", "no such phone"), ("30006", "landline"),
        ("30007", "filtered"), ("30008", "nobody says why"), ("30034", "not registered"), ("21610", "opted out"),
        ("39999", "(39999)"), ("", "Twilio gives no reason"), ("junk", "no reason"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("status", ["undelivered", "failed"])
async def test_what_did_not_arrive_says_why(status: str, code: str, words: str):
    inbox = Inbox()

    await post(channel_to(), inbox, status_call(status, ErrorCode=code))

    (report,) = inbox.reports
    assert report.status == "undelivered"
    assert words in report.error
    assert report.unreachable is (code == "21610")


@pytest.mark.parametrize(
    "status", ["queued", "sending", "sent", "accepted", "read", "DELIVERED", "", "x" * 500]
)
async def test_other_states_are_taken_and_change_nothing(status: str):
    inbox = Inbox()

    answer = await post(channel_to(), inbox, status_call(status, SomethingNew="1"))

    assert (answer.status, inbox.got) == (200, [])


@pytest.mark.parametrize("end", ["delivered", "undelivered", "failed"])
async def test_any_order_and_any_number_of_copies_end_the_same(end: str):
    for seed in range(40):
        inbox, channel = Inbox(), channel_to()
        states = ["queued", "sending", "sent", end, "tomorrows"] * 2
        random.Random(seed).shuffle(states)

        for state in states:
            await post(channel, inbox, status_call(state))

        assert [report.status for report in inbox.reports] == [end.replace("failed", "undelivered")]
        assert inbox.handed_in == 1


async def test_the_phones_own_receipt_is_the_last_word():
    for states in (
        ["undelivered", "delivered", "failed"],
        ["delivered", "undelivered"],
        ["failed", "delivered"],
    ):
        inbox, channel = Inbox(), channel_to()

        for state in states:
            await post(channel, inbox, status_call(state))

        assert inbox.reports[-1].status == "delivered"


def test_a_state_that_was_stored_late_takes_nothing_back():
    ranks = Ranks()

    for name in ("delivered", "undelivered", "sent"):
        ranks.remember(Status(SID, name))

    assert not ranks.is_news(Status(SID, "failed"))


async def test_after_a_restart_the_dedupe_key_does_the_same():
    inbox = Inbox()

    for _ in range(2):
        await post(channel_to(), inbox, status_call("delivered"))

    assert len(inbox.got) == 1


async def test_what_could_not_be_stored_is_news_again():
    inbox, channel = Inbox(), channel_to()
    inbox.errors.append(StoreFull())

    answers = [(await post(channel, inbox, status_call("delivered"))).status for _ in range(2)]

    assert answers == [503, 200]
    assert len(inbox.reports) == 1


async def test_a_thread_that_is_gone_is_not_asked_for_again():
    inbox = Inbox()
    inbox.errors.append(NoSuchThread())

    assert (await post(channel_to(), inbox, status_call("delivered"))).status == 200


@pytest.mark.parametrize(
    "query",
    ["", "o=x&p=1&n=1", f"o={OUTBOX}&p=0&n=1", f"o={OUTBOX}&p=x&n=1", f"o={OUTBOX}", "o=a:1:2:3&p=1&n=1"],
)
async def test_a_callback_for_no_message_of_ours_is_taken_and_forgotten(query: str):
    inbox = Inbox()

    answer = await post(channel_to(), inbox, status_call("delivered", query))

    assert (answer.status, inbox.got) == (200, [])


async def test_another_number_or_account_is_refused():
    inbox = Inbox()

    for changes in ({"From": "+15550100009"}, {"AccountSid": "AC" + "0" * 32}):
        assert (await post(channel_to(), inbox, status_call("delivered", **changes))).status == 403

    assert inbox.got == []


async def test_the_query_is_signed_too():
    inbox = Inbox()
    stolen = status_call("delivered")
    forged = call(
        status_form("delivered"), webhook="twilio/status", query=QUERY.replace(":12:", ":13:"),
        signature=stolen.headers["x-twilio-signature"],
    )  # fmt: skip

    assert (await post(channel_to(), inbox, forged)).status == 403
    assert inbox.got == []


def test_the_address_of_a_callback_says_which_part_it_is_about():
    query = callback_query(OUTBOX, 2, 3)

    assert query == f"o={OUTBOX}&p=2&n=3"
    assert origin([tuple(pair.split("=")) for pair in query.split("&")]) == Origin(OUTBOX, 2, 3)
