"""The pure parts of the simulated Twilio: signature, segments, keywords, retry rules, lists."""

import json
import re
import string
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st
from twilio.request_validator import RequestValidator

from simulators.people import DEMO_PEOPLE, on_slack, parse_people, with_phone
from simulators.twilio import ACCOUNT_SID, NUMBER
from simulators.twilio.errors import TwilioError
from simulators.twilio.faults import Fault, Faults, plan, problem
from simulators.twilio.keywords import HELP, START, STOP, opt_out_type, reply_to
from simulators.twilio.listing import find, page_uris, parse_query, span
from simulators.twilio.network import RANKS
from simulators.twilio.numbers import country, is_number
from simulators.twilio.overrides import MOST_RETRIES, Overrides, overrides
from simulators.twilio.segments import GSM_BASIC, GSM_EXTENDED, is_gsm, segments
from simulators.twilio.signature import sign
from simulators.twilio.state import Message
from simulators.twilio.twiml import BadTwiml, replies

VECTORS = json.loads(
    (Path(__file__).parents[1] / "payloads" / "twilio" / "request_validator_vectors.json").read_text()
)
WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
FORMS = st.dictionaries(WORDS.filter(bool), WORDS, max_size=8)


def vector(name: str) -> dict[str, Any]:
    return next(each for each in VECTORS["vectors"] if each["name"] == name)


# Signature


def test_the_signature_is_that_of_twilios_own_vector():
    found = sign(VECTORS["uri"], VECTORS["params"].items(), VECTORS["auth_token"])

    assert found == vector("compute_signature")["signature"]


def test_a_field_given_twice_with_one_value_is_signed_once():
    case = vector("duplicate_keys")

    assert sign(case["uri"], [tuple(p) for p in case["pairs"]], VECTORS["auth_token"]) == case["signature"]


def test_a_signature_over_a_url_without_its_body_is_that_of_twilios_own_vector():
    case = vector("body_sha256")

    assert sign(case["uri"], [], VECTORS["auth_token"]) == case["signature"]


@pytest.mark.parametrize("name", ["validation_adds_port_on_https", "validation_adds_port_on_http"])
def test_a_port_is_signed_where_it_is_in_the_address(name: str):
    case = vector(name)
    port = ":443" if case["uri"].startswith("https") else ":80"
    uri = case["uri"].replace("mycompany.com", f"mycompany.com{port}")

    assert sign(uri, VECTORS["params"].items(), VECTORS["auth_token"]) == case["signature"]


@given(
    form=FORMS, token=WORDS, port=st.sampled_from(["", ":8000"]), query=st.sampled_from(["", "?a=1&b=%20"])
)
def test_the_sdks_validator_accepts_every_signature(form: dict[str, str], token: str, port: str, query: str):
    url = f"https://bot.example{port}/sms{query}"

    assert RequestValidator(token).validate(url, form, sign(url + "#rc=5&rp=all", form.items(), token))


@given(form=FORMS, name=WORDS.filter(bool), value=WORDS)
def test_a_changed_form_has_another_signature(form: dict[str, str], name: str, value: str):
    changed = {**form, name: form.get(name, "") + value + "x"}

    assert sign("http://h/", form.items(), "t") != sign("http://h/", changed.items(), "t")


# Segments

GSM = st.text(st.sampled_from(sorted(GSM_BASIC | GSM_EXTENDED)), max_size=700)
ANY = st.text(st.characters(exclude_categories=["Cs"]), max_size=400)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("ü" * 160, 1),
        ("ж" * 70, 1),
        ("ж" * 71, 2),
        ("ж" * 134, 2),
        ("ж" * 135, 3),
        ("😀" * 35, 1),
        ("😀" * 36, 2),
        ("“quoted”" + "a" * 62, 1),
        ("“quoted”" + "a" * 63, 2),
    ],
)
def test_segments_are_counted_as_carriers_do(text: str, count: int):
    assert segments(text) == count


@given(text=ANY | GSM, more=ANY)
def test_a_longer_text_never_has_fewer_segments(text: str, more: str):
    assert segments(text + more) >= segments(text) >= 1


