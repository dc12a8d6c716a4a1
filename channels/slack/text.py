"""Slack's own text as people wrote it: `<@U1>`, `<url|label>` and `&lt;` become what they saw."""

import re

TOKEN = re.compile(r"<([^<>]*)>")


def mentions(text: str, user: str) -> bool:
    return bool(user) and re.search(_mention(user), text) is not None


def plain(text: str, *, own: str, name: str = "") -> str:
    """The text without the mention of our own bot `own`; a bare mention leaves the bot's `name`."""
    said = _without_mention(text, own) if own else text
    if not said.strip() and said != text:
        return f"@{name or own}"
    return _shown_text(said).strip()


def units(text: str) -> int:
    """How long Slack's clients take a text to be: in UTF-16 units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _without_mention(text: str, own: str) -> str:
    mention = _mention(own)
    return re.sub(rf"[ \t]?{mention}", "", re.sub(rf"^\s*{mention}[\s:,]*", "", text))


def _mention(user: str) -> str:
    return rf"<@{re.escape(user)}(?:\|[^<>]*)?>"


def _shown_text(text: str) -> str:
    shown: list[str] = []
    end = 0
    for token in TOKEN.finditer(text):
        shown += [unescape(text[end : token.start()]), _shown_token(token[1])]
        end = token.end()
    return "".join(shown) + unescape(text[end:])


def _shown_token(token: str) -> str:
    target, _, label = (unescape(piece) for piece in token.partition("|"))
    match target[:1]:
        case "@":
            return f"@{label or target[1:]}"
        case "#":
            return f"#{label or target[1:]}"
        case "!":
            return _shown_special(target[1:], label)
        case _:
            return _shown_link(target, label)


def _shown_special(target: str, label: str) -> str:
    if target.startswith("date^"):
        return label
    return "@" + (label or target.removeprefix("subteam^")).removeprefix("@")


def _shown_link(url: str, label: str) -> str:
    # Slack links bare addresses by itself: <http://example.com|example.com>, <mailto:a@b.example|a@b.example>
    if not label or url == label:
        return re.sub("^(mailto|tel):", "", url)
    if url in (f"http://{label}", f"mailto:{label}", f"tel:{label}"):
        return label
    return f"{label} ({url})"


def unescape(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
