"""Whether a person would see the text in an element, as far as attributes and styles say it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

Attributes = Mapping[str, str | None]
Color = tuple[int, int, int]

SMALLEST = 2.0  # pixels
FAINTEST = 0.1
ALIKE = 30  # the sum of the differences of red, green and blue
WHITE: Color = (255, 255, 255)

_UNKNOWN: Color = (-1000, -1000, -1000)
_CLEAR: Color = (-2000, -2000, -2000)
_NAMES: dict[str, Color] = {
    "white": WHITE, "black": (0, 0, 0), "red": (255, 0, 0), "blue": (0, 0, 255), "green": (0, 128, 0),
    "yellow": (255, 255, 0), "gray": (128, 128, 128), "grey": (128, 128, 128), "silver": (192, 192, 192),
    "snow": (255, 250, 250), "ivory": (255, 255, 240), "whitesmoke": (245, 245, 245), "transparent": _CLEAR,
    "ghostwhite": (248, 248, 255), "floralwhite": (255, 250, 240), "mintcream": (245, 255, 250),
}  # fmt: skip
_NUMBER = re.compile(r"[-+]?(?:\d{1,6}(?:\.\d{0,6})?|\.\d{1,6})")
_PIXELS = {
    "px": 1.0, "": 1.0, "pt": 4 / 3, "pc": 16.0, "in": 96.0, "cm": 37.8, "mm": 3.78, "rem": 16.0, "vw": 8.0, "vh": 6.0,
}  # fmt: skip
_SIZE = re.compile(rf"({_NUMBER.pattern})\s*(px|pt|pc|in|cm|mm|rem|em|ex|ch|vw|vh|%|)")
_LONGEST_STYLE = 10_000


@dataclass(frozen=True, slots=True)
class Look:
    """What an element takes over from those around it."""

    size: float = 16.0
    ink: Color = (0, 0, 0)
    paper: Color = WHITE
    shown: bool = True

    @property
    def visible(self) -> bool:
        return self.shown and self.size >= SMALLEST and self.ink != _CLEAR and not self._alike

    @property
    def _alike(self) -> bool:
        return sum(abs(a - b) for a, b in zip(self.ink, self.paper, strict=True)) <= ALIKE


def declarations(text: str) -> dict[str, str]:
    """Those of a style, by name."""
    found: dict[str, str] = {}
    for declaration in text[:_LONGEST_STYLE].lower().split(";"):
        name, _, value = declaration.partition(":")
        found[name.strip()] = value.replace("!important", "").strip()
    return found


def hides(attributes: Attributes, style: Mapping[str, str]) -> bool:
    """Whether nothing in this element can be seen, whatever the elements in it say."""
    if "hidden" in attributes or (attributes.get("aria-hidden") or "").lower() == "true":
        return True
    return (
        style.get("display") == "none"
        or _fraction(style.get("opacity", "")) < FAINTEST
        or style.get("transform", "").startswith(("scale(0", "scale3d(0"))
        or style.get("clip", "").replace(" ", "").startswith(("rect(0,0,0,0", "rect(0000", "rect(1px"))
        or _clipped(style)
        or _far_away(style)
    )


def look(attributes: Attributes, style: Mapping[str, str], around: Look) -> Look:
    """How the text directly in this element looks."""
    if not style and not attributes:
        return around
    visibility = style.get("visibility", "")
    ink = style.get("color") or attributes.get("color") or attributes.get("text") or ""
    return replace(
        around,
        size=_size(style, around.size),
        ink=_color(ink) if ink else around.ink,
        paper=_paper(attributes, style, around.paper),
        shown=visibility not in ("hidden", "collapse") if visibility else around.shown,
    )


def _clipped(style: Mapping[str, str]) -> bool:
    if "hidden" not in (style.get("overflow"), style.get("overflow-x"), style.get("overflow-y")):
        return False
    sides = ("height", "width", "max-height", "max-width")
    return any(_pixels(style[side], 16.0) <= 1 for side in sides if style.get(side))


def _far_away(style: Mapping[str, str]) -> bool:
    moves = ["text-indent", "margin-left", "margin-top"]
    if style.get("position") in ("absolute", "fixed"):
        moves += ["left", "top", "right", "bottom"]
    return any(_pixels(style[move], 16.0) <= -500 for move in moves if style.get(move))


def _size(style: Mapping[str, str], around: float) -> float:
    size = style.get("font-size") or next(iter(_SIZE.findall(style.get("font", ""))), ("", ""))
    if isinstance(size, tuple):
        size = "".join(size) if size[1] or size[0] == "0" else ""
    return _pixels(size, around) if size else around


def _pixels(value: str, around: float) -> float:
    """A length in pixels; a length that is not understood is an ordinary one."""
    match = _SIZE.match(value)
    if match is None:
        return 16.0
    number, unit = float(match[1]), match[2]
    relative = {"em": around, "ex": around / 2, "ch": around / 2, "%": around / 100}
    return number * (_PIXELS[unit] if unit in _PIXELS else relative[unit])


def _fraction(value: str) -> float:
    match = _NUMBER.match(value)
    return float(match[0]) / (100 if "%" in value else 1) if match else 1.0


def _paper(attributes: Attributes, style: Mapping[str, str], around: Color) -> Color:
    if "background-image" in style or "url(" in style.get("background", "") or attributes.get("background"):
        return _UNKNOWN
    told = style.get("background-color") or style.get("background") or attributes.get("bgcolor") or ""
    color = _color(told) if told else around
    return around if color == _CLEAR else color


def _color(value: str) -> Color:
    value = value.strip().lower()
    if value.startswith("rgb"):
        return _rgb(value)
    digits = re.match(r"#?([0-9a-f]{8}|[0-9a-f]{6}|[0-9a-f]{3,4})\b", value)
    if digits is None:
        return _NAMES.get(value.split(" ")[0], _UNKNOWN)
    hexed = digits[1] if len(digits[1]) > 4 else "".join(digit * 2 for digit in digits[1])
    if hexed[6:] in ("00", "01", "02"):
        return _CLEAR
    return int(hexed[:2], 16), int(hexed[2:4], 16), int(hexed[4:6], 16)


def _rgb(value: str) -> Color:
    numbers = [float(found) for found in _NUMBER.findall(value[:100])]
    if len(numbers) < 3:
        return _UNKNOWN
    if len(numbers) > 3 and numbers[3] < FAINTEST:
        return _CLEAR
    scale = 2.55 if "%" in value else 1.0
    return int(numbers[0] * scale), int(numbers[1] * scale), int(numbers[2] * scale)
