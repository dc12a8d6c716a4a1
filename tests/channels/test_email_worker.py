"""Mails are read in a process of their own: whatever a mail does to it, ours goes on."""

import ast
import asyncio
import base64
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from channels.email import worker
from channels.email.reading import read
from channels.email.wire import LENGTH, Garbled, answer, frame, is_last, read_answer, refusal
from channels.email.worker import NoWorker, Reader, Unreadable
from tests.channels.mail_kit import PAYLOADS
from tests.channels.mail_torture import HEAD, MAILS, html, plain

ROOT = Path(__file__).resolve().parents[2]
GOOD = plain(b"hello\r\n")
HURTING = ["30,000 nested tags", "a gzip bomb", "1,500 nested messages", "20,000 addresses", "a winmail.dat"]


@pytest.fixture
async def reader() -> AsyncIterator[Reader]:
    reader = Reader()
    yield reader
    await reader.close()


def pid(reader: Reader) -> int:
    assert reader._process is not None
    return reader._process.pid


def told_of(which: int, what: str) -> str:
    return Path(f"/proc/{which}/{what}").read_text()


def runs(which: int) -> bool:
    return Path(f"/proc/{which}").exists()


def computed(which: int) -> float:
    """Seconds of computing time."""
    fields = told_of(which, "stat").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def asked(reader: Reader) -> None:
    """Until it waits for an answer."""
    for _ in range(10_000):
        if reader._process is None:
            return
        await asyncio.sleep(0)
    raise TimeoutError


async def test_a_mail_is_read_as_it_would_be_here(reader: Reader):
    for path in (*sorted(PAYLOADS.glob("talon/*.eml")), PAYLOADS / "sisimai/rfc3464-60.eml"):
        raw = path.read_bytes()

        assert await reader.read(raw) == read(raw)


async def test_the_texts_that_we_sent_are_told_to_it(reader: Reader):
    raw = plain(b"Fine.\r\n\r\nShall I book the table for eight\r\nand tell everybody about it?\r\n")
    ours = ["Shall I book the table for eight\nand tell everybody about it?"]

    assert await reader.read(raw, ours=ours) == read(raw, ours=ours)


async def test_one_process_reads_many_mails(reader: Reader):
    await reader.read(GOOD)
    first = pid(reader)

    assert [(await reader.read(GOOD)).text for _ in range(20)] == ["hello"] * 20
    assert pid(reader) == first


async def test_mails_that_come_at_once_are_read_one_after_the_other(reader: Reader):
    mails = await asyncio.gather(*(reader.read(plain(b"mail %d" % n)) for n in range(10)))

    assert [mail.text for mail in mails] == [f"mail {n}" for n in range(10)]


async def test_what_is_refused_leaves_the_process_as_it_was(reader: Reader):
    await reader.read(GOOD)
    first = pid(reader)

    with pytest.raises(Unreadable, match="no headers"):
        await reader.read(b"")

    assert pid(reader) == first
    assert (await reader.read(GOOD)).text == "hello"


@pytest.mark.parametrize("name", HURTING)
async def test_mails_made_to_hurt_stay_within_the_limits(reader: Reader, name: str):
    try:
        await reader.read(MAILS[name]())
    except Unreadable as why:
        told = str(why)
    else:
        told = ""

    assert "takes" not in told
    assert "process" not in told


async def test_a_large_mail_fits(reader: Reader):
    content = os.urandom(1 << 20) * 20
    raw = (
        HEAD
        + b"Content-Type: image/x; name=x\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + base64.encodebytes(content)
    )

    mail = await reader.read(raw)

    assert mail.attachments[0].size == 20 << 20


async def test_a_mail_that_is_too_large_never_gets_there(reader: Reader):
    with pytest.raises(Unreadable, match="30 MiB"):
        await reader.read(bytes((30 << 20) + 1))

    assert reader._process is None


# ---------------------------------------------------------------- it dies


async def test_a_mail_that_takes_too_much_memory_is_refused_alone():
    reader = Reader(memory=64 << 20)
    try:
        await reader.read(GOOD)
        first = pid(reader)

        with pytest.raises(Unreadable, match=r"(?i)memory|breaks the process"):
            await reader.read(plain(b"x" * (25 << 20)))

        assert (await reader.read(GOOD)).text == "hello"
        assert pid(reader) != first
    finally:
        await reader.close()


async def test_a_mail_that_takes_too_long_to_compute_is_refused_alone():
    reader = Reader(cpu=0.1)
    try:
        with pytest.raises(Unreadable, match=r"more than 0\.1 seconds of computing time"):
            await reader.read(html(b"<p>x" * 150_000))

        assert (await reader.read(GOOD)).text == "hello"
    finally:
        await reader.close()


async def test_the_time_of_one_mail_is_not_taken_from_the_next():
    reader = Reader(cpu=0.5)
    some = html(b"<p>x" * 2_000)
    try:
        await reader.read(some)
        first = pid(reader)
        while computed(first) < 1.7:  # more than it would have had for one
            await reader.read(some)

        assert pid(reader) == first
    finally:
        await reader.close()


