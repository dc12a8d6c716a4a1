"""How many text messages a text costs: GSM-7 if all of its characters are in that alphabet, else UCS-2."""

from collections.abc import Iterable, Mapping

MOST_SEGMENTS = 3

GSM_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM_EXTENSION = frozenset("\f^{}\\[~]|€")
"""These stand in a second table: each takes an escape before it and counts as two."""

GSM_ALONE, GSM_JOINED = 160, 153
UCS2_ALONE, UCS2_JOINED = 70, 67

# Written as escapes, since each of them looks like what it is turned into.
_LOOKALIKES: Mapping[str, str] = {
    **dict.fromkeys("\u2018\u2019\u201a\u201b\u2039\u203a\u2032", "'"),
    **dict.fromkeys("\u201c\u201d\u201e\u201f\u00ab\u00bb\u2033", '"'),
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u2022", "-"),
    **dict.fromkeys("\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f", " "),
    "\u2026": "...",
    "\u2192": "->",
}
TO_GSM = str.maketrans(dict(_LOOKALIKES))


def is_gsm(text: str) -> bool:
    return all(char in GSM_BASIC or char in GSM_EXTENSION for char in text)


def segments(text: str) -> int:
    """The messages that a phone network makes of this text."""
    if is_gsm(text):
        return _count((2 if char in GSM_EXTENSION else 1 for char in text), GSM_ALONE, GSM_JOINED)
    return _count((2 if char > "\uffff" else 1 for char in text), UCS2_ALONE, UCS2_JOINED)


def cheapest(text: str) -> str:
    """The text with typographic quotes, dashes and spaces made plain, if it fits GSM-7 then and costs no more."""
    plain = text.translate(TO_GSM)
    return plain if is_gsm(plain) and segments(plain) <= segments(text) else text


def _count(sizes: Iterable[int], alone: int, joined: int) -> int:
    """No character is cut in two: an escape stays with its character, a surrogate with its other half."""
    total, count, used = 0, 1, 0
    for size in sizes:
        total += size
        if used + size > joined:
            count, used = count + 1, 0
        used += size
    return 1 if total <= alone else count
