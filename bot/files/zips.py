"""What the table of contents of a zip archive says: bombs, passwords, other archives, macros and links to outside."""

import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

LARGEST_RATIO = 100
MOST_UNPACKED = 200 << 20
MOST_ENTRIES = 10_000
_SMALL = 1 << 20  # whatever the ratio, this is no bomb

_END = b"PK\x05\x06"
_ENTRY = struct.Struct("<4s6H3I5H2I")
_LOCAL = struct.Struct("<4s5H3I2H")
_MOST_RELATIONS, _LONGEST_RELATIONS = 30, 256 * 1024
_ARCHIVE = re.compile(rb"\.(?:zip|gz|tgz|bz2|xz|7z|rar|tar|zst|cab|iso|jar|arj|lzh|z)$", re.IGNORECASE)
_PROGRAM = re.compile(
    rb"\.(?:exe|scr|com|pif|bat|cmd|js|jse|vbs|vbe|wsf|hta|msi|lnk|ps1|dll|iso)$", re.IGNORECASE
)
_RELATION = re.compile(rb"<Relationship\s([^<>]*+)>")
_HYPERLINK = re.compile(rb"Type\s*=\s*[\"'][^\"']*/hyperlink[\"']")


@dataclass(frozen=True, slots=True)
class _Entry:
    name: bytes
    encrypted: bool
    method: int
    packed: int
    size: int
    at: int


def zip_refusal(content: bytes) -> str:
    """Why this archive must not be opened, in words; "" if its table of contents looks harmless."""
    try:
        entries = list(_entries(content))
    except (struct.error, ValueError):
        return "its table of contents is broken"
    if len(entries) >= MOST_ENTRIES:
        return f"it holds {MOST_ENTRIES} files or more"
    size = sum(entry.size for entry in entries)
    if size > MOST_UNPACKED or (size > _SMALL and size > LARGEST_RATIO * len(content)):
        return f"it gets {size // max(1, len(content))} times larger when it is unpacked"
    return next(filter(None, (_of_entry(content, entry) for entry in entries)), _relations(content, entries))


def _of_entry(content: bytes, entry: _Entry) -> str:
    if entry.encrypted:
        return "it is encrypted"
    if _ARCHIVE.search(entry.name) or content[entry.at + 30 + len(entry.name) :][:4] == b"PK\x03\x04":
        return "it holds another archive"
    if entry.size > _SMALL and entry.size > LARGEST_RATIO * max(1, entry.packed):
        return f"a file in it gets {entry.size // max(1, entry.packed)} times larger when it is unpacked"
    if _PROGRAM.search(entry.name):
        return "it holds a program"
    if entry.name.lower().endswith(b"vbaproject.bin"):
        return "it holds macros"
    return ""


def _entries(content: bytes) -> Iterator[_Entry]:
    end = content.rfind(_END, max(0, len(content) - 65_557))
    if end < 0:
        raise ValueError("there is no table of contents")
    count, size, at = struct.unpack_from("<HII", content, end + 10)
    if at == 0xFFFFFFFF or count == 0xFFFF:
        raise ValueError("ZIP64 is for files that no mail holds")
    at = end - size  # as unpackers do it: something may stand before the archive
    for _ in range(min(count, MOST_ENTRIES)):
        found = _ENTRY.unpack_from(content, at)
        if found[0] != b"PK\x01\x02":
            raise ValueError("an entry is missing")
        name, extra, comment = found[10], found[11], found[12]
        start = at + _ENTRY.size
        at = start + name + extra + comment
        yield _Entry(
            content[start : start + name], bool(found[3] & 1), found[4], found[8], found[9], found[16]
        )


# ---------------------------------------------------------------- office documents


def _relations(content: bytes, entries: list[_Entry]) -> str:
    """Documents may name templates, pictures and objects that are fetched from elsewhere when they are opened."""
    parts = [entry for entry in entries if entry.name.endswith(b".rels")]
    for entry in parts[:_MOST_RELATIONS]:
        for relation in _RELATION.findall(_unpacked(content, entry)):
            if b"External" in relation and b"TargetMode" in relation and not _HYPERLINK.search(relation):
                return "it fetches something from outside when it is opened"
    return "it has too many parts" if len(parts) > 20 * _MOST_RELATIONS else ""


def _unpacked(content: bytes, entry: _Entry) -> bytes:
    try:
        local = _LOCAL.unpack_from(content, entry.at)
        start = entry.at + _LOCAL.size + local[9] + local[10]
        packed = content[start : start + entry.packed]
        if entry.method == 0:
            return packed[:_LONGEST_RELATIONS]
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, _LONGEST_RELATIONS)
    except (struct.error, zlib.error):
        return b""
