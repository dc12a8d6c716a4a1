"""A mail leaves once, whole; and of one that may not have arrived nobody says that it did, or that it did not."""

import asyncio
import base64
import time
from collections.abc import Callable

import pytest
from aiosmtplib import SMTPDataError, SMTPRecipientRefused, SMTPSenderRefused, SMTPServerDisconnected

from bot.errors import SendFailed, StartError
from channels.email.failures import reason, send_failed
from tests.channels.smtp_kit import (
    ANN,
    BOT,
    MAIL,
    Authority,
    Desk,
    failure,
    make_authority,
    refused,
    scripted,
    send,
    serving,
    smtp_to,
)

BOB = "bob@example.org"
SOON = 0.5  # seconds, for servers that never answer
LATER = 4.0  # ... where the mail must have been handed over by then


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(
        tmp_path_factory.mktemp("ca"), here="IP:127.0.0.1", elsewhere="DNS:mx.elsewhere.test"
    )


# ---------------------------------------------------------------- taken


async def test_a_mail_arrives_as_it_was_written():
    desk = Desk()

    async with serving(desk) as port:
        answer = await send(port, ANN, BOB)

    assert desk.mails == [MAIL]
    (envelope,) = desk.taken
    assert (envelope.mail_from, envelope.rcpt_tos) == (BOT, [ANN, BOB])
    assert answer == "2.0.0 queued as 4711"


async def test_every_mail_has_a_connection_of_its_own():
    desk = Desk()

    async with serving(desk) as port:
        smtp = smtp_to(port)
        for _ in range(3):
            await smtp.send(MAIL, sender=BOT, recipients=[ANN])

    assert desk.commands == ["MAIL", f"RCPT {ANN}", "DATA", "QUIT"] * 3


@pytest.mark.parametrize("last_words", ["drop", "hang", "500 what?"])
async def test_once_it_is_taken_nothing_makes_it_untaken(last_words: str):
    desk = Desk({"QUIT": last_words})

    async with serving(desk) as port:
        assert await send(port)

    assert desk.mails == [MAIL]


async def test_many_at_once_all_arrive():
    desk = Desk()

    async with serving(desk) as port:
        await asyncio.gather(*(send(port) for _ in range(20)))

    assert len(desk.taken) == 20


async def test_a_servers_answer_names_nobody():
    async with serving(Desk({"DATA": f"250 ok for {ANN}\x00"})) as port:
        assert await send(port) == "ok for (address)"


# ---------------------------------------------------------------- refused


@pytest.mark.parametrize(
    ("answer", "kind", "unreachable", "words"),
    [
        ("550 5.1.1 no such user", "final", True, "no such address"),
        ("550 no such user", "final", True, "550 no such user"),
        ("551 user not local", "final", True, "551"),
        ("553 mailbox name not allowed", "final", True, "553"),
        ("556 5.1.10 null MX", "final", True, "takes no mail"),
        ("550 5.1.2 bad domain", "final", True, "no such domain"),
        ("550 5.2.1 account disabled", "final", True, "disabled"),
        ("552 5.2.2 mailbox full", "final", False, "full"),
        ("550 5.7.1 spam", "final", False, "a rule over there"),
        ("550 relay not permitted", "final", False, "relay"),
        ("550 blocked by policy", "final", False, "policy"),
        ("554 5.7.1 denied", "final", False, "rule"),
        ("451 4.7.1 greylisted", "retry", False, "greylisted"),
        ("450 4.2.2 full", "retry", False, "full"),
        ("452 too many recipients", "retry", False, "452"),
        ("421 shutting down", "retry", False, "421"),
        ("530 5.7.0 authentication required", "retry", False, "refuses us"),
        ("999 strange", "retry", False, "999"),
    ],
)
async def test_each_answer_to_a_recipient_has_its_meaning(
    answer: str, kind: str, unreachable: bool, words: str
):
    desk = Desk({"RCPT": answer})

    async with serving(desk) as port:
        failed = await failure(port)

    assert (failed.kind, failed.unreachable) == (kind, unreachable)
    assert words in str(failed)
    assert desk.taken == []


