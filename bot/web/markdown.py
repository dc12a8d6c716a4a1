"""Markdown of replies as HTML that is safe to show: no HTML of its own, no scripts, no pictures."""

from collections.abc import MutableMapping, Sequence
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererProtocol
from markdown_it.token import Token
from markdown_it.utils import OptionsDict
from markupsafe import Markup

LONGEST = 50_000  # characters; longer texts are shown as they are


def _link_open(
    renderer: RendererProtocol,
    tokens: Sequence[Token],
    index: int,
    options: OptionsDict,
    env: MutableMapping[str, Any],
) -> str:
    tokens[index].attrSet("rel", "noopener noreferrer nofollow")
    tokens[index].attrSet("target", "_blank")
    return renderer.renderToken(tokens, index, options, env)  # type: ignore[attr-defined,no-any-return]  # markdown-it types only its base


def _make() -> MarkdownIt:
    # "image" off: a picture's address can carry what was said to somebody else's server.
    markdown = MarkdownIt("commonmark", {"html": False, "breaks": True, "maxNesting": 20})
    markdown.enable(["table", "strikethrough"]).disable(["image", "html_block", "html_inline"])
    markdown.add_render_rule("link_open", _link_open)
    return markdown


_MARKDOWN = _make()


def to_html(text: str) -> Markup:
    """The text rendered; the result may be put into a page."""
    if len(text) > LONGEST:
        return Markup("<pre>{}</pre>").format(text)
    return Markup(_MARKDOWN.render(text))  # noqa: S704  # rendered with html off; tests/web tries to get some in
