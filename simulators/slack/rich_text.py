"""What Slack makes of the text somebody types or an app posts: escapes, links, rich_text blocks."""

import re
from collections.abc import Callable

from simulators.slack.config import Json

TOKEN = re.compile(
    r"(?P<user><@(?P<user_id>[UW][A-Z0-9]+)(?:\|[^>\n]*)?>)"
    r"|(?P<channel><#(?P<channel_id>[CGD][A-Z0-9]+)(?:\|[^>\n]*)?>)"
    r"|(?P<special><!(?P<range>here|channel|everyone)(?:\|[^>\n]*)?>)"
    r"|(?P<group><!subteam\^(?P<group_id>[A-Z0-9]+)(?:\|[^>\n]*)?>)"
    r"|(?P<link><(?P<href>(?:https?://|mailto:)[^|>\s]+)(?:\|(?P<label>[^>\n]*))?>)"
    r"|(?P<url>https?://(?:(?!&[gl]t;)[^\s<>|`])+(?<![.,;:!?)\]'\"*_~]))"
    r"|(?P<email>(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}\.[\w.-]{0,190}\w)"
    r"|(?P<name>(?<![\w@.])@(?P<name_text>[A-Za-z][\w.-]*\w|[A-Za-z]))"
)


def escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def escape_once(text: str) -> str:
    """Escape what is not yet an entity, as Slack does with the text that an app posts."""
    bare = re.sub(r"&(?!(?:amp|lt|gt);)", "&amp;", text)
    return bare.replace("<", "&lt;").replace(">", "&gt;")


def unescape(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def typed_elements(text: str, user_id_of: Callable[[str], str | None]) -> list[Json]:
    """Split what a person typed into the elements of a rich_text_section; `@ann` becomes a mention."""
    elements: list[Json] = []
    end = 0
    for match in TOKEN.finditer(text):
        element = _element(match, user_id_of)
        if element is None:
            continue
        if match.start() > end:
            elements.append({"type": "text", "text": text[end : match.start()]})
        elements.append(element)
        end = match.end()
    if end < len(text):
        elements.append({"type": "text", "text": text[end:]})
    return elements


def _element(match: re.Match[str], user_id_of: Callable[[str], str | None]) -> Json | None:
    match match.lastgroup and _kind(match):
        case "user":
            return {"type": "user", "user_id": match["user_id"]}
        case "channel":
            return {"type": "channel", "channel_id": match["channel_id"]}
        case "special":
            return {"type": "broadcast", "range": match["range"]}
        case "group":
            return {"type": "usergroup", "usergroup_id": match["group_id"]}
        case "link":
            return {
                "type": "link",
                "url": match["href"],
                **({"text": match["label"]} if match["label"] else {}),
            }
        case "url":
            return {"type": "link", "url": match["url"]}
        case "email":
            return {"type": "link", "url": f"mailto:{match['email']}", "text": match["email"]}
        case _:
            user_id = user_id_of(match["name_text"])
            return {"type": "user", "user_id": user_id} if user_id else None


def _kind(match: re.Match[str]) -> str:
    kinds = ("user", "channel", "special", "group", "link", "url", "email", "name")
    return next(kind for kind in kinds if match[kind] is not None)


def text_of(elements: list[Json]) -> str:
    """The `text` of a message event for these elements: escaped, mentions and links in angle brackets."""
    return "".join(_text_of(element) for element in elements)


def _text_of(element: Json) -> str:
    match element["type"]:
        case "user":
            return f"<@{element['user_id']}>"
        case "channel":
            return f"<#{element['channel_id']}>"
        case "broadcast":
            return f"<!{element['range']}>"
        case "usergroup":
            return f"<!subteam^{element['usergroup_id']}>"
        case "link":
            url = element["url"].replace("&", "&amp;")
            return f"<{url}|{escape(element['text'])}>" if element.get("text") else f"<{url}>"
        case _:
            return escape(element["text"])


def rich_text_block(elements: list[Json], block_id: str) -> Json:
    section = {"type": "rich_text_section", "elements": elements}
    return {"type": "rich_text", "block_id": block_id, "elements": [section]}


def posted_text(text: str) -> str:
    """The text of an app's message as Slack stores it: stray & < > escaped, bare web addresses linked."""
    parts: list[str] = []
    end = 0
    for match in TOKEN.finditer(text):
        kind = _kind(match)
        if kind in ("name", "email"):
            continue
        parts.append(escape_once(text[end : match.start()]))
        parts.append(f"<{_amp(match['url'])}>" if kind == "url" else _amp(match.group()))
        end = match.end()
    return "".join(parts) + escape_once(text[end:])


def _amp(token: str) -> str:
    return re.sub(r"&(?!(?:amp|lt|gt);)", "&amp;", token)


def mentioned_users(text: str) -> set[str]:
    return {match["user_id"] for match in TOKEN.finditer(text) if match["user"] is not None}
