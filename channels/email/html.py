"""What a person sees of an HTML mail, as plain text: hidden text is left out, quotes are told apart."""

import re
from dataclasses import dataclass

from selectolax.lexbor import LexborHTMLParser, LexborNode

from channels.email.decoding import plain_lines
from channels.email.html_flat import flattened
from channels.email.html_lines import Lines
from channels.email.html_look import Attributes, Look, hides, look
from channels.email.html_sheet import Sheet, sheet
from channels.email.limits import LONGEST_HTML

HIDDEN = "text that a reader of the mail does not see"
TOO_LONG = "the rest of a very long HTML text"
MOST_NODES = 80_000

_NOT_TEXT = frozenset(
    (
        "head", "script", "style", "template", "title", "meta", "link", "object", "embed", "applet",
        "iframe", "svg", "math", "canvas", "audio", "video", "select", "datalist", "input", "textarea",
    )
)  # fmt: skip
_BLOCKS = frozenset(
    (
        "p", "div", "table", "tr", "ul", "ol", "li", "dl", "dt", "dd", "h1", "h2", "h3", "h4", "h5",
        "h6", "blockquote", "pre", "hr", "form", "fieldset", "center", "address", "article", "section",
        "header", "footer", "nav", "main", "aside", "figure", "figcaption", "caption",
    )
)  # fmt: skip
_APART = frozenset(
    (
        "p", "ul", "ol", "dl", "h1", "h2", "h3", "h4", "h5", "h6", "table", "pre", "blockquote", "hr",
    )
)  # fmt: skip

# What mail programs write around or before what they quote.
_QUOTE_CLASSES = frozenset(
    (
        "gmail_attr", "yahoo_quoted", "moz-cite-prefix", "moz-forward-container", "protonmail_quote",
        "tutanota_quote", "zmail_extra", "OutlookMessageHeader", "mailru-blockquote",
    )
)  # fmt: skip
_QUOTE_IDS = frozenset(
    (
        "OLK_SRC_BODY_SECTION", "mail-editor-reference-message-container",
    )
)  # fmt: skip
_QUOTED_FROM_HERE = frozenset(("divRplyFwdMsg", "appendonsend", "ms-outlook-mobile-reference-message"))
_GMAIL = "gmail_quote"
_OUTLOOK_RULE = re.compile(
    r"border:\s*none;\s*border-top:\s*solid (?:windowtext|#[0-9a-f]{6}) 1\.0pt;\s*padding:\s*3\.0pt 0(?:in|cm)"
)


@dataclass(frozen=True, slots=True)
class Shown:
    """The new text, and the quotes below it; if something follows a quote all is in `text`, quotes after `> `."""

    text: str
    quoted: str = ""
    dropped: tuple[str, ...] = ()


def shown(html: str) -> Shown:
    flat, hid = flattened(plain_lines(html[:LONGEST_HTML]))
    lines = Lines()
    hid_more, too_many = _walk(flat, lines)
    text, quoted = lines.split()
    too_long = too_many or len(html) > LONGEST_HTML
    return Shown(text, quoted, (HIDDEN,) * (hid or hid_more) + (TOO_LONG,) * too_long)


# ---------------------------------------------------------------- from node to node, without recursion


@dataclass(slots=True)
class _Leave:
    """What to do at the end of an element."""

    tag: str
    href: str = ""
    quotes: int = 0
    within: "_Leave | None" = None  # Gmail's box, of which this is the quote


@dataclass(frozen=True, slots=True)
class _Enter:
    node: LexborNode
    look: Look
    parent: _Leave | None


def _walk(html: str, lines: Lines) -> tuple[bool, bool]:
    """Puts every text that is seen into the lines; whether there was one that is not seen, and one too many."""
    root = LexborHTMLParser(html).root
    rules = sheet(html)
    steps: list[_Enter | _Leave] = [_Enter(root, Look(), None)] if root is not None else []
    hid, seen = False, 0
    while steps and seen < MOST_NODES:
        step = steps.pop()
        if isinstance(step, _Leave):
            _leave(step, lines)
            continue
        seen += 1
        if step.node.next is not None:
            steps.append(_Enter(step.node.next, step.look, step.parent))
        if step.node.is_text_node:
            hid = _text(step, lines) or hid
        elif step.node.is_element_node:
            hid = _element(step, lines, steps, rules) or hid
    if steps:
        lines.end()
    return hid, bool(steps)


