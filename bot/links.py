"""Takes links out of what the agent says while words of others are before it: they could carry away what it knows.

Pure. A link to a domain that the configuration allows stays; of any other only the name of its host is left, as text.
"""

import re
from collections.abc import Iterable

TAKEN_OUT = "link taken out"
_SCHEME = r"(?:[a-z][a-z0-9+.-]{1,20}:(?://|\\\\)?|//|www\.)"
_STOP = r"\s<>\"'`|\x00-\x1f\x7f-\x9f"
_IMAGE_OR_LINK = re.compile(
    r"!?\[(?P<text>[^\[\]]{0,500})\]\(\s{0,5}<?(?P<target>[^()<>\s]{0,4000})>?[^()]{0,500}\)"
)
_REFERENCE = re.compile(
    r"^(?P<lead>[ ]{0,3}\[[^\]\n]{1,200}\]:)[ \t]*<?(?P<target>\S{1,4000}?)>?(?P<rest>[ \t].*)?$", re.M
)
_SLACK = re.compile(r"<(?P<target>[^<>|\s]{1,4000})\|(?P<text>[^<>]{0,500})>")
_BARE = re.compile(rf"(?<![\w@/]){_SCHEME}[^{_STOP}]{{1,4000}}", re.IGNORECASE)
_WITH_HOST = ("http", "https", "ftp", "ftps", "ws", "wss")
_KNOWN = (
    *_WITH_HOST, "data", "javascript", "vbscript", "file", "mailto", "tel", "sms", "callto", "slack", "discord",
    "ssh", "git", "gopher", "ldap",
)  # fmt: skip
_WEB = re.compile(r"https?://(?P<host>[a-z0-9.-]{1,253})(?::[0-9]{1,5})?(?=[/?#]|\Z)", re.IGNORECASE)
_HOST = re.compile(r"[a-z0-9.-]{1,253}(?::[0-9]{1,5})?", re.IGNORECASE)


def without_links(markdown: str, allowed: Iterable[str] = ()) -> str:
    """The same text, with links to these domains (and what is below them) only."""
    domains = tuple(domain.lower().lstrip(".") for domain in allowed)
    text = _IMAGE_OR_LINK.sub(lambda m: _link(m, domains), markdown)
    text = _SLACK.sub(lambda m: _link(m, domains), text)
    text = _REFERENCE.sub(lambda m: _reference(m, domains), text)
    return _BARE.sub(lambda m: _bare(m[0], domains), text)


def _link(match: re.Match[str], domains: tuple[str, ...]) -> str:
    target, text = match["target"], match["text"]
    if target.startswith("#") or (_is_allowed(target, domains) and not match[0].startswith("!")):
        return match[0]
    return f"{text} ({_named(target)})" if text.strip() else f"({_named(target)})"


def _reference(match: re.Match[str], domains: tuple[str, ...]) -> str:
    target = match["target"]
    if _is_allowed(target, domains) or not re.search(r"[:/.]", target):
        return match[0]
    return f"({_named(target)})"


def _bare(url: str, domains: tuple[str, ...]) -> str:
    scheme = url.partition(":")[0].lower()
    named = url.lower().startswith(("//", "www."))
    if not named and scheme not in _KNOWN and "//" not in url[:25]:
        return url  # "note: this" is no address
    if url.startswith("//") and not _HOST.match(url[2:]):
        return url  # a comment in code
    return url if _is_allowed(url, domains) else f"({_named(url)})"


def _is_allowed(target: str, domains: tuple[str, ...]) -> bool:
    """A web address without a user in it, of an allowed domain, and with nothing in it that hides another."""
    if "\\" in target or not target.isascii():
        return False
    if "://" not in target and not target.lower().startswith("www."):
        return False
    found = _WEB.match(target if "://" in target else f"https://{target}")
    host = found["host"].rstrip(".").lower() if found else ""
    return any(host == domain or host.endswith(f".{domain}") for domain in domains)


def _named(target: str) -> str:
    """The host as text that nothing makes a link of; nothing of an address that has none."""
    scheme = target.partition(":")[0].lower()
    if ":" in target and scheme not in _WITH_HOST and not target.startswith("//"):
        return TAKEN_OUT
    rest = (
        re.split(r"//|\\\\|:", target, maxsplit=1)[-1] if re.match(_SCHEME, target, re.IGNORECASE) else target
    )
    host = _HOST.match(rest.rpartition("@")[2] if "@" in rest.partition("/")[0] else rest.lstrip("/"))
    name = host[0].replace(".", "[.]")[:80] if host else ""
    return f"{TAKEN_OUT}: {name}" if name else TAKEN_OUT