@pytest.mark.parametrize(
    ("command", "answer", "kind"),
    [
        ("MAIL", "550 5.1.8 bad sender domain", "final"), ("MAIL", "451 try later", "retry"),
        ("MAIL", "552 5.3.4 too big", "final"), ("MAIL", "530 log in first", "retry"),
        ("DATA", "550 5.7.1 looks like spam", "final"), ("DATA", "451 4.3.0 try later", "retry"),
        ("DATA", "552 5.3.4 too big", "final"), ("DATA", "554 no", "final"), ("DATA", "421 going", "retry"),
        ("DATA", "550 5.1.1 unknown user", "final"),
    ],
)  # fmt: skip
async def test_what_is_not_about_a_recipient_closes_no_address(command: str, answer: str, kind: str):
    desk = Desk({command: answer})

    async with serving(desk) as port:
        failed = await failure(port)

    assert (failed.kind, failed.unreachable, desk.taken) == (kind, False, [])


async def test_a_greylisted_mail_waits_and_then_goes():
    desk = Desk({"RCPT": "451 4.7.1 greylisted, come back later"})

    async with serving(desk) as port:
        failed = await failure(port)
        desk.answers.clear()
        await send(port)

    assert (failed.kind, failed.retry_after) == ("retry", 60)
    assert desk.mails == [MAIL]


async def test_what_is_too_big_is_not_even_offered():
    desk = Desk()

    async with serving(desk, data_size_limit=50) as port:
        failed = await failure(port)

    assert failed.kind == "final"
    assert str(failed) == f"it is too big: {len(MAIL)} bytes, and the mail server takes at most 50"
    assert desk.commands == []


async def test_a_server_without_a_limit_takes_any_size():
    desk = Desk()

    async with serving(desk, data_size_limit=None) as port:
        await send(port, message=MAIL + b"x" * 900 + b"\r\n")

    assert len(desk.taken) == 1


async def test_a_copy_that_is_not_taken_holds_nobody_up():
    desk = Desk({f"RCPT {BOB}": "550 5.1.1 no such user"})

    async with serving(desk) as port:
        answer = await send(port, ANN, BOB)

    assert desk.taken[0].rcpt_tos == [ANN]
    assert answer == "2.0.0 queued as 4711 (not taken for 1 of 2 recipients: 550)"


async def test_copies_do_not_go_without_whom_it_is_for():
    desk = Desk({f"RCPT {ANN}": "550 5.1.1 no such user"})

    async with serving(desk) as port:
        failed = await failure(port, ANN, BOB)

    assert (failed.kind, failed.unreachable, desk.taken) == ("final", True, [])


@pytest.mark.parametrize("bad", ["", "ann", "ann@x.test\r\nDATA", "<ann@x.test>", "ann@süß.test"])
async def test_what_is_no_address_never_reaches_a_server(bad: str):
    desk = Desk()

    async with serving(desk) as port:
        failed = await failure(port, bad)

    assert (failed.kind, desk.commands) == ("final", [])


@pytest.mark.parametrize(
    "message",
    [b"a\nb\r\n", b"a\rb\r\n", b"a\r\n.\nMAIL FROM:<eve@evil.test>\r\n", b"a\r\r\n", b"a", b"a\r\n\x00\r\n",
     "ä\r\n".encode(), b"x" * 999 + b"\r\n", b"a\r", b""],
)  # fmt: skip
async def test_what_servers_read_differently_never_reaches_one(message: bytes):
    desk = Desk()

    async with serving(desk) as port:
        failed = await failure(port, message=message)

    assert (failed.kind, desk.commands) == ("final", [])


async def test_long_lines_in_a_large_mail_cost_no_time():
    desk, message = Desk(), MAIL + (b"x" * 998 + b"\r\n") * 5_000

    async with serving(desk) as port:
        began = time.process_time()
        await send(port, message=message)

    assert time.process_time() - began < 5  # of the processor


# ---------------------------------------------------------------- lost on the way


@pytest.mark.parametrize("end", ["drop", "hang"])
@pytest.mark.parametrize("command", ["MAIL", "RCPT"])
async def test_a_line_that_breaks_before_the_mail_is_there_is_tried_again(command: str, end: str):
    desk = Desk({command: end})

    async with serving(desk) as port:
        assert (await failure(port, timeout=SOON)).kind == "retry"


