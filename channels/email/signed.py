"""The mail within an opaque S/MIME signature (CMS SignedData): found by its structure, the signature is not checked."""

_SIGNED_DATA = bytes.fromhex("06092a864886f70d010702")
_DATA = bytes.fromhex("06092a864886f70d010701")
_MOST_CHUNKS = 100_000


class _Broken(ValueError):
    """This is no DER or BER."""


def signed_content(content: bytes) -> bytes | None:
    """None if it is encrypted or something else."""
    if _SIGNED_DATA not in content[:60]:
        return None
    at = content.find(_DATA, 0, 4_000)
    if at < 0:
        return None
    try:
        return _octets(content, at + len(_DATA))
    except _Broken:
        return None


def _octets(content: bytes, at: int) -> bytes:
    """[0] EXPLICIT OCTET STRING, in one piece or in many."""
    tag, at, _ = _head(content, at)
    if tag != 0xA0:
        raise _Broken
    tag, at, length = _head(content, at)
    if tag == 0x04 and length >= 0:
        return content[at : at + length]
    if tag != 0x24:
        raise _Broken
    end = len(content) if length < 0 else at + length
    pieces: list[bytes] = []
    while at < end and content[at : at + 2] != b"\0\0":
        tag, at, length = _head(content, at)
        if tag != 0x04 or length < 0 or len(pieces) > _MOST_CHUNKS:
            raise _Broken
        pieces.append(content[at : at + length])
        at += length
    return b"".join(pieces)


def _head(content: bytes, at: int) -> tuple[int, int, int]:
    """The tag, where its content starts, and its length (-1 if that shows only at its end)."""
    if at + 2 > len(content):
        raise _Broken
    tag, length, at = content[at], content[at + 1], at + 2
    if length == 0x80:
        return tag, at, -1
    if length > 0x80:
        many = length & 0x7F
        if many > 4 or at + many > len(content):
            raise _Broken
        length, at = int.from_bytes(content[at : at + many], "big"), at + many
    return tag, at, length
