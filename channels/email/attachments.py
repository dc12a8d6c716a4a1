"""Files that came along, as references: the digest of the content, a name that is safe to show, what was seen of it."""

import hashlib
import re
import unicodedata

from channels.email.headers import one_line
from channels.email.looking import known_kind, refusal
from channels.email.mail import Attachment

LONGEST_NAME = 100
NAMELESS = "attachment"

_UNSAFE = re.compile(r'[<>:"|?*%]')
# Control and format characters (bidirectional ones too), surrogates, private and unassigned ones.
_NEVER_SHOWN = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))
_DEVICE = re.compile(r"(?:con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])(?:\..*)?", re.IGNORECASE)
_ENDING = re.compile(r"\.[A-Za-z0-9]{1,10}$")
_GENERIC = frozenset(("application/octet-stream", "application/binary", "binary/octet-stream", "text/plain"))

_OTHER_NAMES = {
    "image/jpg": "image/jpeg",
    "image/pjpeg": "image/jpeg",
    "image/x-png": "image/png",
    "application/x-pdf": "application/pdf",
    "application/x-zip-compressed": "application/zip",
    "application/x-gzip": "application/gzip",
}


def attachment(content: bytes, *, name: str, content_type: str) -> Attachment:
    declared = _OTHER_NAMES.get(content_type, content_type)
    found = known_kind(content)
    shown = shown_name(name)
    return Attachment(
        digest=hashlib.sha256(content).hexdigest(),
        name=shown,
        content_type=found if found and declared in _GENERIC else declared,
        size=len(content),
        refused=refusal(content, declared=declared, found=found, name=shown),
    )


def shown_name(name: str) -> str:
    """The last part of a path, without anything that hides, turns around, or means something to a file system."""
    last = one_line(name[-4_000:]).replace("\\", "/").rstrip("/ .").rpartition("/")[2]
    seen = "".join(
        c for c in unicodedata.normalize("NFC", last) if unicodedata.category(c) not in _NEVER_SHOWN
    )
    safe = _UNSAFE.sub("_", seen).strip().strip(".").strip()
    if _DEVICE.fullmatch(safe):
        safe = f"_{safe}"
    return _shortened(safe) or NAMELESS


def _shortened(name: str) -> str:
    if len(name) <= LONGEST_NAME:
        return name
    ending = _ENDING.search(name)
    kept = ending[0] if ending else ""
    return name[: LONGEST_NAME - len(kept)].rstrip() + kept
