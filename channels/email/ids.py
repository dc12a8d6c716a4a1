"""Ids of ours that ride in mails and come back: a reply token in each Message-ID, reply address and invitation.

A token is 128 bits as 26 characters of lower-case base32; it is found in ids and addresses of our own form only.
"""

import base64
import hashlib
import re
from collections.abc import Iterable

TOKEN_BITS = 128
LONGEST_LOCAL = 64  # octets, RFC 5321

# The last of 26 characters carries three bits, so its two low ones are 0.
_CHARS = "[a-z2-7]{25}[aeimquy4]"
_DIGEST = "[a-z2-7]{26}"
_DOMAIN = r"[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){0,20}"
_FLAGS = re.ASCII | re.IGNORECASE
TOKEN = re.compile(_CHARS)
DOMAIN = re.compile(_DOMAIN, _FLAGS)
OURS = re.compile(rf"<sw\.({_CHARS})\.{_DIGEST}@({_DOMAIN})>", _FLAGS)
PLUS = re.compile(rf"([^\s<>@,;:\"+]{{1,37}})\+({_CHARS})@({_DOMAIN})", _FLAGS)
UID = re.compile(rf"sw\.({_CHARS})\.{_DIGEST}", _FLAGS)


def token(bits: bytes) -> str:
    """128 bits as they stand in ids."""
    if len(bits) * 8 != TOKEN_BITS:
        raise ValueError(f"a token is made of {TOKEN_BITS // 8} bytes, found {len(bits)}")
    return base64.b32encode(bits).decode().rstrip("=").lower()


def message_id(token: str, outbox_id: str, domain: str) -> str:
    """The Message-ID of an outgoing mail: the same for every try to send it."""
    if not DOMAIN.fullmatch(domain):
        raise ValueError(f"{domain!r} is no domain in ASCII")
    return f"<sw.{_checked(token)}.{_hash(outbox_id)}@{domain.lower()}>"


def reply_address(address: str, token: str) -> str:
    """Our address with the token in it (plus addressing); without, if its local part would get too long."""
    local, at, domain = address.rpartition("@")
    with_token = f"{local}+{_checked(token)}"
    return f"{with_token}{at}{domain}" if local and len(with_token) <= LONGEST_LOCAL else address


def invite_uid(token: str, key: str) -> str:
    """The UID of an invitation, by which an answer from a calendar finds its thread."""
    return f"sw.{_checked(token)}.{_hash(key)}"


def tokens_in(values: Iterable[str], *, address: str = "") -> tuple[str, ...]:
    """The tokens in Message-IDs and addresses, each once, in order.

    A value is a header with ids (References, In-Reply-To), or one bare address. With our `address` only ids of its
    domain and plus addresses of its own count.
    """
    local, _, domain = address.lower().rpartition("@")
    found: dict[str, None] = {}
    for value in values:
        for match in OURS.finditer(value):
            if domain in ("", match[2].lower()):
                found[match[1].lower()] = None
        plus = PLUS.fullmatch(value.strip())
        if plus and (local, domain) in (("", ""), (plus[1].lower(), plus[3].lower())):
            found[plus[2].lower()] = None
    return tuple(found)


def is_ours(message_id: str, domain: str) -> bool:
    """Whether this Message-ID has the form of ours; who sent it is another question."""
    match = OURS.fullmatch(message_id)
    return match is not None and match[2].lower() == domain.lower()


def token_of_uid(uid: str) -> str:
    """The token in an invitation's UID, "" if it is none of ours."""
    match = UID.fullmatch(uid)
    return match[1].lower() if match else ""


def _checked(token: str) -> str:
    if not TOKEN.fullmatch(token):
        raise ValueError("that is no reply token: 26 characters of lower-case base32")
    return token


def _hash(text: str) -> str:
    return base64.b32encode(hashlib.sha256(text.encode()).digest()).decode()[:26].lower()
