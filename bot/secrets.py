"""Keeps secrets out of what people, logs and models read."""

import json
import re
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

from pydantic import SecretStr

HIDDEN = "[redacted]"
SHORTEST = 6  # shorter values are too common in ordinary text to be looked for
SHORTEST_WITH_TAIL = 16  # of a shorter secret even the last four characters say too much


class Secret(SecretStr):
    """A text that never shows itself: not in repr, str, JSON or an f-string. `reveal` at the last moment."""

    def reveal(self) -> str:
        return self.get_secret_value()

    @property
    def masked(self) -> str:
        return mask(self.reveal())


def mask(value: str) -> str:
    """What may be shown of a secret, so that its owner can tell which one it is."""
    return f"****{value[-4:]}" if len(value) >= SHORTEST_WITH_TAIL else "set"


class Redactor:
    """Replaces known secrets and whatever looks like one. Redact first, clip afterwards."""

    def __init__(self, secrets: Iterable[Secret | str] = ()) -> None:
        self._known = tuple(sorted(_spellings(secrets), key=len, reverse=True))
        self._pattern = re.compile("|".join(map(re.escape, self._known))) if self._known else None

    def __call__(self, text: str) -> str:
        if self._pattern is not None:
            text = self._pattern.sub(HIDDEN, text)
        for shape, instead in SHAPES:
            text = shape.sub(instead, text)
        return self._without_leftovers(text)

    def _without_leftovers(self, text: str) -> str:
        """Two secrets may overlap, and the mark may spell one: what is left of a secret goes entirely."""
        while left := next((secret for secret in self._known if secret in text), None):
            text = text.replace(left, "")
        return text


def redact(text: str, secrets: Iterable[Secret | str] = ()) -> str:
    """The text without these secrets (of six characters or more) and without anything shaped like one."""
    return Redactor(secrets)(text)


def _spellings(secrets: Iterable[Secret | str]) -> set[str]:
    plain = {secret.reveal() if isinstance(secret, Secret) else secret for secret in secrets}
    return {
        spelling
        for secret in plain
        if len(secret) >= SHORTEST
        for spelling in (
            secret,
            quote(secret, safe=""),
            quote_plus(secret),
            json.dumps(secret)[1:-1],
            repr(secret)[1:-1],
        )
    }


def _shape(pattern: str, instead: str = HIDDEN) -> tuple[re.Pattern[str], str]:
    return re.compile(pattern), instead


# Every repetition is bounded or ends at the first character outside its class: no text makes these slow.
SHAPES: tuple[tuple[re.Pattern[str], str], ...] = (
    _shape(r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]{0,30}PRIVATE KEY-----|\Z)"),
    # The rest of a header line or of a quoted header value, whatever the scheme.
    _shape(
        r"(?i)((?:proxy-)?authorization|x-api-key|cookie|x-slack-signature|x-twilio-signature)"
        r"([\"']?\s{0,3}[:=,]\s{0,3}[\"']?)[^\"'\r\n]+",
        rf"\1\2{HIDDEN}",
    ),
    _shape(r"(?i)\b(bearer|basic)\s{1,3}[A-Za-z0-9._~+/=-]{6,}", rf"\1 {HIDDEN}"),
    _shape(r"://[^\s/?#\"'<>]{1,512}@", f"://{HIDDEN}@"),
    _shape(r"\bxox[a-z](?:\.xox[a-z])?-[A-Za-z0-9-]{4,}"),
    _shape(r"\bxapp-[A-Za-z0-9-]{4,}"),
    _shape(r"\bsk-ant-[A-Za-z0-9_-]{4,}"),
    _shape(r"\bsk-[A-Za-z0-9_-]{16,}"),
    _shape(r"\b(?:gh[pousr]_|github_pat_|glpat-)[A-Za-z0-9_-]{16,}"),
    _shape(r"\bsaywhen_[A-Za-z0-9_-]{16,}"),
    _shape(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    _shape(r"\bSK[0-9a-f]{32}\b"),
    _shape(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"),
    _shape(r"\b[MNO][A-Za-z0-9_-]{23,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,}"),
    _shape(r"(?i)(hooks\.slack\.com/[a-z]{1,20}/)[A-Za-z0-9/_-]{8,}", rf"\1{HIDDEN}"),
    # A password may be anything; the others are long, so "token: expired" stays readable.
    _shape(
        r"(?i)(passw(?:or)?d|passphrase|pwd)([\"']?\s{0,3}[:=]\s{0,3}[\"']?)[^\s\"'&,;]{3,}", rf"\1\2{HIDDEN}"
    ),
    _shape(
        r"(?i)(token|ticket|secret|signature|credential|api[_-]?key|access[_-]?key|private[_-]?key)"
        r"([A-Z0-9_-]{0,20}?[\"']?\s{0,3}[:=]\s{0,3}[\"']?)(?!\d{1,15}\b)[A-Za-z0-9+/=_.~%-]{12,}",
        rf"\1\2{HIDDEN}",
    ),
)
