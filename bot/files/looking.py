"""A short look at a file: what kind it is, and why nobody should open it. Only a few small parts are ever unpacked."""

import re
import struct
import zlib

from bot.files.zips import zip_refusal

MOST_PIXELS = 50_000_000
LARGEST_RATIO = 100
MOST_UNPACKED = 32 << 20
"""This much of a gzip file is unpacked (and thrown away) to see how large it gets."""

_FIRST = 1 << 20
_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"%PDF-", "application/pdf"),
    (b"PK\x03\x04", "application/zip"),
    (b"PK\x05\x06", "application/zip"),
    (b"\x1f\x8b", "application/gzip"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"Rar!\x1a\x07", "application/vnd.rar"),
    (b"BZh", "application/x-bzip2"),
    (b"\xfd7zXZ\x00", "application/x-xz"),
    (b"\x28\xb5\x2f\xfd", "application/zstd"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
    (b"MZ", "application/x-msdownload"),
    (b"\x7fELF", "application/x-executable"),
    (b"{\\rtf", "application/rtf"),
)
_PACKED = frozenset(
    (
        "application/x-7z-compressed",
        "application/vnd.rar",
        "application/x-bzip2",
        "application/x-xz",
        "application/zstd",
    )
)
_PROGRAMS = frozenset(("application/x-msdownload", "application/x-executable"))
_PROGRAM_ENDINGS = re.compile(
    r"\.(?:exe|scr|com|pif|bat|cmd|js|jse|vbs|vbe|wsf|wsh|hta|msi|jar|lnk|ps1|cpl|reg|iso|img|vhd|dll|apk|app|dmg|sh)$",
    re.IGNORECASE,
)
# What a kind that is seen may be called. Others with these first bytes are something else than they say.
_CALLED = {
    "image/png": re.compile(r"image/(?:png|apng)"),
    "image/jpeg": re.compile(r"image/(?:jpeg|jpg|mpo)"),
    "image/gif": re.compile(r"image/gif"),
    "application/pdf": re.compile(r"application/(?:pdf|illustrator|postscript)"),
    "application/zip": re.compile(r"application/.*|multipart/x-zip|model/.*"),
    "application/gzip": re.compile(r"application/.*"),
    "application/rtf": re.compile(r"application/.*|text/(?:rtf|richtext)"),
    "application/x-ole-storage": re.compile(r"application/.*"),
}
_ANYTHING = re.compile(
    r"application/(?:octet-stream|binary|x-unknown|force-download|x-download|unknown)|binary/.*"
)


def known_kind(content: bytes) -> str:
    """The content type by the first bytes, "" if they say nothing."""
    for magic, kind in _MAGIC:
        if content.startswith(magic):
            return kind
    return "image/webp" if content[:4] == b"RIFF" and content[8:12] == b"WEBP" else ""


def refusal(content: bytes, *, declared: str, found: str, name: str) -> str:
    """Why this must not be opened, in words; "" if nothing speaks against it."""
    if found in _PROGRAMS or _PROGRAM_ENDINGS.search(name):
        return "it is a program"
    if found in _PACKED:
        return "it is a kind of archive that is never opened"
    if reason := _by_kind(content, found):
        return reason
    if found in _CALLED and not _ANYTHING.fullmatch(declared) and not _CALLED[found].fullmatch(declared):
        return f"it is called {declared}, but it is {found}"
    if not found and declared in _CALLED and declared.startswith("image/"):
        return f"it is called {declared}, but it is none"
    return ""


def _by_kind(content: bytes, found: str) -> str:
    if found == "application/zip":
        return zip_refusal(content)
    if content.rfind(b"PK\x05\x06", max(0, len(content) - 65_557)) >= 0:
        return "it is a zip archive and something else at once"
    if found == "application/gzip":
        return _gzip_refusal(content)
    if found == "application/pdf" and b"/Encrypt" in content[-_FIRST:]:
        return "it is encrypted"
    width, height = dimensions(content, found)
    if width * height > MOST_PIXELS:
        return f"its picture would have {width} x {height} pixels"
    return ""


def _gzip_refusal(content: bytes) -> str:
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)
    size, head, data = 0, b"", content
    most = max(_FIRST, LARGEST_RATIO * len(content))
    try:
        while data and not unpacker.eof and size <= min(most, MOST_UNPACKED):
            part = unpacker.decompress(data, 1 << 16)
            data = unpacker.unconsumed_tail
            head = (head + part)[:512]
            size += len(part)
    except zlib.error:
        return "its compression is broken"
    if size > most:
        return f"it gets more than {LARGEST_RATIO} times larger when it is unpacked"
    if size > MOST_UNPACKED:
        return "it gets very large when it is unpacked"
    if known_kind(head) in _PACKED | {"application/zip", "application/gzip"} or head[257:262] == b"ustar":
        return "it holds another archive"
    return ""


def is_whole(content: bytes, kind: str) -> bool:
    """Whether the end of a picture or PDF is there."""
    match kind:
        case "image/png":
            return b"IEND" in content[-64:]
        case "image/jpeg":
            return b"\xff\xd9" in content[-1024:]
        case "image/gif":
            return b";" in content[-16:]
        case "image/webp":
            return int.from_bytes(content[4:8], "little") + 8 <= len(content) + 1
        case "application/pdf":
            return b"%%EOF" in content[-2048:]
        case _:
            return True


# ---------------------------------------------------------------- the size of a picture


def dimensions(content: bytes, found: str) -> tuple[int, int]:
    """Width and height in pixels; zeros if that cannot be seen, or if it is no picture."""
    try:
        match found:
            case "image/png":
                return _two(">II", content, 16)
            case "image/gif":
                return _two("<HH", content, 6)
            case "image/jpeg":
                return _jpeg(content)
            case "image/webp":
                return _webp(content)
            case _:
                return 0, 0
    except struct.error:
        return 0, 0


def _two(form: str, content: bytes, at: int) -> tuple[int, int]:
    first, second = struct.unpack_from(form, content, at)
    return int(first), int(second)


def _webp(content: bytes) -> tuple[int, int]:
    """By the first chunk: extended, lossy or lossless (RFC 9649)."""
    match content[12:16]:
        case b"VP8X":
            sides = content[24:27].ljust(3, b"\0"), content[27:30].ljust(3, b"\0")
            return int.from_bytes(sides[0], "little") + 1, int.from_bytes(sides[1], "little") + 1
        case b"VP8 ":
            width, height = _two("<HH", content, 26)
            return width & 0x3FFF, height & 0x3FFF
        case b"VP8L":
            (bits,) = struct.unpack_from("<I", content, 21)
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case _:
            return 0, 0


def _jpeg(content: bytes) -> tuple[int, int]:
    """The size stands in the first frame header; there are a few segments before it."""
    at = 2
    for _ in range(1_000):
        marker, length = struct.unpack_from(">HH", content, at)
        if 0xFFC0 <= marker <= 0xFFCF and marker not in (0xFFC4, 0xFFC8, 0xFFCC):
            height, width = struct.unpack_from(">HH", content, at + 5)
            return int(width), int(height)
        at += 2 + int(length)
    return 0, 0