@pytest.mark.parametrize("end", ["drop", "hang"])
async def test_of_a_mail_whose_answer_is_lost_nobody_knows(end: str):
    async with serving(Desk({"DATA": end})) as port:
        failed = await failure(port, timeout=LATER)

    assert (failed.kind, failed.unreachable) == ("unknown", False)


@pytest.mark.parametrize("answer", ["hello", "354 again", "220 ?", "99", "251-half"])
async def test_an_answer_that_is_none_says_nothing_about_the_mail(answer: str):
    async with scripted(_says({"<end>": answer, "<next>": "hang"})) as port:
        assert (await failure(port, timeout=LATER)).kind == "unknown"


@pytest.mark.parametrize("end", ["drop", "hang", "554 go away", "421 busy", "hello"])
@pytest.mark.parametrize("at", ["<greeting>", "EHLO", "DATA"])
async def test_what_was_not_handed_over_is_tried_again_or_refused(at: str, end: str):
    greeting = end if at == "<greeting>" else "220 mx.test"

    async with scripted(_says({at: end}), greeting=greeting) as port:
        failed = await failure(port, timeout=SOON)

    assert failed.kind == ("final" if (at, end) == ("DATA", "554 go away") else "retry")


async def test_a_server_that_drips_is_cut_off():
    async with scripted(lambda line: "250-more") as port:
        assert (await failure(port, timeout=SOON)).kind == "retry"


async def test_where_nobody_listens_nothing_was_sent():
    assert (await failure(9)).kind == "retry"
    assert (await failure(9, security="implicit")).kind == "retry"


async def test_stopping_in_the_middle_closes_the_connection():
    there, gone = asyncio.Event(), asyncio.Event()

    class Watching(Desk):
        async def handle_DATA(self, *_: object) -> str:
            there.set()
            try:
                await asyncio.Event().wait()
            finally:
                gone.set()  # as soon as the server sees the line close
            return "250 never said"

    async with serving(Watching()) as port:
        sending = asyncio.ensure_future(send(port))
        await asyncio.wait_for(there.wait(), 30)
        sending.cancel()
        await asyncio.wait([sending])
        await asyncio.wait_for(gone.wait(), 30)

    assert sending.cancelled()


def _says(answers: dict[str, str]) -> Callable[[str], str]:
    """A server that takes everything, but for these commands."""
    usual = {"DATA": "354 go on", "<end>": "250 taken", "QUIT": "221 bye"}

    def answer(line: str) -> str:
        command = line.split(" ")[0]
        return answers.get(command, usual.get(command, "250 ok"))

    return answer


# ---------------------------------------------------------------- TLS


async def test_tls_from_the_start_to_a_server_that_we_trust(authority: Authority):
    desk = Desk()

    async with serving(desk, implicit=authority.server("here")) as port:
        await send(port, security="implicit", ca_file=authority.ca_file)

    assert desk.mails == [MAIL]


async def test_starttls_to_a_server_that_we_trust(authority: Authority):
    desk = Desk()

    async with serving(desk, tls_context=authority.server("here"), require_starttls=True) as port:
        await send(port, security="starttls", ca_file=authority.ca_file)

    assert desk.mails == [MAIL]


@pytest.mark.parametrize("security", ["implicit", "starttls"])
@pytest.mark.parametrize(
    ("certificate", "trusted", "words"),
    [("here", False, "Nobody we trust"), ("elsewhere", True, "SMTP_HOST")],
)
async def test_a_server_that_we_do_not_trust_gets_nothing(
    authority: Authority, security: str, certificate: str, trusted: bool, words: str
):
    desk = Desk()
    context = authority.server(certificate)
    offer = {"implicit": context} if security == "implicit" else {"tls_context": context}
    login = {"user": "bot", "password": "secret", "ca_file": authority.ca_file if trusted else ""}

    async with serving(desk, **offer) as port:
        failed = await failure(port, security=security, **login)
        checked = await refused(port, security=security, **login)

    assert failed.kind == "retry"
    assert words in str(failed)
    assert f"127.0.0.1:{port}" in str(failed)
    assert checked == str(failed)
    assert (desk.commands, desk.logins) == ([], [])


