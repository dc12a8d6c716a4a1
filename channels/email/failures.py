"""What an SMTP server's refusal means: for a mail, for the address it goes to, and for us as a whole. Pure."""

import re
from typing import Literal

from aiosmtplib import (
    SMTPAuthenticationError,
    SMTPConnectResponseError,
    SMTPException,
    SMTPHeloError,
    SMTPRecipientRefused,
    SMTPResponseException,
)

from bot.errors import ChannelRefused, SendFailed

Stage = Literal["connect", "envelope", "content", "sent"]
"""How far a mail came. Once it is `sent`, with its last dot, only an answer says what became of it."""

WAIT = 60.0  # seconds; servers that greylist want to see a mail again after a few minutes
WORDS = 300  # characters of a server's own words

GONE = re.compile(r"5\.1\.(?:1|2|3|6|10)|5\.2\.1")
"""RFC 3463: no such mailbox, no such domain, bad syntax, moved, null MX, disabled."""
SUBJECT_OF_STATUS = {
    "1": "there is no such address",
    "2": "its mailbox does not take it",
    "3": "the receiving system does not take it",
    "4": "the way there is broken",
    "5": "the servers did not understand each other",
    "6": "its content cannot be delivered",
    "7": "a rule over there forbids it",
}
STATUS_WORDS = {
    "5.1.10": "that domain takes no mail",
    "5.1.2": "there is no such domain",
    "5.1.3": "that is not a valid address",
    "5.1.6": "they have moved away",
    "5.1.7": "our own address is refused",
    "5.1.8": "our own domain is refused",
    "5.2.1": "their mailbox is disabled",
    "5.2.2": "their mailbox is full",
    "4.2.2": "their mailbox is full",
    "5.2.3": "it is too big for their mailbox",
    "5.3.4": "it is too big for the server",
}
STATUS = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.])")
ABOUT_THE_ADDRESS = frozenset({550, 551, 553})
ABOUT_US = frozenset({530, 534, 535, 538})
# Many servers say 550 without a status for what is not about the address.
A_RULE = re.compile(
    r"relay|authenti|spam|block|black|policy|reputation|\bspf\b|dkim|dmarc|denied|rejected", re.IGNORECASE
)
ADDRESS = re.compile(r"[^\s<>@:;,()\"']{1,64}@[^\s<>@:;,()\"']{1,255}")
UNSEEN = re.compile(r"[\x00-\x20\x7f-\x9f\ud800-\udfff\u2028\u2029\u202a-\u202e]+")


class Misconfigured(Exception):
    """The server does not offer what our settings say; the message says how to go on."""


def reason(code: int, words: str) -> str:
    """A refusal for people: what it means, then the server's own words, without addresses."""
    status = status_in(words)
    known = reason_of_status(status)
    if code == 552 and not status:
        known = "it is too big, or their mailbox is full"
    said = f"the mail server said {code} {shown(words)}".rstrip()
    return f"{known}: {said}" if known else said


def reason_of_status(status: str) -> str:
    """What an enhanced status means for people; "" if it says nothing."""
    if status.startswith(("4.1.", "4.7.")):
        return STATUS_WORDS.get(status, "")  # for the time being, which says little
    subject = status.split(".")[1:2] or [""]
    return STATUS_WORDS.get(status) or SUBJECT_OF_STATUS.get(subject[0], "")


def shown(words: str) -> str:
    """A server's words, short, on one line, without anybody's address."""
    return ADDRESS.sub("(address)", UNSEEN.sub(" ", words[:2_000])).strip()[:WORDS]


def status_in(words: str) -> str:
    """The enhanced status (RFC 3463) in a server's words, "" if there is none."""
    found = STATUS.search(words[:2_000])
    return found[1] if found else ""


def is_gone(status: str) -> bool:
    """Whether a status says that the address takes no mail any more."""
    return GONE.fullmatch(status) is not None


def send_failed(error: Exception, stage: Stage) -> SendFailed:
    """What became of a mail that the server did not say yes to."""
    if isinstance(error, SMTPResponseException) and 400 <= error.code < 600:
        return _answered(error, stage)
    if stage == "sent":
        return SendFailed("the connection was lost before the mail server answered", kind="unknown")
    refused = refusal(error)
    return SendFailed(str(refused) if refused else _unreached(error), kind="retry")


def refusal(error: Exception) -> ChannelRefused | None:
    """Why no mail at all will go out, if trying again would not help."""
    if isinstance(error, Misconfigured):
        return ChannelRefused(str(error))
    if isinstance(error, SMTPResponseException) and _is_about_us(error):
        return ChannelRefused(
            f"the mail server refuses us: {reason(error.code, error.message)}. Check user, password or token, and "
            "whether this account may send by SMTP"
        )
    return None


def _answered(error: SMTPResponseException, stage: Stage) -> SendFailed:
    words = reason(error.code, error.message)
    if error.code < 500:
        waits = error.code in (450, 451) and stage != "connect"
        return SendFailed(words, kind="retry", retry_after=WAIT if waits else None)
    if stage == "connect" or _is_about_us(error):
        return SendFailed(str(refusal(error) or words), kind="retry")
    return SendFailed(words, kind="final", unreachable=_is_unreachable(error))


def _is_unreachable(error: SMTPResponseException) -> bool:
    status = status_in(error.message)
    if not isinstance(error, SMTPRecipientRefused):
        return False
    return is_gone(status) if status else error.code in ABOUT_THE_ADDRESS and not A_RULE.search(error.message)


def _is_about_us(error: SMTPResponseException) -> bool:
    if isinstance(error, SMTPAuthenticationError | SMTPHeloError | SMTPConnectResponseError):
        return error.code >= 500
    return error.code in ABOUT_US


def _unreached(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "the mail server did not answer in time"
    if isinstance(error, SMTPException):
        return f"the mail server could not be used: {shown(str(error))}"
    return f"the mail server could not be reached: {shown(str(error))}"
