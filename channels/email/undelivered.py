"""Bounces that keep to no standard: Exim, qmail, Exchange, Gmail and others say in words what came back."""

import re
from collections.abc import Sequence

from channels.email.headers import Header, decoded, every, first, message_ids
from channels.email.mail import Bounce, BounceAction

MOST_RECIPIENTS = 20
LONGEST_FIELD = 500

DAEMON = re.compile(
    r"(?:^|[\s<\"'(])(?:mailer[-_.]?daemon|mail[-_. ]?deliver[a-z]*[-_. ](?:sub)?system|post[-_.]?master|mailerdaemon"
    r"|mail[-_.]?daemon|double-bounce)(?=$|[\s@>\"')+(-])",
    re.IGNORECASE,
)
_SUBJECT = re.compile(
    r"undeliver|deliver[a-z]*\b.{0,40}\b(?:fail|status|delay|problem|error|not)|fail[a-z]*\b.{0,20}\b(?:deliver|notice|mail)"
    r"|returned mail|mail.{0,20}(?:fail|return)|returned to sender|could not be (?:sent|delivered)|not delivered"
    r"|unzustellbar|konnte nicht zugestellt|non remis|échec de la remise|no entregado|не доставлено|mail system error"
    r"|delivery.{0,10}warning|warning: could not send",
    re.IGNORECASE,
)
_LATER = re.compile(
    r"\bdelay|\bwarning\b|will (?:be )?retr|will keep trying|has not yet been"
    r"|temporary (?:error|failure|problem)|noch nicht zugestellt",
    re.IGNORECASE,
)
_ORIGINAL = re.compile(
    r"^(?:[-_=*> ]{3,}.{0,60}(?:copy|original|unsent|returned|message|below|header).{0,60}|original message headers:?"
    r"|--- below this line.{0,60}|.{0,40}copy of (?:the|your) message.{0,60})$",
    re.IGNORECASE | re.MULTILINE,
)
_MESSAGE_ID = re.compile(
    r"^[ \t>]{0,4}message-id:[ \t]*\n?[ \t]*(<[^<>\s]{1,980}>)", re.IGNORECASE | re.MULTILINE
)
_RECIPIENT = re.compile(
    r"^[ \t*]{0,12}(?:to:? )?<?([^\s<>@\"(),:;]{1,64}@[A-Za-z0-9.-]{1,253})>?[ \t]*:?", re.MULTILINE
)
_STATUS = re.compile(r"\b([45]\.\d{1,3}\.\d{1,3})\b")
_CODE = re.compile(r"^.*\b[45][0-9]{2}[ -#].*$", re.MULTILINE)


def is_undelivered(headers: Sequence[Header]) -> bool:
    """Whether a mail system says so, and not a person."""
    if first(headers, "x-failed-recipients"):
        return True
    subject = decoded(first(headers, "subject")[:2_000])
    return bool(DAEMON.search(first(headers, "from")[:2_000]) and _SUBJECT.search(subject[:1_000]))


def undelivered(headers: Sequence[Header], words: str, returned: str) -> tuple[Bounce, ...]:
    """What can be told of it; at least that something failed."""
    told, _, rest = _halves(words)
    status, line = _STATUS.search(told), _CODE.search(told)
    late = _LATER.search(decoded(first(headers, "subject")[:2_000])) or _LATER.search(told[:2_000])
    action: BounceAction = "delayed" if late and not (status and status[1][0] == "5") else "failed"
    return tuple(
        Bounce(
            action=action,
            message_id=returned or _original_id(headers, rest or words),
            recipient=recipient,
            status=status[1] if status else "",
            diagnostic=line[0].strip()[:LONGEST_FIELD] if line else "",
        )
        for recipient in _recipients(headers, told) or [""]
    )


def _halves(words: str) -> tuple[str, str, str]:
    """What the system says, and the copy of the mail below it."""
    match = _ORIGINAL.search(words)
    return (words, "", "") if match is None else (words[: match.start()], match[0], words[match.end() :])


def _original_id(headers: Sequence[Header], words: str) -> str:
    found = _MESSAGE_ID.findall(words)
    if found:
        return str(found[0])
    known = message_ids([*every(headers, "in-reply-to"), *every(headers, "references")])
    return known[-1] if known else ""


def _recipients(headers: Sequence[Header], told: str) -> list[str]:
    failed = [
        address.strip(" <>").lower()[:LONGEST_FIELD]
        for value in every(headers, "x-failed-recipients")
        for address in value.split(",")
        if "@" in address
    ]
    found = failed or [address.lower().rstrip(".") for address in _RECIPIENT.findall(told)]
    return list(dict.fromkeys(found))[:MOST_RECIPIENTS]