async def test_a_mail_that_takes_too_long_by_the_clock_is_refused(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
):
    await reader.read(GOOD)
    stopped = pid(reader)
    monkeypatch.setattr(worker, "SLOWEST", 0.1)
    os.kill(stopped, signal.SIGSTOP)

    with pytest.raises(Unreadable, match=r"longer than 0\.2 seconds"):
        await reader.read(GOOD)

    monkeypatch.undo()
    assert (await reader.read(GOOD)).text == "hello"
    assert not runs(stopped)


async def test_a_mail_is_read_again_if_somebody_else_ended_the_process(reader: Reader):
    await reader.read(GOOD)
    victim = pid(reader)
    os.kill(victim, signal.SIGSTOP)
    reading = asyncio.create_task(reader.read(GOOD))
    await asked(reader)
    os.kill(victim, signal.SIGKILL)

    assert (await reading).text == "hello"


async def test_a_mail_that_breaks_the_process_is_refused_alone(reader: Reader):
    await reader.read(GOOD)
    victim = pid(reader)
    os.kill(victim, signal.SIGSTOP)
    reading = asyncio.create_task(reader.read(GOOD))
    await asked(reader)
    os.kill(victim, signal.SIGSEGV)
    os.kill(victim, signal.SIGCONT)

    with pytest.raises(Unreadable, match="breaks the process"):
        await reading

    assert (await reader.read(GOOD)).text == "hello"


async def test_reading_that_is_cancelled_leaves_no_answer_for_the_next_mail(reader: Reader):
    await reader.read(GOOD)
    reading = asyncio.create_task(reader.read(plain(b"another\r\n" * 100_000)))
    await asked(reader)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading

    assert (await reader.read(GOOD)).text == "hello"


async def test_a_process_that_does_not_start_is_no_mails_fault(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(NoWorker, match="does not start"):
        await reader.read(GOOD)

    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(NoWorker, match="does not start"):
        await reader.read(GOOD)

    monkeypatch.undo()
    assert (await reader.read(GOOD)).text == "hello"


# ---------------------------------------------------------------- what it is


async def test_it_has_limits_and_knows_no_secrets(reader: Reader, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MAIL_PASSWORD", "hunter2")

    await reader.read(GOOD)

    assert "hunter2" not in told_of(pid(reader), "environ")
    told = told_of(pid(reader), "limits")
    assert f"{256 << 20}" in next(line for line in told.splitlines() if line.startswith("Max address space"))
    for name in ("Max file size", "Max core file size"):
        assert next(line for line in told.splitlines() if line.startswith(name)).split()[-3] == "0"


async def test_it_is_small(reader: Reader):
    await reader.read(GOOD)

    used = next(line for line in told_of(pid(reader), "status").splitlines() if "VmRSS" in line)

    assert int(used.split()[1]) < 60_000  # KiB


def test_it_knows_nothing_of_the_bot():
    code = "import sys, channels.email.child; print({m.split('.')[1] for m in sys.modules if m.startswith('bot.')})"

    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert ast.literal_eval(loaded.stdout) == {"errors", "files"}


async def test_closing_ends_it_and_it_can_be_used_again(reader: Reader):
    await reader.read(GOOD)
    first = pid(reader)

    await reader.close()
    await reader.close()

    assert not runs(first)
    assert (await reader.read(GOOD)).text == "hello"


def test_it_ends_with_the_one_who_asks():
    process = subprocess.Popen(
        [sys.executable, "-m", "channels.email.child", "2.0", str(256 << 20)],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stdout.read(9) == LENGTH.pack(5) + b"ready"

    process.stdin.close()

    assert process.wait(timeout=30) == 0
    process.stdout.close()


# ---------------------------------------------------------------- what it says


@pytest.mark.parametrize(
    "data",
    [
        b"", b"{}", b"[]", b"null", b'{"mail": {}}', b'{"mail": null}', b"\xff", b"[" * 100_000,
        answer(read(GOOD)).replace(b'"text": "hello"', b'"text": 7'),
        answer(read(GOOD)).replace(b'"inline": false', b'"inline": 0'),
        answer(read(GOOD)).replace(b'"report": ""', b'"report": "other"'),
        answer(read(GOOD)).replace(b'"date": null', b'"date": "soon"'),
        answer(read(GOOD)).replace(b'["from", ', b'["from", "x", '),
    ],
)  # fmt: skip
def test_an_answer_that_is_none_is_noticed(data: bytes):
    with pytest.raises(Garbled):
        read_answer(data)


def test_a_refusal_says_whether_it_was_the_last():
    assert not is_last(refusal("why"))
    assert is_last(refusal("why", last=True))
    assert not is_last(answer(read(GOOD)))
    with pytest.raises(Unreadable, match="why"):
        read_answer(refusal("why"))
    assert frame(b"abc") == b"\0\0\0\3abc"