async def test_starttls_that_is_not_offered_is_not_done_without():
    desk = Desk()

    async with serving(desk) as port:
        failed = await failure(port, security="starttls", user="bot", password="secret")
        checked = await refused(port, security="starttls", user="bot", password="secret")

    assert failed.kind == "retry"
    assert "offers no STARTTLS" in str(failed)
    assert checked == str(failed)
    assert (desk.commands, desk.logins) == ([], [])


async def test_tls_to_a_port_without_it_says_which_port_to_use():
    async with serving(Desk()) as port:
        assert "465" in await refused(port, security="implicit")


@pytest.mark.parametrize("host", ["mail.example.org", "10.0.0.1", "127.0.0.1.example.org", "0.0.0.0", ""])
def test_without_tls_mail_goes_to_this_machine_only(host: str):
    with pytest.raises(StartError, match="TLS only"):
        smtp_to(25).__class__(host, 25, security="none")


async def test_a_file_to_trust_that_is_none_says_so():
    with pytest.raises(StartError, match="no-such-file"):
        await send(9, security="implicit", ca_file="/no-such-file.pem")


# ---------------------------------------------------------------- logging in


async def test_it_logs_in_before_it_sends():
    desk = Desk()

    async with serving(desk, auth_required=True) as port:
        await send(port, user="bot", password="secret")
        await smtp_to(port, user="bot", password="secret").check()

    assert desk.logins == [b"bot:secret"] * 2
    assert desk.mails == [MAIL]


async def test_a_wrong_password_keeps_the_mail_and_says_what_to_check():
    desk = Desk()

    async with serving(desk, auth_required=True) as port:
        failed = await failure(port, user="bot", password="wrong")
        checked = await refused(port, user="bot", password="wrong")

    assert (failed.kind, desk.commands) == ("retry", ["QUIT"])
    assert "password" in str(failed)
    assert checked == str(failed)
    assert "wrong" not in checked


async def test_a_token_takes_the_place_of_a_password():
    desk = Desk(password=b"token")

    async def token() -> str:
        return "ya29.x"

    async with serving(desk, auth_required=True) as port:
        await send(port, user="bot@saywhen.test", token=token)

    assert base64.b64decode(desk.logins[0]) == b"user=bot@saywhen.test\x01auth=Bearer ya29.x\x01\x01"
    assert desk.mails == [MAIL]


async def test_a_token_that_is_not_taken_keeps_the_mail():
    async def token() -> str:
        return "stale"

    async with serving(Desk(), auth_required=True) as port:
        assert (await failure(port, user="bot", token=token)).kind == "retry"
        assert "token" in await refused(port, user="bot", token=token)


async def test_a_server_that_lets_nobody_log_in_is_told_apart():
    async with scripted(_says({})) as port:
        assert "does not let us log in by LOGIN or PLAIN" in await refused(
            port, user="bot", password="secret"
        )


async def test_a_server_that_is_away_for_now_is_no_refusal():
    with pytest.raises(SendFailed) as failed:
        await smtp_to(9).check()

    assert failed.value.kind == "retry"


# ---------------------------------------------------------------- in words


def test_the_same_words_mean_what_the_stage_makes_of_them():
    gone = SMTPServerDisconnected("Connection lost")

    assert [send_failed(gone, stage).kind for stage in ("connect", "envelope", "content", "sent")] == [
        "retry", "retry", "retry", "unknown",
    ]  # fmt: skip
    assert send_failed(SMTPRecipientRefused(550, "no", ANN), "envelope").unreachable
    assert not send_failed(SMTPSenderRefused(550, "no", BOT), "envelope").unreachable
    assert send_failed(SMTPDataError(250, "?"), "sent").kind == "unknown"


def test_a_reason_is_one_short_line_that_names_nobody():
    words = reason(550, f"5.1.1 <{ANN}>:\r\n\x00 nobody\u202e {'x' * 5000} eve@evil.test")

    assert words.startswith("there is no such address: the mail server said 550 5.1.1 <(address)>: nobody")
    assert "@" not in words
    assert words.isprintable()
    assert len(words) < 400
