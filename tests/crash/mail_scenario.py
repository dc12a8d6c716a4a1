"""What happens in a crash sweep of the mail path: what people mail, and what the model thinks of it.

Of what is answered each is named ("letter m1"), so that the checker can tell which mail an answer belongs to.
"""

import email
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from email.message import Message
from email.utils import parsedate_to_datetime
from typing import Any

from bot.events import ModelAnswered
from bot.testing import reply
from simulators.mail import reports
from tests.crash.scenario import Journal
from tests.sim.checks import Violation

US = "bot@example.com"
DORA = "dora@outside.example"
OTTO = "otto@elsewhere.example"

GOOD = {"m1": DORA, "m2": OTTO, "m3": DORA}
"""Each is to be answered, and to whom."""

_NAME = re.compile(r"letter (m\d+)")
_ANSWER = re.compile(r"answer to (m\d+)")


@dataclass(frozen=True, slots=True)
class Sent:
    """A mail as the SMTP server got it."""

    raw: bytes
    message: Message

    @classmethod
    def of(cls, raw: bytes) -> "Sent":
        return cls(raw, email.message_from_bytes(raw))

    def header(self, name: str) -> str:
        return str(self.message[name])

    @property
    def text(self) -> str:
        part = next(each for each in self.message.walk() if each.get_content_type() == "text/plain")
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        return content.decode()

    @property
    def answers(self) -> str:
        """The name of the mail that it answers; "" if that cannot be told."""
        found = _ANSWER.search(self.text)
        return found[1] if found else ""


def sent(journal: Journal) -> Iterator[Sent]:
    """Everything that left, the oldest first."""
    for (raw,) in journal.lines("handed over"):
        yield Sent.of(raw.encode())


def answer_to(journal: Journal, name: str) -> Sent:
    found = next((each for each in sent(journal) if each.answers == name), None)
    if found is None:
        raise Violation(f"the answer to {name} is lost")
    return found


# ---------------------------------------------------------------- what arrives


@dataclass(frozen=True, slots=True)
class Arrival:
    """A mail that is delivered to our mailbox, under a UID of its own."""

    name: str
    write: Callable[[Journal], bytes]


OLD = Arrival("m0", lambda journal: letter("m0", DORA))
"""It was there before the bot was."""

STAGES = (
    (
        Arrival("m1", lambda journal: letter("m1", DORA)),
        Arrival("m2", lambda journal: letter("m2", OTTO)),
    ),
    (
        Arrival("m3", lambda journal: _reply("m3", DORA, answer_to(journal, "m1"))),
        Arrival("m1 again", lambda journal: letter("m1", DORA)),
        Arrival("m1 by another way", lambda journal: b"Received: from y\r\n" + letter("m1", DORA)),
    ),
    (
        Arrival("broken", lambda journal: b"\r\nno header at all, letter m9\r\n"),
        Arrival("bounce", lambda journal: _bounce(answer_to(journal, "m2"))),
    ),
)
"""The next comes once all that came of the one before is done."""


def letter(name: str, by: str, *headers: str, quoted: str = "") -> bytes:
    lines = (
        f"From: {by}",
        f"To: {US}",
        f"Subject: About {name}",
        f"Message-ID: <{name}@outside.example>",
        "Date: Mon, 23 Nov 2026 09:00:00 +0000",
        *headers,
        "",
        f"letter {name}",
        quoted,
    )
    return "\r\n".join(lines).encode()


def _reply(name: str, by: str, to: Sent) -> bytes:
    quoted = "\r\n".join(f"> {line}" for line in to.text.splitlines())
    id_ = to.header("Message-ID")
    ids = (f"In-Reply-To: {id_}", f"References: <m1@outside.example> {id_}")
    return letter(name, by, *ids, quoted=f"On Monday the bot wrote:\r\n{quoted}")


def _bounce(of: Sent) -> bytes:
    found = reports.Bounce(
        host="mx.elsewhere.example",
        queue_id="4711",
        message_id="<bounce@mx.elsewhere.example>",
        date=parsedate_to_datetime(of.header("Date")),
        sender=US,
        recipient=of.header("To"),
        status="5.1.1",
        diagnostic=reports.diagnostic("5.1.1"),
    )
    return reports.bounce(of.raw, found)


# ---------------------------------------------------------------- what the model thinks


def think(body: Mapping[str, Any]) -> tuple[str, ModelAnswered]:
    """Which mail is answered, and the answer."""
    *blocks, _ = (block["text"] for block in body["messages"][0]["content"])
    last = next(block for block in reversed(blocks) if block.startswith("<message"))
    found = _NAME.search(last)
    name = found[1] if found else "nothing"
    return name, reply(f"answer to {name}")
