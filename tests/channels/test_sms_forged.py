"""Forged, stolen and broken calls: refused, without a trace in the log of any thread and without a 500."""

import asyncio
import json
import random
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given, strategies as st

from bot.ports import WebhookRequest
from channels.sms.signature import Signature
from simulators.twilio import ACCOUNT_SID, AUTH_TOKEN, NUMBER
from tests.channels.sms_kit import (
    ANN,
    BOB,
    FORM_TYPE,
    PUBLIC,
    SID,
    Fields,
    Inbox,
    call,
    channel_to,
    post,
    sign,
    text_form,
)

VECTORS = json.loads(
    (Path(__file__).parents[1] / "payloads/twilio/request_validator_vectors.json").read_text(encoding="utf-8")
)
URL = f"{PUBLIC}/webhooks/twilio/sms"
OTHER_SID = "SM" + "f" * 32


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


# ---------------------------------------------------------------- the same, written otherwise (W04)


def shuffled(form: Fields) -> Fields:
    return random.Random(1).sample(form, len(form))


@pytest.mark.parametrize(
    "body",
    [
        urlencode(shuffled(text_form())),
        urlencode([*text_form(), ("Body", "hi"), ("From", ANN)]),
        "&".join(f"{quote(k, safe='')}={quote(v, safe='')}" for k, v in text_form()),
        "&".join("".join(f"%{b:02x}" for b in k.encode()) + f"={quote(v, safe='')}" for k, v in text_form()),
    ],
)
async def test_the_same_fields_written_otherwise_are_the_same_text(inbox: Inbox, body: str):
    channel, request = channel_to(), call(text_form())
    await post(channel, inbox, request)

    again = call(
        text_form(), body=body.encode(), headers={"x-something": "else", "i-twilio-idempotency-token": "2"}
    )

    assert (await post(channel, inbox, again)).status == 200
    assert len(inbox.got) == 1


# The signature covers names and values in a row; these two leave that row as it is.


def _moved(name: str) -> Fields:
    fields = dict(text_form())
    value = fields.pop(name)
    return list({**fields, name[:-1]: name[-1] + value}.items())


def _swallowed(name: str, next_name: str) -> Fields:
    fields = dict(text_form())
    return list({**fields, name: fields[name] + next_name + fields.pop(next_name)}.items())


@pytest.mark.parametrize(
    "form",
    [
        [*text_form(), ("MessageSid", OTHER_SID)],
        [*text_form(), ("Body", "transfer everything")],
        [*text_form(), ("Zebra", "")],
        text_form(MessageSid=OTHER_SID),
        text_form(MessageSid=SID[:-1]),
        _swallowed("MessageSid", "NumMedia"),
        [f for f in text_form() if f[0] != "MessageSid"],
        text_form(From=BOB),
        text_form("hello"),
        text_form("hi "),
        [f for f in text_form() if f[1]],
        _moved("MessageSid"),
        _moved("From"),
    ],
)  # fmt: skip
async def test_a_captured_signature_is_good_for_nothing_else(inbox: Inbox, form: Fields):
    forged = call(form, signature=sign(URL, text_form()))

    answer = await post(channel_to(), inbox, forged)

    assert answer.status in (400, 403) or inbox.got == []
    assert answer.status < 500
    assert inbox.got == []


async def test_a_text_that_looks_like_fields_cannot_be_taken_apart_into_another_one(inbox: Inbox):
    """Mallory texts us a made-up tail and gets hold of the signed request."""
    tail = f"From{BOB}MessageSid{OTHER_SID}To{NUMBER}Z"
    genuine = text_form("OK 7K3PWX" + tail)
    rest = "".join(k + v for k, v in sorted(genuine) if k > "Body")
    forged = [("AccountSid", ACCOUNT_SID), ("ApiVersion", "2010-04-01"), ("Body", "OK 7K3PWX"), ("From", BOB),
              ("MessageSid", OTHER_SID), ("To", NUMBER), ("Z", rest)]  # fmt: skip
    assert sign(URL, forged) == sign(URL, genuine)

    answer = await post(channel_to(), inbox, call(forged, signature=sign(URL, genuine)))

    assert (answer.status, inbox.got) == (403, [])


