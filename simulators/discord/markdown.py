"""Discord's Markdown as HTML for the page: code, bold, italics, quotes, headings, links, mentions."""

import re
from collections.abc import Callable

from markupsafe import Markup, escape

FENCE = re.compile(r"```(?:[\w+-]*\n)?(.*?)```\n?", re.DOTALL)
CODE = re.compile(r"``(.+?)``|`([^`\n]+)`")
INLINE = (
    (re.compile(r"\*\*(.+?)\*\*", re.DOTALL), "<strong>{}</strong>"),
    (re.compile(r"__(.+?)__", re.DOTALL), "<u>{}</u>"),
    (re.compile(r"~~(.+?)~~", re.DOTALL), "<s>{}</s>"),
    (re.compile(r"(?<!\*)\*([^\s*](?:[^*]*[^\s*])?)\*(?!\*)"), "<em>{}</em>"),
    (re.compile(r"(?<!\w)_([^_\n]+)_(?!\w)"), "<em>{}</em>"),
)
LINK = re.compile(r"\[([^\]\n]+)\]\(&lt;?(https?://[^\s)]+?)(?:&gt;)?\)|\[([^\]\n]+)\]\((https?://[^\s)]+)\)")
MENTION = re.compile(r"&lt;(@!?|@&amp;|#)(\d{15,20})&gt;|(@everyone|@here)")
MENTION_IN_TEXT = re.compile(r"<(@!?|@&|#)(\d{15,20})>")
HEADING = re.compile(r"^#{1,3} (.+)$", re.MULTILINE)
QUOTE = re.compile(r"^&gt; ?(.*)$", re.MULTILINE)
HELD = re.compile("\x00(\\d+)\x00")

NameOf = Callable[[str], str]


def html(text: str, name_of: NameOf) -> Markup:
    """Everything is escaped first; `name_of` turns an id into a name."""
    held: list[str] = []

    def hold(tag: str) -> str:
        held.append(tag)
        return f"\x00{len(held) - 1}\x00"

    text = str(escape(text.replace("\x00", "")))
    text = FENCE.sub(lambda found: hold(f"<pre>{found[1]}</pre>"), text)
    text = CODE.sub(lambda found: hold(f"<code>{found[1] or found[2]}</code>"), text)
    text = LINK.sub(lambda found: hold(_link(found)), text)
    text = MENTION.sub(lambda found: hold(_mention(found, name_of)), text)
    text = HEADING.sub(r"<strong>\1</strong>", text)
    text = QUOTE.sub(r"<blockquote>\1</blockquote>", text)
    for pattern, tag in INLINE:
        text = pattern.sub(lambda found, tag=tag: tag.format(found[1]), text)  # type: ignore[misc]
    # Every character of the text was escaped above; the tags are ours.
    return Markup(HELD.sub(lambda found: held[int(found[1])], text))  # noqa: S704


def plain(text: str, name_of: NameOf) -> str:
    """The text with names for ids, for where there is no room for more."""
    return MENTION_IN_TEXT.sub(lambda found: f"{'#' if found[1] == '#' else '@'}{name_of(found[2])}", text)


def _link(found: re.Match[str]) -> str:
    words, address = found[1] or found[3], found[2] or found[4]
    return f'<a href="{address}" rel="noreferrer noopener">{words}</a>'


def _mention(found: re.Match[str], name_of: NameOf) -> str:
    name = found[3] or f"{'#' if found[1] == '#' else '@'}{escape(name_of(found[2]))}"
    return f'<span class="mention">{name}</span>'
