"""One IMAP connection: what it asks for, what it understands, and that no fault of a server makes it wait for long."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from channels.email.imap import ConnectionLost, Imap, Login, MailboxRefused, SaidNo, Server
from channels.email.imap_wire import fetched, mailbox_name, selected, uids_of
from tests.channels.imap_fake import (
    FakeImap,
    bye,
    bye_in_idle,
    cut_off,
    many_lines,
    no,
    reset,
    silence,
)

LOGIN = Login("bot", "secret")


@pytest.fixture
async def fake() -> AsyncIterator[FakeImap]:
    async with FakeImap().serve() as fake:
        yield fake


async def connect(fake: FakeImap, login: Login = LOGIN, **more: Any) -> Imap:
    more.setdefault("timeout", 10.0)
    return await Imap.connect(Server("127.0.0.1", fake.port, tls=False), login, **more)


@pytest.fixture
async def imap(fake: FakeImap) -> AsyncIterator[Imap]:
    imap = await connect(fake)
    await imap.select("INBOX")
    yield imap
    imap.close()


# ------------------------------------------------------------ names and answers


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("INBOX", '"INBOX"'),
        ("über uns", '"&APw-ber uns"'),
        ("Tom & Jerry", '"Tom &- Jerry"'),
        ('a"b\\c', '"a\\"b\\\\c"'),
        ("日本語", '"&ZeVnLIqe-"'),
        ("~peter/mail/台北/日本語", '"~peter/mail/&U,BTFw-/&ZeVnLIqe-"'),
    ],
)
def test_names_of_mailboxes_are_written_in_modified_utf7_and_quoted(name: str, sent: str) -> None:
    assert mailbox_name(name) == sent


def test_a_name_with_a_line_break_is_refused() -> None:
    with pytest.raises(ValueError, match="line break"):
        mailbox_name("INBOX\r\nA1 DELETE x")


def test_a_search_gives_each_uid_once_in_order() -> None:
    assert uids_of([b"5 3 5", b"SEARCH 9", b"", b"Search completed (0.001 + 0.000 secs)."]) == (3, 5, 9)


def test_what_is_not_said_of_a_mailbox_is_zero() -> None:
    assert selected([b"3 EXISTS", b"[READ-ONLY] ok"]).validity == 0
    assert selected([b"[READ-ONLY] ok"]).read_only


def test_a_mail_without_a_uid_was_not_asked_for_and_the_first_body_counts() -> None:
    lines = [
        b"1 FETCH (FLAGS (\\Seen))",
        b"2 FETCH (UID 5 BODY[] {5}", bytearray(b"first"), b" FLAGS ())",
        b"2 FETCH (UID 5 BODY[] {5}", bytearray(b"again"), b")",
        b'3 FETCH (BODY[] "in \\"quotes\\"" UID 6)',
        b"4 FETCH (UID 7 BODY[] NIL)",
        b"5 FETCH (UID 8 BODY[] {0}", bytearray(b""), b")",
        b"Fetch completed.",
    ]  # fmt: skip

    found = fetched(lines)

    assert {uid: mail.body for uid, mail in found.items()} == {
        5: b"first",
        6: b'in "quotes"',
        7: None,
        8: b"",
    }


# ------------------------------------------------------------ working


async def test_a_mailbox_says_its_validity_its_next_uid_and_which_flags_it_keeps(fake: FakeImap) -> None:
    fake.next_uid = 42
    imap = await connect(fake)

    found = await imap.select("INBOX")

    assert (found.validity, found.next_uid) == (7, 42)
    assert found.can_keep("$Saywhen")
    imap.close()


async def test_a_server_may_say_anywhere_in_its_flags_that_it_keeps_keywords(fake: FakeImap) -> None:
    """aioimaplib loses it in the middle."""
    fake.permanent = "\\Seen \\* \\Deleted"
    imap = await connect(fake)

    found = await imap.select("INBOX")

    assert found.can_keep("$Saywhen")
    assert found.can_keep("\\Deleted")
    imap.close()


async def test_a_server_without_keywords_keeps_only_its_own_flags(fake: FakeImap) -> None:
    fake.permanent = "\\Seen"
    imap = await connect(fake)

    found = await imap.select("INBOX")

    assert (found.can_keep("$Saywhen"), found.can_keep("\\Seen")) == (False, True)
    imap.close()


async def test_mails_are_searched_by_uid_and_the_last_one_is_not_taken_for_new(
    fake: FakeImap, imap: Imap
) -> None:
    for n in range(5):
        fake.arrive(b"x%d" % n)

    assert await imap.search_from(4) == (4, 5)
    assert await imap.search_from(6) == ()


async def test_a_mail_is_fetched_whole_whatever_is_in_it_and_is_not_seen_by_that(
    fake: FakeImap, imap: Imap
) -> None:
    raw = b"Subject: a * b * c) {12}\r\n\r\n* 1 FETCH (UID 9 BODY[] {3}\r\nA1 OK\r\n+ x\r\n(((\r\n"
    uid = fake.arrive(raw)

    assert await imap.fetch(uid, size=len(raw)) == raw
    assert await imap.fetch(99, size=1) is None
    assert fake.count(r"BODY\.PEEK\[\]") == 2
    assert fake.count(r"BODY\[") == 0


async def test_sizes_are_asked_for_at_most_200_at_once(fake: FakeImap, imap: Imap) -> None:
    uids = [fake.arrive(b"x" * n) for n in range(450)]

    found = await imap.look(uids)

    assert {uid: mail.size for uid, mail in found.items()} == {uid: uid - 1 for uid in uids}
    asked = [
        command.split()[2].count(",") + 1 for command in fake.commands if command.startswith("UID FETCH")
    ]
    assert asked == [200, 200, 50]


async def test_flags_are_set_and_mails_moved_or_copied_where_the_server_cannot_move(fake: FakeImap) -> None:
    fake.folders["Done"] = []
    one, two = fake.arrive(b"one"), fake.arrive(b"two")
    imap = await connect(fake)
    await imap.select("INBOX")

    await imap.flag([one], "$Saywhen")
    await imap.move([one], "Done")
    imap.close()
    fake.capabilities = "IMAP4rev1 UIDPLUS"
    imap = await connect(fake)
    await imap.select("INBOX")
    await imap.move([two], "Done")

    assert fake.flags[one] == {"$Saywhen"}
    assert fake.flags[two] == {"\\Deleted"}
    assert (fake.folders["Done"], fake.mails) == ([b"one", b"two"], {})
    imap.close()


async def test_a_mail_is_put_into_a_folder(fake: FakeImap, imap: Imap) -> None:
    await imap.create("Sent")
    await imap.append("Sent", b"From: us\r\n\r\nhello\r\n", flags="\\Seen")

    assert fake.folders["Sent"] == [b"From: us\r\n\r\nhello\r\n"]


async def test_idle_ends_with_a_new_mail_with_the_time_or_when_woken(fake: FakeImap, imap: Imap) -> None:
    async def arrive() -> None:
        await fake.someone_idles.wait()
        fake.arrive(b"new")

    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        group.create_task(arrive())
        await imap.idle(60)
    assert await imap.search_from(1) == (1,)

    await imap.idle(0.01)

    wake = asyncio.Event()
    wake.set()
    async with asyncio.timeout(10):
        await imap.idle(60, wake=wake)
    await imap.noop()


async def test_a_sign_of_life_does_not_end_idle(fake: FakeImap, imap: Imap) -> None:
    async def still_here(session: Any, line: str) -> bool:
        session.say("+ idling", "* OK Still here")
        assert (await session.reader.readline()).strip() == b"DONE"
        session.say(f"{line.split()[0]} OK done")
        return True

    fake.go_wrong("IDLE", still_here)
    started = asyncio.get_running_loop().time()

    await imap.idle(0.2)

    assert asyncio.get_running_loop().time() - started >= 0.19


async def test_a_server_that_cannot_idle_is_asked_after_the_time(fake: FakeImap) -> None:
    fake.capabilities = "IMAP4rev1"
    imap = await connect(fake)
    await imap.select("INBOX")

    await imap.idle(0.01)

    assert fake.count("IDLE") == 0
    imap.close()


async def test_twelve_hundred_lines_at_once_do_not_end_the_connection(fake: FakeImap, imap: Imap) -> None:
    """aioimaplib alone dies of them."""
    fake.arrive(b"x")
    fake.go_wrong("NOOP", many_lines)

    await imap.noop()

    assert await imap.search_from(1) == (1,)


async def test_a_large_mail_comes_whole(fake: FakeImap, imap: Imap) -> None:
    raw = (b"line " * 15 + b"\r\n") * 40_000
    uid = fake.arrive(raw)

    assert await imap.fetch(uid, size=len(raw)) == raw


# ------------------------------------------------------------ faults


@pytest.mark.parametrize("fault", [reset, bye, silence, no])
@pytest.mark.parametrize(
    "command", ["NOOP", "UID SEARCH", "UID FETCH", "UID STORE", "UID MOVE", "SELECT", "IDLE"]
)
async def test_whatever_goes_wrong_in_a_call_is_noticed_in_time(
    fake: FakeImap, command: str, fault: Any
) -> None:
    uid = fake.arrive(b"x")
    imap = await connect(fake, timeout=0.3)
    calls = {
        "NOOP": imap.noop,
        "UID SEARCH": lambda: imap.search_from(1),
        "UID FETCH": lambda: imap.fetch(uid, size=1),
        "UID STORE": lambda: imap.flag([uid], "\\Seen"),
        "UID MOVE": lambda: imap.move([uid], "Done"),
        "SELECT": lambda: imap.select("INBOX"),
        "IDLE": lambda: imap.idle(60),
    }
    if command != "SELECT":
        await imap.select("INBOX")
        await imap.search_from(1)
    fake.go_wrong(command, fault)

    async with asyncio.timeout(10):
        with pytest.raises(ConnectionLost):
            await calls[command]()
    imap.close()


async def test_a_farewell_in_idle_ends_it_although_the_connection_stays_open(
    fake: FakeImap, imap: Imap
) -> None:
    fake.go_wrong("IDLE", bye_in_idle)

    async with asyncio.timeout(10):
        with pytest.raises(ConnectionLost, match="BYE shutting down"):
            await imap.idle(60)


async def test_a_connection_that_breaks_in_idle_ends_it(fake: FakeImap, imap: Imap) -> None:
    async def break_it() -> None:
        await fake.someone_idles.wait()
        for session in fake.sessions:
            session.writer.transport.abort()

    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        group.create_task(break_it())
        with pytest.raises(ConnectionLost):
            await imap.idle(60)


async def test_a_server_that_no_longer_answers_is_noticed_at_the_end_of_idle(fake: FakeImap) -> None:
    async def idle_then_silence(session: Any, line: str) -> bool:
        session.say("+ idling")
        session.deaf = True
        return True

    imap = await connect(fake, timeout=0.2)
    await imap.select("INBOX")
    fake.go_wrong("IDLE", idle_then_silence)

    async with asyncio.timeout(10):
        with pytest.raises(ConnectionLost, match="ending IDLE: no answer in time"):
            await imap.idle(0.05)
    imap.close()


async def test_a_mail_cut_off_in_the_middle_is_no_mail(fake: FakeImap, imap: Imap) -> None:
    uid = fake.arrive(b"x")
    fake.go_wrong("UID FETCH", cut_off)

    async with asyncio.timeout(10):
        with pytest.raises(ConnectionLost):
            await imap.fetch(uid, size=100_000)


async def test_a_refused_command_is_told_apart(fake: FakeImap, imap: Imap) -> None:
    uid = fake.arrive(b"x")
    fake.go_wrong("UID FETCH", no)

    with pytest.raises(SaidNo, match="not now"):
        await imap.fetch(uid, size=1)


async def test_after_a_lost_connection_every_call_says_so_at_once(fake: FakeImap, imap: Imap) -> None:
    fake.go_wrong("NOOP", reset)
    with pytest.raises(ConnectionLost):
        await imap.noop()
    before = len(fake.commands)

    with pytest.raises(ConnectionLost):
        await imap.search_from(1)

    assert len(fake.commands) == before


async def test_a_server_that_sends_more_than_it_may_is_left(fake: FakeImap) -> None:
    async def too_much(session: Any, line: str) -> bool:
        session.say("* 1 FETCH (UID 1 BODY[] {90000000}", b"x" * 5000)
        return True

    uid = fake.arrive(b"x")
    imap = await connect(fake, largest=1000)
    await imap.select("INBOX")
    fake.go_wrong("UID FETCH", too_much)

    with pytest.raises(ConnectionLost, match="too much"):
        await imap.fetch(uid, size=1000)
    imap.close()


# ------------------------------------------------------------ logging in


async def test_a_wrong_password_is_refused_and_not_repeated_in_the_words(fake: FakeImap) -> None:
    with pytest.raises(MailboxRefused, match="refuses the login of bot") as refused:
        await connect(fake, Login("bot", "not-it"))

    assert "not-it" not in str(refused.value)


async def test_a_server_that_cannot_check_the_password_now_is_asked_again(fake: FakeImap) -> None:
    fake.refusal = "NO [UNAVAILABLE] try later"

    with pytest.raises(ConnectionLost, match="try later"):
        await connect(fake, Login("bot", "not-it"))


async def test_an_access_token_opens_the_mailbox_and_a_stale_one_is_refused_at_once(fake: FakeImap) -> None:
    imap = await connect(fake, Login("bot", token="good-token"))
    assert (await imap.select("INBOX")).validity == 7
    imap.close()

    async with asyncio.timeout(5):
        with pytest.raises(MailboxRefused, match="AUTHENTICATIONFAILED"):
            await connect(fake, Login("bot", token="stale"))


async def test_a_server_too_busy_to_greet_is_asked_again(fake: FakeImap) -> None:
    fake.greeting = "* BYE too many connections"

    async with asyncio.timeout(5):
        with pytest.raises(ConnectionLost, match="too many connections"):
            await connect(fake)


async def test_an_unexpected_answer_to_the_login_does_not_show_the_password(
    fake: FakeImap, caplog: pytest.LogCaptureFixture
) -> None:
    async def other_tag(session: Any, line: str) -> bool:
        session.say("ZZZZ9 OK who knows")
        return True

    fake.go_wrong("LOGIN", other_tag)

    with pytest.raises(ConnectionLost) as lost:
        await connect(fake)

    assert "secret" not in str(lost.value) + caplog.text


async def test_nobody_is_there(fake: FakeImap) -> None:
    with pytest.raises(ConnectionLost, match=r"127\.0\.0\.1:1: connecting"):
        await Imap.connect(Server("127.0.0.1", 1, tls=False), LOGIN)


async def test_there_is_no_mailbox_of_this_name(fake: FakeImap) -> None:
    imap = await connect(fake)

    with pytest.raises(MailboxRefused, match='"Inbox2" cannot be opened'):
        await imap.select("Inbox2")
    imap.close()


async def test_without_tls_only_this_machine_gets_the_password() -> None:
    with pytest.raises(MailboxRefused, match="in the clear"):
        await Imap.connect(Server("mail.example.com", 143, tls=False), LOGIN)