@given(text=GSM)
def test_gsm_text_has_at_least_the_segments_its_length_needs(text: str):
    size = len(text) + sum(character in GSM_EXTENDED for character in text)

    assert is_gsm(text)
    assert segments(text) == 1 if size <= 160 else segments(text) >= -(-size // 153)


# Keywords


@given(word=st.sampled_from(sorted(STOP | START | HELP)), pad=st.text(" \n\t", max_size=3))
def test_a_keyword_counts_in_any_case_and_only_alone(word: str, pad: str):
    assert opt_out_type(pad + word.lower() + pad) == opt_out_type(word) is not None
    assert opt_out_type(f"{word} please") is None
    assert opt_out_type(f"{word}.") is None


def test_twilio_answers_only_what_changes_something():
    assert reply_to("STOP", opted_out=True) is None
    assert reply_to("START", opted_out=False) is None
    assert reply_to("HELP", opted_out=True) is None
    assert None not in (
        reply_to("STOP", opted_out=False),
        reply_to("START", opted_out=True),
        reply_to("HELP", opted_out=False),
    )


# Retry rules


def test_an_address_without_a_fragment_has_twilios_defaults():
    assert overrides("https://h/sms") == Overrides(5_000, 15_000, 15_000, 1, frozenset({"ct"}))


def test_the_fragment_changes_the_rules():
    found = overrides("https://h/sms?x=1#rc=5&rp=5xx,rt&ct=200&rt=300&tt=400&edge=ashburn")

    assert found == Overrides(200, 300, 400, 5, frozenset({"5xx", "rt"}))
    assert found.retries("rt")
    assert not found.retries("ct")
    assert overrides("https://h/#rp=all").retries("4xx")


@given(fragment=st.text(string.printable, max_size=40) | st.from_regex(r"(rc|rp|ct|rt|tt)=[-0-9a-z,]{0,6}"))
def test_no_fragment_leaves_the_limits(fragment: str):
    found = overrides(f"https://h/#{fragment}")

    assert 0 <= found.rc <= MOST_RETRIES
    assert found.rp
    assert all(100 <= limit <= 15_000 for limit in (found.ct, found.rt, found.tt))


# Lists


def message(number: int, at: float = 0.0) -> Message:
    sid = f"SM{number:032x}"
    return Message(sid, "+15550100001", NUMBER, str(number), "inbound", "received", at, at, at, number=number)


@given(count=st.integers(0, 30), size=st.integers(1, 12))
def test_pages_followed_to_the_end_have_each_message_once(count: int, size: int):
    messages = [message(number) for number in range(1, count + 1)]
    seen: list[str] = []
    token = ""
    while True:
        found = find(messages, parse_query({"PageSize": str(size), "PageToken": token}))
        seen += [each.body for each in found.messages]
        token = found.next_token
        if not token:
            break

    assert seen == [str(number) for number in range(count, 0, -1)]


@given(count=st.integers(2, 30), size=st.integers(1, 12))
def test_the_page_before_the_next_one_is_where_we_were(count: int, size: int):
    messages = [message(number) for number in range(1, count + 1)]
    first = find(messages, parse_query({"PageSize": str(size)}))
    if first.next_token:
        second = find(messages, parse_query({"PageSize": str(size), "PageToken": first.next_token}))

        back = find(messages, parse_query({"PageSize": str(size), "PageToken": second.previous_token}))

        assert back.messages == first.messages


def test_page_addresses_are_those_of_a_recorded_page():
    recorded = json.loads(
        (Path(__file__).parents[1] / "payloads/twilio/messages_resource_examples.json").read_text()
    )
    page = next(example for title, example in recorded.items() if title.endswith("readFullPage1"))
    path, _, _ = page["uri"].partition("?")
    messages = [message(number, 2e9) for number in (1, 2, 3)]
    asked = {"To": "+123456789", "From": "+987654321", "DateSent>": "2008-01-02", "PageSize": "2"}
    query = parse_query(asked)

    uris = page_uris(path, query, find(messages, parse_query({"PageSize": "2"})))

    assert (uris["this"], uris["first"], uris["previous"]) == (page["uri"], page["first_page_uri"], None)
    assert re.sub("PA.*", "", uris["next"] or "") == re.sub("PA.*", "", page["next_page_uri"])


@pytest.mark.parametrize(
    "text",
    [
        "2026-05-04T12:30:00Z",
        "2026-05-04T14:30:00+02:00",
        "2026-05-04 12:30:00.000",
        "Mon, 04 May 2026 12:30:00 -0000",
        "Mon, 04 May 2026 12:30:00 +0000",
    ],
)
def test_a_time_is_read_in_all_the_forms_twilio_takes(text: str):
    assert span(text).start == span(text).end == datetime(2026, 5, 4, 12, 30, tzinfo=UTC)


def test_a_date_is_its_whole_day():
    day = span("2026-05-04")

    assert (day.start.isoformat(), day.end.isoformat()) == (
        "2026-05-04T00:00:00+00:00",
        "2026-05-04T23:59:59+00:00",
    )


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2026-13-01", "12", "0001-01-01T00:00:00+23:00", "Mon, 99 May 2026"]
)
def test_what_is_no_date_is_refused(text: str):
    with pytest.raises(TwilioError) as refused:
        span(text)

    assert refused.value.code == 20001


