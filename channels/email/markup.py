"""A reply's Markdown as the two bodies of a mail: the text itself, and HTML that loads and hides nothing.

The plain body is the Markdown as it was written: it was made to be read like that, and nothing of it is lost.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from html import escape

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token

from bot.errors import SendFailed

LONG = 25_000
"""Texts longer than this are shown as they are; of some, reading the Markdown would take seconds."""

URL = re.compile(r"(?:https?://|mailto:)[^\s<>\"\x00-\x1f\x7f]{1,2000}", re.IGNORECASE)
LINE_ENDS = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
HIDDEN = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff"
    "\ud800-\udfff]"
)
UNSEEN_CATEGORIES = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
JOINER = "\u200d"  # within one picture


class _Markdown(MarkdownIt):
    def validateLink(self, url: str) -> bool:
        return URL.fullmatch(url) is not None


_RENDERER = RendererHTML()
_MARKDOWN = _Markdown("commonmark", {"html": False, "breaks": True}).enable(["table", "strikethrough"])


def cleaned(text: str) -> str:
    """The text without controls and what nobody sees; every kind of line end is the one."""
    return HIDDEN.sub("", LINE_ENDS.sub("\n", text)).strip("\n")


def shows(text: str) -> bool:
    """Whether a person sees every character of a text in a mail."""
    return all(
        char in "\n\t" + JOINER or unicodedata.category(char) not in UNSEEN_CATEGORIES for char in text
    )


def exact(text: str) -> str:
    """The text as it is, or SendFailed: who says yes must have seen every character of it."""
    if shows(text):
        return text
    raise SendFailed(
        "it holds characters that a mail program does not show, so it cannot be asked by mail", kind="final"
    )


def html(markdown: str) -> str:
    """Markdown as HTML: links to the web and to addresses only, an image is a link to it."""
    if len(markdown) > LONG:
        return preformatted(markdown)
    tokens = _MARKDOWN.parse(markdown)
    for token in tokens:
        token.children = list(_without_images(token.children or ())) if token.children else token.children
    return _RENDERER.render(tokens, _MARKDOWN.options, {})


def preformatted(text: str) -> str:
    """The text as it is, every line and space of it."""
    return f'<pre style="white-space:pre-wrap">{escape(text)}</pre>\n'


def paragraph(text: str) -> str:
    return f"<p>{escape(text)}</p>\n"


def _without_images(tokens: Sequence[Token]) -> Iterator[Token]:
    """A reader's mail program must not fetch anything: that would tell when and where it is read."""
    links = 0
    for token in tokens:
        links += token.nesting if token.type in ("link_open", "link_close") else 0
        if token.type != "image":
            yield token
            continue
        url = str(token.attrGet("src") or "")
        label = _RENDERER.renderInlineAsText(token.children, _MARKDOWN.options, {}) or "image"
        if links:  # no link within a link
            yield _text(f"{label} ({url})")
        else:
            yield Token("link_open", "a", 1, attrs={"href": url})
            yield _text(label)
            yield Token("link_close", "a", -1)


def _text(content: str) -> Token:
    return Token("text", "", 0, content=content)