def _text(step: _Enter, lines: Lines) -> bool:
    text = step.node.text_content or ""
    if step.look.visible:
        lines.add(text)
        return False
    return not text.isspace()


def _element(step: _Enter, lines: Lines, steps: list[_Enter | _Leave], rules: Sheet) -> bool:
    tag, node = step.node.tag or "", step.node
    if tag in _NOT_TEXT:
        return False
    attributes: Attributes = node.attributes
    style = rules.styles(tag, attributes)
    if (attributes or style) and hides(attributes, style):
        return bool(node.text(deep=True, strip=True))
    leave = _enter(tag, attributes, step.parent, lines)
    steps.append(leave)
    if node.child is not None:
        steps.append(_Enter(node.child, look(attributes, style, step.look), leave))
    return False


def _enter(tag: str, attributes: Attributes, parent: _Leave | None, lines: Lines) -> _Leave:
    leave = _Leave(tag)
    _break_before(tag, lines)
    _quote(leave, attributes, parent, lines)
    match tag:
        case "br":
            lines.line_break()
        case "td" | "th":
            lines.cell()
        case "li":
            lines.item()
        case "ul" | "ol":
            lines.numbers.append(1 if tag == "ol" else 0)
        case "pre":
            lines.preformatted += 1
        case "a":
            leave.href = attributes.get("href") or ""
            lines.anchor.clear()
        case "img" if attributes.get("alt"):
            lines.add(_emoji(attributes.get("alt") or ""))
        case _:
            pass
    return leave


def _break_before(tag: str, lines: Lines) -> None:
    if tag in _APART and not lines.marker:
        lines.apart()
    elif tag in _BLOCKS:
        lines.end()


def _emoji(alt: str) -> str:
    """Some mail programs send these as images; other alternative texts are not seen as a rule."""
    return alt if len(alt) <= 16 and not re.search(r"[\x00-\x7f]", alt) else ""


def _leave(step: _Leave, lines: Lines) -> None:
    if step.tag in _APART:
        lines.apart()
    elif step.tag in _BLOCKS:
        lines.end()
    match step.tag:
        case "a":
            lines.link(step.href)
        case "ul" | "ol":
            lines.numbers.pop()
        case "pre":
            lines.preformatted -= 1
        case "li":
            lines.marker = ""
        case _:
            pass
    if step.quotes or step.within:
        lines.end()
    lines.depth -= step.quotes
    if step.within is not None:
        lines.depth -= step.within.quotes
        step.within.quotes = 0


# ---------------------------------------------------------------- quotes


def _quote(leave: _Leave, attributes: Attributes, parent: _Leave | None, lines: Lines) -> None:
    if not attributes and leave.tag != "blockquote":
        return
    classes, id_ = (attributes.get("class") or "").split(), attributes.get("id") or ""
    if _starts_the_rest(id_, attributes):
        lines.end()
        lines.rest_is_quoted = True
    elif leave.tag == "blockquote" and _GMAIL in classes and parent is not None and _is_box(parent):
        leave.within = parent
    elif "gmail_attr" in classes and lines.depth:
        return  # it stands in the box already
    elif leave.tag == "blockquote" or _is_quote(classes, id_):
        lines.end()
        leave.quotes = 1
        leave.href = _GMAIL if leave.tag == "div" and _GMAIL in classes else ""
        lines.depth += 1


def _is_quote(classes: list[str], id_: str) -> bool:
    if _GMAIL in classes or _QUOTE_CLASSES.intersection(classes) or id_ in _QUOTE_IDS:
        return True
    return "yahoo_quoted" in id_ or any(name.endswith("yahoo_quoted") for name in classes)


def _is_box(parent: _Leave) -> bool:
    """Gmail puts answers between and below quotes into the box with them, so it ends with the (first) quote."""
    return parent.href == _GMAIL and parent.quotes > 0


def _starts_the_rest(id_: str, attributes: Attributes) -> bool:
    """Outlook quotes by a rule and four lines of headers; the rest of the mail is the quote."""
    if id_.removeprefix("x_") in _QUOTED_FROM_HERE:
        return True
    return bool(_OUTLOOK_RULE.search((attributes.get("style") or "")[:500].lower()))
