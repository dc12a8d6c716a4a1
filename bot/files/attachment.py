"""A file that came along: a picture or PDF that the model looks at itself, text that it reads, or a reference. Pure.

Limits of the Messages API, as its documentation on vision and PDF support has them: pictures are JPEG, PNG, GIF or
WebP of at most 5 MB as base64 and 8,000 pixels a side; a request has at most 32 MB. What the API would refuse must
not get in: a message stays in its thread, and would be refused with it again and again.
"""

import base64
import codecs
import hashlib
import re
from dataclasses import dataclass, replace

from bot.files.looking import dimensions, is_whole, known_kind, refusal
from bot.files.names import shown_name

PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp")
PDF = "application/pdf"
LARGEST_READ = 3_750_000
"""Bytes of a picture or PDF that the model looks at: 5 MB as base64."""
LARGEST_TEXT = 200_000
"""Bytes of a text file that the model reads."""
LONGEST_SIDE = 8_000

_TEXT = re.compile(
    r"text/(?!html\b|rtf\b|richtext\b|calendar\b).*"
    r"|application/(?:json|xml|yaml|x-yaml|toml|sql|javascript|x-ndjson|x-sh|x-python)"
)
_TEXT_ENDING = re.compile(
    r"\.(?:txt|md|rst|csv|tsv|json|jsonl|ya?ml|toml|ini|cfg|conf|log|xml|sql|py|js|ts|go|rs|java|kt|c|h|cpp|rb|php|tf"
    r"|diff|patch|css)$",
    re.IGNORECASE,
)
# Control, format and tag characters: nobody who looked at the file saw them.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\U000e0000-\U000e007f]"
)
_GENERIC = frozenset(
    ("", "application/octet-stream", "application/binary", "binary/octet-stream", "text/plain")
)
_OTHER_NAMES = {
    "image/jpg": "image/jpeg",
    "image/pjpeg": "image/jpeg",
    "image/x-png": "image/png",
    "application/x-pdf": PDF,
    "application/x-zip-compressed": "application/zip",
    "application/x-gzip": "application/gzip",
}


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that came along: `digest` is the SHA-256 of its content, `name` is only to be shown, `size` in bytes.

    `refused` says why its content is not shown to the model; "" if it is, or if it is none that it could read.
    `data` is that of a picture or PDF, as base64; `text` what a text file says.
    """

    digest: str
    name: str
    content_type: str
    size: int
    refused: str = ""
    data: str = ""
    text: str = ""


def attachment(content: bytes, *, name: str, content_type: str) -> Attachment:
    """Look at a file whose content is here."""
    declared = _plain_type(content_type)
    found = known_kind(content)
    shown = shown_name(name)
    seen = Attachment(
        digest=hashlib.sha256(content).hexdigest(),
        name=shown,
        content_type=found if found and declared in _GENERIC else declared,
        size=len(content),
        refused=refusal(content, declared=declared, found=found, name=shown),
    )
    return seen if seen.refused else _read(seen, content, found)


def unread(*, name: str, content_type: str, size: int, why: str = "") -> Attachment:
    """A file whose content is not here."""
    return Attachment("", shown_name(name), _plain_type(content_type), size, why)


def is_read(*, name: str, content_type: str, size: int) -> bool:
    """Whether the content is worth fetching: a kind and a size that the model is shown, by what the sender says."""
    declared = _plain_type(content_type)
    if declared in (*PICTURES, PDF):
        return size <= LARGEST_READ
    return _is_text(declared, name) and size <= LARGEST_TEXT


def _read(seen: Attachment, content: bytes, found: str) -> Attachment:
    if found in (*PICTURES, PDF):
        why = _not_shown(content, found)
        if why:
            return replace(seen, refused=why)
        return replace(seen, content_type=found, data=base64.b64encode(content).decode())
    if not found and _is_text(seen.content_type, seen.name):
        return _as_text(seen, content)
    return seen


def _not_shown(content: bytes, kind: str) -> str:
    if len(content) > LARGEST_READ:
        return f"it is larger than {LARGEST_READ:,} bytes"
    if not is_whole(content, kind):
        return "it is damaged, or not all of it arrived"
    if kind == PDF:
        return ""
    width, height = dimensions(content, kind)
    if not (0 < width <= LONGEST_SIDE and 0 < height <= LONGEST_SIDE):
        return f"it has {width} x {height} pixels; at most {LONGEST_SIDE:,} a side can be looked at"
    return ""


def _as_text(seen: Attachment, content: bytes) -> Attachment:
    if len(content) > LARGEST_TEXT:
        return replace(seen, refused=f"it is text of more than {LARGEST_TEXT:,} bytes")
    encoding = "utf-16" if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeError:
        return replace(seen, refused="it is no text in UTF-8")
    if "\0" in text:
        return replace(seen, refused="it is no text")
    return replace(seen, text=_HIDDEN.sub("", text.replace("\r\n", "\n").replace("\r", "\n")))


def _is_text(content_type: str, name: str) -> bool:
    generic = content_type in _GENERIC and content_type != "text/plain"
    return bool(_TEXT.fullmatch(content_type)) or (generic and bool(_TEXT_ENDING.search(name)))


def _plain_type(content_type: str) -> str:
    declared = content_type.partition(";")[0].strip().lower()
    return _OTHER_NAMES.get(declared, declared)
