"""Looks at tokens before a provider does: swapped, half copied, or never filled in."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from bot.config.credentials import is_twilio
from bot.config.effective import leaves
from bot.config.finding import Finding
from bot.config.section import KeyPath
from bot.config.settings import Config
from bot.secrets import Secret

SHORTEST_API_TOKEN = 8
BOT_TOKEN: KeyPath = ("channels", "slack", "bot_token")
APP_TOKEN: KeyPath = ("channels", "slack", "app_token")
API_TOKEN: KeyPath = ("channels", "api", "token")
AUTH_TOKEN: KeyPath = ("channels", "sms", "auth_token")
PASSWORDS = ("imap_password", "smtp_password", "client_secret")

# What a token is, by how it begins, and the only setting it belongs into.
BEGINNINGS: tuple[tuple[str, str, str], ...] = (
    ("xoxb-", "a Slack bot token", "bot_token"),
    ("xoxe.xoxb-", "a Slack bot token", "bot_token"),
    ("xapp-", "a Slack app-level token", "app_token"),
    ("xoxp-", "a Slack user token", ""),
    ("xoxe.xoxp-", "a Slack user token", ""),
    ("xoxe-", "a Slack refresh token", ""),
    ("sk-ant-", "an Anthropic key", "api_key"),
)
WANTED = {
    "bot_token": "a bot token, which begins with xoxb- (Slack: OAuth & Permissions)",
    "app_token": "an app-level token, which begins with xapp- (Slack: Basic Information)",
    "signing_secret": "the signing secret (Slack: Basic Information)",
    "api_key": "a key of the model's endpoint",
    "auth_token": "the account's auth token, 32 of 0-9 and a-f (Twilio: the console's first page)",
    **dict.fromkeys(PASSWORDS, "the password as the provider shows it"),
    "token": f"a long random text of at least {SHORTEST_API_TOKEN} characters",
}
PLACEHOLDER = re.compile(
    r"(?i)(?:xoxb-|xapp-|sk-ant-)?"
    r"(?:change[-_ ]?(?:me|this)|replace[-_ ]?(?:me|this)|(?:your|insert)[-_ ].*|placeholder|todo|tbd|fixme"
    r"|<.*>|\{.*\}|\$.*|x{3,}|\*{3,}|none|null)?(?:\.{2,}|…)?"
)


def token_findings(config: Config) -> Iterator[Finding]:
    for path, value in leaves(config):
        if isinstance(value, Secret) and (found := _wrong(path, value.reveal(), config)):
            yield Finding([path], found, WANTED[path[-1]], "copy it again, without quotes or spaces")


def _wrong(path: KeyPath, value: str, config: Config) -> str:
    """What is wrong with a secret, in words that do not show it; empty if nothing is."""
    if not value:
        return "an empty text"
    if value.strip() != value:
        return "space or a line break around it"
    if value[:1] in "\"'`" or value[-1:] in "\"'`":
        return "quotes that are part of the value"
    if path[-1] in PASSWORDS:
        return "" if value.isprintable() and not PLACEHOLDER.fullmatch(value) else "a placeholder"
    if re.search(r"\s", value) or not value.isprintable() or not value.isascii():
        return "a character that no token has (a space, an umlaut, a control character)"
    if PLACEHOLDER.fullmatch(value):
        return "a placeholder"
    return _swapped(path, value) or _unlike(path, value, config)


def _swapped(path: KeyPath, value: str) -> str:
    for beginning, name, belongs in BEGINNINGS:
        if value.startswith(beginning) and path[-1] != belongs:
            return f"{name} ({beginning}…)"
    return ""


def _unlike(path: KeyPath, value: str, config: Config) -> str:
    """Slack's own tokens have known beginnings; those of a stand-in may be anything."""
    stand_in = config.channels.slack.api_url
    if stand_in is not None and not (urlsplit(stand_in).hostname or "").endswith("slack.com"):
        needed: dict[KeyPath, tuple[str, ...]] = {}
    else:
        needed = {BOT_TOKEN: ("xoxb-", "xoxe.xoxb-"), APP_TOKEN: ("xapp-",)}
    if path in needed and not value.startswith(needed[path]):
        return f"a text of {len(value)} characters that begins otherwise"
    if path == AUTH_TOKEN and is_twilio(config.channels.sms) and not re.fullmatch(r"[0-9a-f]{32}", value):
        return f"a text of {len(value)} characters that has another form"
    if path == API_TOKEN and len(value) < SHORTEST_API_TOKEN:
        return f"only {len(value)} characters"
    return ""