@given(st.lists(st.tuples(st.text(min_size=1, max_size=8), st.text(max_size=8)), max_size=8))
def test_any_form_that_twilio_signs_fits(form: Fields):
    assert Signature(AUTH_TOKEN).fits(URL, form, sign(URL, form))


@pytest.mark.parametrize(
    "vector", [v for v in VECTORS["vectors"] if "body" not in v], ids=lambda v: v["name"]
)
def test_twilios_own_examples_fit(vector: dict[str, object]):
    form = [(k, v) for k, v in vector["pairs"]] if "pairs" in vector else list(VECTORS["params"].items())  # type: ignore[attr-defined]

    assert Signature(VECTORS["auth_token"]).fits(str(vector["uri"]), form, str(vector["signature"]))
    assert not Signature("other").fits(str(vector["uri"]), form, str(vector["signature"]))


# ---------------------------------------------------------------- forged (W05, A07)

GOOD = sign(URL, text_form())


@pytest.mark.parametrize(
    "request_",
    [
        call(text_form(), signature=""),
        call(text_form(), signature=GOOD[:-1]),
        call(text_form(), signature=GOOD + "="),
        call(text_form(), signature=GOOD.lower()),
        call(text_form(), signature="v1=" + GOOD),
        call(text_form(), signature="A" * 28),
        call(text_form(), signature="é" * 28),
        call(text_form(), signature="\udcff" * 28),
        call(text_form(), signature="x" * 100_000),
        call(text_form(), token="another app's token"),
        call(text_form(), token=""),
        call(text_form(AccountSid="AC" + "0" * 32)),
        call(text_form(AccountSid="")),
        call(text_form(To="+15550109999")),
        call(text_form(To="whatsapp:" + NUMBER)),
        call(text_form(), signed_url=URL, query="x=1"),
        call(text_form(), query="x=%ff&é=1", signature=GOOD),
        call(text_form(), headers={"x-twilio-webhooks-signature-settings": "key=a,algorithm=NONE"}, signature="A" * 28),
        WebhookRequest("POST", "/webhooks/twilio/sms", "", {"content-type": FORM_TYPE}, call(text_form()).body),
    ],
)  # fmt: skip
async def test_what_is_not_twilios_is_refused(inbox: Inbox, request_: WebhookRequest):
    answer = await post(channel_to(), inbox, request_)

    assert answer.status == 403
    assert inbox.got == []


@pytest.mark.parametrize(
    ("status", "request_"),
    [
        (405, call(text_form(), method="GET")),
        (415, call(text_form(), headers={"content-type": "application/json"})),
        (415, call(text_form(), headers={"content-type": ""})),
        (413, call(text_form(), body=b"Body=" + b"x" * 70_000)),
        (400, call(text_form(), body=b"Body=%ff%fe")),
        (400, call(text_form(), body=b"Body=\xff\xfe")),
        (400, call(text_form(), body=b"Body")),
        (400, call(text_form(), body=b"&".join(b"a%d=1" % i for i in range(500)))),
        (400, call(text_form(MessageSid="SM1"))),
        (400, call(text_form(MessageSid=""))),
        (400, call([*text_form(), ("From", BOB)])),
        (403, call(text_form(), body=b"")),
    ],
)
async def test_what_cannot_be_read_is_refused(inbox: Inbox, status: int, request_: WebhookRequest):
    answer = await post(channel_to(), inbox, request_)

    assert (answer.status, inbox.got) == (status, [])


@given(st.binary(max_size=300), st.text(max_size=40), st.text(max_size=40))
def test_garbage_is_never_our_failure(body: bytes, signature: str, query: str):
    inbox = Inbox()
    requests = [
        call(text_form(), body=body, signature=signature, query=query),
        call([("Body", query)], body=body, signature=sign(URL, []), webhook="twilio/sms"),
    ]

    answers = [asyncio.run(post(channel_to(), inbox, each)) for each in requests]

    assert {answer.status // 100 for answer in answers} == {4}
    assert inbox.got == []
