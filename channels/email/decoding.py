"""From the bytes of a mail to text: transfer encodings and charsets, of which only known ones are ever looked up."""

import binascii
import codecs
import re

_NOT_BASE64 = bytes(
    set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
)
_HIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\U000e0000-\U000e007f]")

_TAGS = re.compile("[\U000e0000-\U000e007f]")

# What mails call them, and what they mean. Codecs are not looked up by a name that a stranger chose: some of
# Python's are slow on purpose-made input (idna, punycode) and others are no charsets.
_SAME = (
    "utf-8", "utf-16", "utf-16le", "utf-16be", "utf-7", "big5hkscs", "gb18030", "hz", "cp932", "euc-jp",
    "iso2022_jp_ext", "euc_jisx0213", "shift_jisx0213", "cp949", "johab", "iso2022_kr", "koi8-r", "koi8-u",
    "tis-620", "mac-roman", "cp437", "cp850", "cp852", "cp855", "cp866", "cp874",
    *(f"cp{number}" for number in range(1250, 1259)),
    *(f"iso8859-{number}" for number in (*range(2, 12), *range(13, 17))),
)  # fmt: skip
_OTHERS = {
    **dict.fromkeys(("utf8", "unicode-1-1-utf-8", "utf-8mb4", "cp65001"), "utf-8"),
    **dict.fromkeys(("us-ascii", "ascii", "ansi_x3.4-1968", "iso-8859-1", "iso8859-1", "latin1", "latin-1"), "cp1252"),
    **{f"iso-8859-{number}": f"iso8859-{number}" for number in (*range(2, 12), *range(13, 17))},
    **{f"windows-{number}": f"cp{number}" for number in (874, 932, 949, *range(1250, 1259))},
    **{f"ibm{number}": f"cp{number}" for number in (437, 850, 852, 855, 866)},
    **dict.fromkeys(("iso-8859-8-i", "iso-8859-8-e"), "iso8859-8"),
    **dict.fromkeys(("gb2312", "gbk", "gb_2312-80", "x-gbk", "cp936", "windows-936", "euc-cn"), "gb18030"),
    **dict.fromkeys(("big5", "big5-hkscs", "x-big5", "cn-big5", "cp950", "windows-950"), "big5hkscs"),
    **dict.fromkeys(("shift_jis", "shift-jis", "sjis", "x-sjis", "ms_kanji", "windows-31j", "cp932"), "cp932"),
    **dict.fromkeys(("iso-2022-jp", "iso-2022-jp-1", "iso-2022-jp-ms", "cp50220", "cp50221"), "iso2022_jp_ext"),
    **dict.fromkeys(("ks_c_5601-1987", "ks_c_5601", "euc-kr", "korean", "ksc5601"), "cp949"),
    "iso-2022-kr": "iso2022_kr", "eucjp": "euc-jp", "x-euc-jp": "euc-jp", "hz-gb-2312": "hz",
    "macintosh": "mac-roman", "x-mac-roman": "mac-roman", "koi8r": "koi8-r", "unicode-1-1-utf-7": "utf-7",
}  # fmt: skip
CHARSETS = {**{name: name for name in _SAME}, **_OTHERS}


def transferred(data: bytes, encoding: str) -> bytes:
    """The content behind a Content-Transfer-Encoding; as it stands if that is none we know."""
    match encoding.strip().lower().rstrip(";"):
        case "base64":
            return base64_bytes(data)
        case "quoted-printable":
            return quoted_bytes(data)
        case _:
            return data


def base64_bytes(data: bytes) -> bytes:
    """As much as can be made of it, whatever stands between or is missing at the end."""
    clean = data.translate(None, _NOT_BASE64)
    if len(clean) % 4 == 1:
        clean = clean[:-1]
    return binascii.a2b_base64(clean + b"=" * (-len(clean) % 4))


def quoted_bytes(data: bytes, *, header: bool = False) -> bytes:
    return binascii.a2b_qp(data, header=header)


def text_of(data: bytes, charset: str, *, cut: bool = False) -> str:
    """Never fails: tried as UTF-8 and as it says, then without what cannot be decoded.

    `cut` says that the data may end within a character.
    """
    known = CHARSETS.get(charset.strip().strip("\"'").lower(), "cp1252")
    for name in ("utf-8", known) if known == "cp1252" else (known, "utf-8"):
        try:
            return codecs.getincrementaldecoder(name)("strict").decode(data, not cut)
        except UnicodeError:
            continue
    return data.decode(known, "replace")


def plain_lines(text: str) -> str:
    """With line feeds alone at line ends, and without what nobody sees: control and tag characters."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\x0b", "\n").replace("\x0c", "\n")
    return _HIDDEN.sub("", text.replace("\u2028", "\n").replace("\u2029", "\n"))


def has_invisible_tags(text: str) -> bool:
    """Characters of the tag block spell ASCII that no screen shows, but that a model reads."""
    return not text.isascii() and _TAGS.search(text) is not None
