"""Reports of mail systems: the fate of a mail of ours (RFC 3464), a read receipt (RFC 8098), a complaint (RFC 5965)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

from channels.email.decoding import plain_lines, text_of
from channels.email.headers import Header, decoded, first, message_ids, one_line, read_headers
from channels.email.limits import Unreadable
from channels.email.mail import Bounce, BounceAction, ReportKind
from channels.email.mime import Part
from channels.email.undelivered import is_undelivered, undelivered

MOST_BOUNCES = 100
LONGEST_REPORT = 64 * 1024
LONGEST_FIELD = 500

_STATUS_TYPES = frozenset(("message/delivery-status", "message/global-delivery-status"))
_RETURNED_TYPES = frozenset(
    (
        "text/rfc822-headers",
        "message/rfc822",
        "message/global",
        "message/global-headers",
        "text/rfc822-header",
    )
)
_KINDS: dict[str, ReportKind] = {
    "delivery-status": "delivery",
    "disposition-notification": "disposition",
    "feedback-report": "feedback",
}
_STATUS = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
_BLANK_LINE = re.compile(rb"\n[ \t]*\r?\n")


@dataclass(frozen=True, slots=True)
class Report:
    kind: ReportKind = ""
    bounces: tuple[Bounce, ...] = ()


def report(raw: bytes, root: Part) -> Report:
    kind = _kind(root)
    if kind in ("disposition", "feedback"):
        return Report(kind)
    returned = _returned_id(raw, root)
    bounces = tuple(
        bounce
        for part in root.parts
        if part.content_type in _STATUS_TYPES
        for bounce in _bounces(part.content(raw)[:LONGEST_REPORT], returned)
    )
    if bounces and (kind or is_undelivered(root.headers)):
        return Report("delivery", bounces[:MOST_BOUNCES])
    if is_undelivered(root.headers):
        bounces = undelivered(root.headers, _words(raw, root), returned)
        return Report(kind or "delivery", bounces)
    return Report(kind)


def _kind(root: Part) -> ReportKind:
    if root.content_type != "multipart/report":
        return ""
    told = root.parameters.get("report-type", "").strip().lower()
    types = {part.content_type.removeprefix("message/").removeprefix("global-") for part in root.parts}
    for name, kind in _KINDS.items():
        if told == name or (told not in _KINDS and name in types):
            return kind
    return "delivery"


def _returned_id(raw: bytes, root: Part) -> str:
    """The Message-ID of the mail that came back, or of which the report speaks."""
    for part in root.parts:
        if part.content_type in _RETURNED_TYPES:
            headers = _headers(part.content(raw)[:LONGEST_REPORT].lstrip(b"\r\n"))
            if found := message_ids([first(headers, "message-id")]):
                return found[0]
    return ""


def _headers(data: bytes) -> tuple[Header, ...]:
    try:
        return read_headers(data, 0, len(data)).headers
    except Unreadable:
        return ()


def _words(raw: bytes, root: Part) -> str:
    texts = (
        part.text(raw, most=LONGEST_REPORT) for part in root.leaves() if part.content_type == "text/plain"
    )
    return plain_lines(next(texts, ""))


# ---------------------------------------------------------------- message/delivery-status


def _bounces(data: bytes, returned: str) -> Sequence[Bounce]:
    """One for each block of fields about a recipient; the first block is about the mail as a whole."""
    blocks = [_headers(block.lstrip(b"\r\n")) for block in _BLANK_LINE.split(data)[: MOST_BOUNCES + 1]]
    whole = next(iter(blocks), ())
    original = _id(whole) or returned
    return [_bounce(block, original) for block in blocks if _is_about_somebody(block)]


def _id(block: Sequence[Header]) -> str:
    found = message_ids([first(block, "x-original-message-id")])
    return found[0] if found else ""


def _is_about_somebody(block: Sequence[Header]) -> bool:
    return bool(first(block, "final-recipient") or first(block, "original-recipient"))


def _bounce(block: Sequence[Header], original: str) -> Bounce:
    status = _STATUS.search(first(block, "status"))
    told = first(block, "diagnostic-code")
    deeper = _STATUS.search(told)  # often more exact: 5.0.0 or 5.7.1 against 5.1.1
    code = status[1] if status else deeper[1] if deeper else ""
    if deeper and code.endswith(".0.0") and deeper[1][0] == code[0]:
        code = deeper[1]
    return Bounce(
        action=_action(first(block, "action"), code),
        message_id=original,
        recipient=_address(first(block, "final-recipient") or first(block, "original-recipient")),
        status=code,
        diagnostic=decoded(told)[:LONGEST_FIELD],
    )


def _action(told: str, status: str) -> BounceAction:
    word = told.partition("(")[0].partition(";")[0].strip().lower()
    for known in get_args(BounceAction):
        if word == known:
            return known  # type: ignore[no-any-return]  # one of the literals
    return "delayed" if status.startswith("4") else "delivered" if status.startswith("2") else "failed"


def _address(value: str) -> str:
    """What stands behind `rfc822;`, as it is compared."""
    address = value.rpartition(";")[2].strip().strip("<>").lower()
    return one_line(text_of(address.encode("utf-8", "replace"), "utf-8"))[:LONGEST_FIELD]
