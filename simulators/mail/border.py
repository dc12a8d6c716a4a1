"""What the receiving server does to a mail at its border: its verdict and its traces on top, forgeries out. Pure."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime, getaddresses
from typing import Literal, TypeAlias

from simulators.mail.config import MailConfig

COMMENT = re.compile(r"\([^()]*\)")
DROPPED = ("return-path", "bcc", "resent-bcc")
"""What Postfix takes out of every mail."""

Dmarc: TypeAlias = Literal["pass", "fail", "none"]
Field: TypeAlias = tuple[str, bytes]
"""A header's name in lower case, and all its bytes."""


@dataclass(frozen=True)
class Arrival:
    """How a mail came: `mail_from` is the envelope's sender, "" for a bounce."""

    mail_from: str
    recipient: str
    queue_id: str
    at: datetime
    dmarc: Dmarc = "pass"


def stamp(raw: bytes, arrival: Arrival, config: MailConfig) -> bytes:
    """The mail as it lies in the mailbox."""
    head, body = split(to_crlf(raw))
    kept = [(name, field) for name, field in fields(head) if not _is_taken_out(name, field, config)]
    domain = from_domain(kept)
    lines = [
        f"Return-Path: <{arrival.mail_from}>",
        f"Delivered-To: {arrival.recipient}",
        f"Authentication-Results: {config.authserv_id}; {_verdict(arrival, domain)}",
        _received(arrival, domain, config),
    ]
    top = "".join(f"{line}\r\n" for line in lines).encode()
    return top + b"".join(field for _, field in kept) + b"\r\n" + body


def to_crlf(raw: bytes) -> bytes:
    return re.sub(rb"(?<!\r)\n", b"\r\n", raw)


def split(raw: bytes) -> tuple[bytes, bytes]:
    """Headers and body of a mail with CRLF; without an empty line all of it is headers."""
    if raw.startswith(b"\r\n"):
        return b"", raw[2:]
    head, separator, body = raw.partition(b"\r\n\r\n")
    return (head + b"\r\n" if separator else head), body


def fields(head: bytes) -> Iterator[Field]:
    """Each header with its continuation lines."""
    lines: list[bytes] = []
    for line in head.removesuffix(b"\r\n").split(b"\r\n") if head else ():
        if lines and not line.startswith((b" ", b"\t")):
            yield _named(lines)
            lines = []
        lines.append(line + b"\r\n")
    if lines:
        yield _named(lines)


def _named(lines: Sequence[bytes]) -> Field:
    return lines[0].partition(b":")[0].strip().lower().decode("latin-1"), b"".join(lines)


def from_domain(found: Iterable[Field]) -> str:
    """The domain that DMARC looks at; "" unless there is exactly one From with exactly one address."""
    values = [field.partition(b":")[2].decode("latin-1") for name, field in found if name == "from"]
    addresses = [address for _, address in getaddresses(values)]
    if len(values) != 1 or len(addresses) != 1:
        return ""
    return addresses[0].rpartition("@")[2].strip().lower()


def _is_taken_out(name: str, field: bytes, config: MailConfig) -> bool:
    """RFC 8601, section 5: results in our own name were not written by us."""
    if name != "authentication-results":
        return name in DROPPED
    value = COMMENT.sub(" ", field.partition(b":")[2].decode("latin-1"))
    authserv_id = value.partition(";")[0].split() or [""]
    return authserv_id[0].strip('"').lower() == config.authserv_id.lower()


def _verdict(arrival: Arrival, domain: str) -> str:
    envelope = arrival.mail_from.rpartition("@")[2]
    spf = f"spf=pass smtp.mailfrom={arrival.mail_from}" if envelope else f"spf=none smtp.helo=mail.{domain}"
    if not domain:
        return f"dmarc=permerror; {spf}; dkim=none"
    dkim = f"dkim=pass header.d={domain} header.s=sim" if arrival.dmarc == "pass" else "dkim=none"
    policy = " (p=none dis=none)" if arrival.dmarc == "fail" else ""
    return f"dmarc={arrival.dmarc}{policy} header.from={domain}; {spf}; {dkim}"


def _received(arrival: Arrival, domain: str, config: MailConfig) -> str:
    host = f"mail.{domain}" if domain and arrival.dmarc != "fail" else "unknown.elsewhere.example"
    return (
        f"Received: from {host} ({host} [192.0.2.25])\r\n"
        f"\tby {config.authserv_id} (Postfix) with ESMTPS id {arrival.queue_id}\r\n"
        f"\tfor <{arrival.recipient}>; {format_datetime(arrival.at)}"
    )