@given(text=st.text(max_size=20) | st.datetimes().map(str))
def test_nothing_else_happens_with_any_text_for_a_date(text: str):
    with suppress(TwilioError):
        assert span(text).start <= span(text).end


# TwiML


@given(
    text=st.text(max_size=60),
    kind=st.sampled_from(["text/xml", "application/xml", "text/html", "image/png", ""]),
)
def test_any_answer_of_an_app_is_read_or_refused(text: str, kind: str):
    with suppress(BadTwiml):
        assert isinstance(replies(kind, text), tuple)


def test_a_message_verb_may_say_where_it_goes_and_what_it_shows():
    (reply,) = replies(
        "text/xml",
        '<Response><Message to="+15550100002" statusCallback="/s">'
        "<Body>hi</Body><Media>https://h/a.png</Media></Message></Response>",
    )

    assert (reply.to, reply.body, reply.media, reply.status_callback) == (
        "+15550100002",
        "hi",
        ("https://h/a.png",),
        "/s",
    )


def test_plain_text_is_a_message():
    assert [reply.body for reply in replies("text/plain", " hi \n")] == ["hi"]


# Faults, numbers, people


@pytest.mark.parametrize("fault", [None, Fault("429"), Fault("undelivered"), Fault("failed", code=30034)])
def test_every_plan_starts_queued_and_ends_final(fault: Fault | None):
    names = [step.partition(":")[0] for step in plan(fault)]

    assert names[0] == "queued"
    assert RANKS[names[-1]] == 3


def test_a_fault_comes_as_often_as_was_asked():
    faults = Faults()
    faults.add(Fault("500", times=2))

    kinds = [
        fault and fault.kind for fault in (faults.take("send"), faults.take("send"), faults.take("send"))
    ]

    assert kinds == ["500", "500", None]


@pytest.mark.parametrize(
    "fault",
    [Fault("error"), Fault("statuses"), Fault("undelivered", on="list"), Fault("statuses", on="fetch")],
)
def test_a_fault_that_cannot_happen_says_why(fault: Fault):
    assert problem(fault)


@pytest.mark.parametrize(
    "text", ["", "+", "+1", "15550100001", "+05550100001", "+1555010000x", "+1 555 010 0001", "+٣٣٣٣٣٣٣٣"]
)
def test_only_e164_is_a_number(text: str):
    assert not is_number(text)


def test_the_account_and_the_numbers_have_twilios_shapes():
    assert re.fullmatch("AC[0-9a-f]{32}", ACCOUNT_SID)
    assert all(is_number(person.sms) for person in with_phone(DEMO_PEOPLE))
    assert (is_number(NUMBER), country(NUMBER), country("+49301234567"), country("+999999999")) == (
        True,
        "US",
        "DE",
        "",
    )


def test_people_without_slack_or_without_a_phone_are_people_too():
    people = parse_people(
        [
            {"name": "dora", "slack_user_id": "U0DORA"},
            {"name": "emil", "sms": "+15550100009", "email": "emil@example.com"},
            {"name": "nobody"},
        ]
    )

    assert [person.name for person in people] == ["dora", "emil"]
    assert [person.name for person in on_slack(people)] == ["dora"]
    assert [person.name for person in with_phone(people)] == ["emil"]
