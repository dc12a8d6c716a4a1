"""Slack's mrkdwn and blocks as HTML for the page: everything escaped, only http, https and mailto linked."""

import re
from collections.abc import Callable, Iterator
from typing import TypeAlias

from markupsafe import Markup, escape

from simulators.slack.config import Json
from simulators.slack.rich_text import unescape

NameOf: TypeAlias = Callable[[str], str]

FENCE = re.compile(r"\n?```\n?(.*?)\n?```\n?", re.DOTALL)
QUOTE = re.compile(r"(?:&gt;|>) ?")
INLINE = re.compile(
    r"`(?P<code>[^`\n]+)`"
    r"|<(?P<sign>[@#!])(?P<ref>[^|>\n]+)(?:\|(?P<ref_label>[^>\n]*))?>"
    r"|<(?P<href>(?:https?://|mailto:)[^|>\s]+)(?:\|(?P<label>[^>\n]*))?>"
    r"|(?<![\w*])\*(?=\S)(?P<bold>[^*\n]+)(?<=\S)\*(?![\w*])"
    r"|(?<![\w_])_(?=\S)(?P<italic>[^_\n]+)(?<=\S)_(?![\w_])"
    r"|(?<![\w~])~(?=\S)(?P<strike>[^~\n]+)(?<=\S)~(?![\w~])"
)
STYLES = {
    "bold": Markup("<strong>{}</strong>"),
    "italic": Markup("<em>{}</em>"),
    "strike": Markup("<s>{}</s>"),
}
LINK = Markup('<a href="{}" target="_blank" rel="noopener noreferrer">{}</a>')
BUTTON = Markup(
    '<button type="button" class="block {}" data-do="click" data-action-id="{}" data-value="{}">{}</button>'
)


def to_html(text: str, name_of: NameOf) -> Markup:
    parts: list[Markup] = []
    end = 0
    for match in FENCE.finditer(text):
        parts.append(_lines(text[end : match.start()], name_of))
        parts.append(Markup("<pre>{}</pre>").format(unescape(match[1])))
        end = match.end()
    parts.append(_lines(text[end:], name_of))
    return Markup("").join(parts)


def _lines(text: str, name_of: NameOf) -> Markup:
    """Lines with breaks between; those that start with > become one quotation."""
    html = Markup("")
    quoted: list[Markup] = []
    pending_break = False
    for line in text.split("\n") if text else []:
        if mark := QUOTE.match(line):
            quoted.append(_inline(line[mark.end() :], name_of))
            continue
        if quoted:
            html += _quote(quoted)
            quoted, pending_break = [], False
        html += (Markup("<br>") if pending_break else Markup("")) + _inline(line, name_of)
        pending_break = True
    return html + (_quote(quoted) if quoted else Markup(""))


def _quote(lines: list[Markup]) -> Markup:
    return Markup("<blockquote>{}</blockquote>").format(Markup("<br>").join(lines))


def _inline(text: str, name_of: NameOf) -> Markup:
    html = Markup("")
    end = 0
    for match in INLINE.finditer(text):
        html += escape(unescape(text[end : match.start()])) + _styled(match, name_of)
        end = match.end()
    return html + escape(unescape(text[end:]))


def _styled(match: re.Match[str], name_of: NameOf) -> Markup:
    if match["code"]:
        return Markup("<code>{}</code>").format(unescape(match["code"]))
    if match["href"]:
        return _link(unescape(match["href"]), unescape(match["label"] or match["href"]))
    if match["sign"]:
        return _reference(match, name_of)
    for group, html in STYLES.items():
        if match[group]:
            return html.format(_inline(match[group], name_of))
    return escape(match.group())


def _link(href: str, label: str) -> Markup:
    return LINK.format(href, label.removeprefix("mailto:"))


def _reference(match: re.Match[str], name_of: NameOf) -> Markup:
    sign, ref = match["sign"], match["ref"]
    label = unescape(match["ref_label"] or "")
    match sign:
        case "@":
            shown = f"@{label or name_of(ref)}"
        case "#":
            shown = f"#{label or name_of(ref)}"
        case _:
            shown = label if ref.startswith("date") and label else f"@{ref.split('^')[0]}"
    return Markup('<span class="mention">{}</span>').format(shown)


# Blocks


def message_html(message: Json, name_of: NameOf) -> Markup:
    """A message as people see it: its blocks if an app gave any, else its text."""
    blocks = message.get("blocks") or []
    if not blocks or all(block.get("type") == "rich_text" for block in blocks):
        return to_html(message.get("text") or "", name_of)
    return Markup("").join(block_html(block, name_of) for block in blocks)


def block_html(block: Json, name_of: NameOf) -> Markup:
    match block.get("type"):
        case "divider":
            return Markup("<hr>")
        case "header":
            return Markup("<h4>{}</h4>").format(_text(block.get("text"), name_of))
        case "section":
            texts = [block["text"]] if block.get("text") else []
            body = Markup("").join(_paragraph(t, name_of) for t in (*texts, *(block.get("fields") or [])))
            return body + Markup("").join(_buttons([block["accessory"]] if block.get("accessory") else []))
        case "markdown":
            return Markup('<p class="markdown">{}</p>').format(block.get("text", ""))
        case "context":
            inner = Markup(" ").join(_text(e, name_of) for e in block.get("elements", []))
            return Markup('<p class="context">{}</p>').format(inner)
        case "actions":
            return Markup('<p class="buttons">{}</p>').format(Markup("").join(_buttons(block["elements"])))
        case "rich_text":
            return Markup("").join(_rich(element) for element in block.get("elements", []))
        case other:
            return Markup('<p class="context">({} block)</p>').format(other)


def _paragraph(text: Json, name_of: NameOf) -> Markup:
    return Markup("<p>{}</p>").format(_text(text, name_of))


def _text(text: Json | None, name_of: NameOf) -> Markup:
    if not text:
        return Markup("")
    value = str(text.get("text", ""))
    return to_html(value, name_of) if text.get("type") == "mrkdwn" else escape(value)


def _buttons(elements: list[Json]) -> Iterator[Markup]:
    for element in elements:
        if element.get("type") != "button":
            continue
        label = (element.get("text") or {}).get("text", "")
        if url := element.get("url"):
            yield _link(url, label) if url.startswith(("https://", "http://")) else escape(label)
            continue
        style = element.get("style") if element.get("style") in ("primary", "danger") else ""
        yield BUTTON.format(style, element.get("action_id", ""), element.get("value", ""), label)


def _rich(element: Json) -> Markup:
    """Rich text is literal: nothing in its texts is markup, a mention or an entity."""
    inner = Markup("").join(_rich_piece(piece) for piece in element.get("elements", []))
    if element.get("type") == "rich_text_preformatted":
        return Markup("<pre>{}</pre>").format(inner)
    return Markup('<p class="rich">{}</p>').format(inner)


def _rich_piece(piece: Json) -> Markup:
    if piece.get("type") == "rich_text_section":
        return _rich(piece)
    url = str(piece.get("url", ""))
    label = str(piece.get("text") or url)
    return _link(url, label) if url.startswith(("https://", "http://", "mailto:")) else escape(label)
