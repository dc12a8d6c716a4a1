"""Codes a person types, handles a button carries and tokens of outside tasks: derived when needed, never stored.

A code is six characters of `ALPHABET`: 6 digits and 17 letters that are not taken for one another when read or
retyped (no 0/O, 1/I/L, 5/S, 8/B, 2/Z: only the 2 of that pair; no vowels, so no words; V stays because U is out).
A code has at least one digit and one letter, so no word and no number alone is a code.

The chance of a guess: 23^6 - 17^6 - 6^6 = 123,851,664 codes are possible and equally likely. With five tries for
a request on a channel a guesser hits with a chance of 1 in 24.8 million (4.0e-8), on three channels 1 in 8.3
million. A guess names no request: it should count as a wrong try for every request that is open for that person
on that channel; with 20 of them open the chance is 1 in 1.2 million. That two of these 20 have the same code
happens once in 650,000 times; a code that fits two requests must decide neither. And a guess counts only when it
comes from the person's own address on that channel. Handles have 128 bits, tokens 160.
"""

import base64
import hmac
import itertools

from bot.canonical import canonical

ALPHABET = "234679CDFGHJKMNPQRTVWXY"
LENGTH = 6
SHORTEST_SECRET = 32

_DIGITS = frozenset("0123456789")
_HANDLE_HEX = 32
_TOKEN_HEX = 40


class Keys:
    """Derives codes, handles and tokens from one secret; who does not have it can only guess."""

    __slots__ = ("_secret",)

    def __init__(self, secret: bytes) -> None:
        if len(secret) < SHORTEST_SECRET:
            raise ValueError(f"the secret needs at least {SHORTEST_SECRET} bytes, found {len(secret)}")
        self._secret = secret

    def code(self, kind: str, id: str, person: str, channel: str) -> str:
        """The code with which this person decides this request on this channel."""
        for counter in itertools.count():
            code = _spelled(int.from_bytes(self._mac("code", kind, id, person, channel, str(counter))))
            if not _DIGITS.isdisjoint(code) and not _DIGITS.issuperset(code):
                return code
        raise AssertionError("a counter does not end")

    def handle(self, kind: str, id: str, person: str) -> str:
        """What a button carries: the request's id and a proof for this person."""
        return f"{id}.{self._mac('handle', kind, id, person).hex()[:_HANDLE_HEX]}"

    def check_handle(self, handle: str, kind: str, person: str) -> str | None:
        """The request's id, if the handle is one that was made for this kind and this person."""
        id, _, _ = handle.rpartition(".")
        return id if hmac.compare_digest(_bytes(handle), _bytes(self.handle(kind, id, person))) else None

    def token(self, task: str) -> str:
        """The token with which an outside system finishes this task; safe in an address."""
        return self._mac("token", task).hex()[:_TOKEN_HEX]

    def _mac(self, *parts: str) -> bytes:
        # A JSON list: no two lists of parts have the same bytes, and the first part keeps the uses apart.
        return hmac.digest(self._secret, _bytes(canonical(parts)), "sha256")


def reply_token(secret: bytes, thread_id: str) -> str:
    """What lets a reply to a mail into its thread, from somebody who takes part in it: 128 bits, base32."""
    mac = hmac.digest(secret, _bytes(canonical(["reply", thread_id])), "sha256")
    return base64.b32encode(mac[:16]).decode().rstrip("=").lower()


def matches(code: str, given: str) -> bool:
    """Whether what was given is this code or token, in any letter case; compared in constant time."""
    # Folding more than ASCII would let the Kelvin sign pass for a K.
    return given.isascii() and hmac.compare_digest(_bytes(code.upper()), _bytes(given.upper()))


def _spelled(number: int) -> str:
    """Six symbols of a number. Of 256 bits: some codes are likelier than others by less than 2^-228."""
    symbols = []
    for _ in range(LENGTH):
        number, digit = divmod(number, len(ALPHABET))
        symbols.append(ALPHABET[digit])
    return "".join(symbols)


def _bytes(text: str) -> bytes:
    """UTF-8, also of what came from outside and is no proper text."""
    return text.encode("utf-8", "surrogatepass")
