"""Mail of the agent's own: where it goes is decided before anybody is asked, and only there it goes."""

from typing import Any

import pytest

from agents.assistant import LONGEST_SUBJECT, MailArgs, addressed, assistant, send_email
from bot.errors import ToolError
from bot.events import Outgoing
from bot.shown import parse_shown, shown
from bot.tools import Stored
from tests.agents.mail_kit import BOT, context, directory

BODY = "Hello Sarah,\n\nlunch at one?\n\n  - Ann\n"


def mail(to: str = "sarah", subject: str = "Lunch", body: str = BODY) -> MailArgs:
    return MailArgs(to=to, subject=subject, body=body)


def refusal(args: MailArgs, **more) -> ToolError:
    with pytest.raises(ToolError) as caught:
        addressed(args, context(**more))
    return caught.value


# ---------------------------------------------------------------- what leaves


async def test_a_mail_to_a_person_leaves_with_its_subject_and_text_as_they_are():
    stored = await send_email.run(mail(), context())

    letter = Outgoing(
        text=BODY, subject="Lunch", channel="email", account=BOT, destination="sarah@example.net"
    )
    assert stored == Stored("I have written to sarah by e-mail: Lunch", outgoing=(letter,))


async def test_a_mail_to_an_address_of_somebody_unknown_leaves_too():
    stored = await send_email.run(mail("Max@Example.COM "), context())

    assert isinstance(stored, Stored)
    assert stored.text == "I have written to max@example.com by e-mail: Lunch"
    assert [each.destination for each in stored.outgoing] == ["max@example.com"]


async def test_a_subject_is_one_line():
    stored = await send_email.run(mail(subject="Lunch\r\nBcc: eve@example.org\t now "), context())

    assert isinstance(stored, Stored)
    assert stored.outgoing[0].subject == "Lunch Bcc: eve@example.org now"


def test_it_is_risky_kept_by_us_and_ends_the_turn():
    assert (send_email.effect, send_email.then, send_email.risk) == ("stored", "finish", "high")
    assert list(MailArgs.model_fields) == ["to", "subject", "body"]
    assert (send_email.channel, send_email.address) == ("email", "to")
    assert send_email in assistant.tools


# ---------------------------------------------------------------- what is asked about


@pytest.mark.parametrize("to", ["sarah", " Sarah ", "SARAH@example.net", "sarah@example.net"])
def test_what_is_shown_is_the_address_and_not_the_name(to: str):
    assert addressed(mail(to), context()) == mail("sarah@example.net")


def test_the_approver_reads_the_whole_mail_exactly():
    exact = addressed(mail(subject="  Lunch,\n today ", body='a\r\n\r\n"b"\u202e\tc\n'), context())

    text = shown("send_email", exact.model_dump())

    assert text.split("\n") == [
        "send_email",
        'body: "a\\r\\n\\r\\n\\"b\\"\\u202e\\tc\\n"',
        'subject: "Lunch, today"',
        'to: "sarah@example.net"',
    ]
    assert parse_shown(text) == exact.model_dump()


def test_the_address_that_was_shown_is_the_one_that_gets_it_even_if_the_person_moves():
    exact = addressed(mail("sarah"), context())

    later = directory(people={})

    assert later.letter(exact.to, exact.subject, exact.body).destination == "sarah@example.net"


async def test_what_an_approver_made_of_it_is_looked_at_too():
    with pytest.raises(ToolError, match="body: it is empty"):
        await send_email.run(mail(body=" "), context())


# ---------------------------------------------------------------- what nobody is asked about


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (mail(subject=" \n "), "subject: it is empty"),
        (mail(body=" \n "), "body: it is empty"),
        (
            mail(subject="x" * (LONGEST_SUBJECT + 1)),
            "subject: it has 201 characters, at most 200 are allowed",
        ),
        (mail("max"), "there is no max here; you can write to ann, sarah, bob"),
        (mail("bob"), "bob has no e-mail address"),
        (mail(BOT), "is this bot's own address"),
        (mail("bot+token@example.org"), "is this bot's own address"),
    ],
)
def test_a_mail_that_could_not_leave_goes_back_to_the_model(args: MailArgs, said: str):
    assert said in str(refusal(args))


@pytest.mark.parametrize(
    "to",
    [
        "a@example.org, b@example.org",
        "a@example.org b@example.org",
        "a@example.org\nBcc: b@example.org",
        "Sarah <sarah@example.org>",
        "<sarah@example.org>",
        '"a b"@example.org',
        "a@localhost",
        "a@[127.0.0.1]",
        "a@b@example.org",
        "@example.org",
        "a@",
        "a..b@example.org",
        "s\u0430rah@example.org",
        "sarah@ex\u0430mple.org",
        "sa\u200brah@example.org",
        f"{'a' * 250}@example.org",
    ],
)
def test_what_is_not_exactly_one_plain_address_is_refused(to: str):
    assert "is not one e-mail address" in str(refusal(mail(to)))


def test_without_a_mailbox_it_says_so():
    assert "e-mail is not set up" in str(refusal(mail(), accounts={"slack": "T1"}))


@pytest.mark.parametrize("to", ["max@example.org", "ann", "dora"])
@pytest.mark.parametrize("simulated", [{"slack"}, {"email"}])
def test_simulated_and_real_people_do_not_write_to_each_other(to: str, simulated: set[str]):
    rules: dict[str, Any] = {"simulated": frozenset(simulated), "mixed": True}
    ours = "ann" if simulated == {"email"} else "dora"

    if to == ours:
        assert addressed(mail(to), context(**rules)).to.startswith(to)
    else:
        assert refusal(mail(to), **rules)
