"""Names of files that somebody sent, safe to show: they are never used on a disk."""

import re
import unicodedata

LONGEST_NAME = 100
NAMELESS = "attachment"

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_UNSAFE = re.compile(r'[<>:"|?*%]')
# Control and format characters (bidirectional ones too), surrogates, private and unassigned ones.
_NEVER_SHOWN = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))
_DEVICE = re.compile(r"(?:con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])(?:\..*)?", re.IGNORECASE)
_ENDING = re.compile(r"\.[A-Za-z0-9]{1,10}$")


def shown_name(name: str) -> str:
    """The last part of a path, without anything that hides, turns around, or means something to a file system."""
    last = _CONTROL.sub(" ", name[-4_000:]).strip().replace("\\", "/").rstrip("/ .").rpartition("/")[2]
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
