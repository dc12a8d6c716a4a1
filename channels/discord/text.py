"""Discord's own text as people wrote it: `<@1>`, `<#2>` and `<:smile:3>` become what they saw."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime

TOKEN = re.compile(
    r"<(?:@!?(?P<user>\d{1,20})|@&(?P<role>\d{1,20})|#(?P<channel>\d{1,20})|a?:(?P<emoji>\w{1,64}):\d{1,20}"
    r"|t:(?P<time>-?\d{1,13})(?::[a-zA-Z])?|/(?P<command>[^<>:\n]{1,100}):\d{1,20})>"
)


def mentions(text: str, user: str) -> bool:
    return bool(user) and re.search(_mention(user), text) is not None


def plain(text: str, *, own: str, name: str, names: Mapping[str, str]) -> str:
    """The text without the mention of our own bot `own`; a bare mention leaves the bot's `name`.

    `names` are those of the others who are mentioned, by id.
    """
    said = _without_mention(text, own) if own else text
    if not said.strip() and said != text:
        return f"@{name or own}"
    return TOKEN.sub(lambda token: _shown(token, names), said).strip()


def _without_mention(text: str, own: str) -> str:
    mention = _mention(own)
    return re.sub(rf"[ \t]?{mention}", "", re.sub(rf"^\s*{mention}[\s:,]*", "", text))


def _mention(user: str) -> str:
    return rf"<@!?{re.escape(user)}>"


def _shown(token: re.Match[str], names: Mapping[str, str]) -> str:
    kind = token.lastgroup or ""
    said = token[kind]
    match kind:
        case "user":
            return f"@{names.get(said, said)}"
        case "role":
            return f"@role {said}"
        case "channel":
            return f"#{said}"
        case "emoji":
            return f":{said}:"
        case "time":
            return _moment(int(said), token[0])
        case _:
            return f"/{said}"


def _moment(seconds: int, token: str) -> str:
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"
    except (OverflowError, ValueError, OSError):
        return token
