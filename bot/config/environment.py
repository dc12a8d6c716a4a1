"""The settings that may stand in the environment or in .env, under their well-known names."""

import difflib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from dotenv.parser import parse_stream

from bot.config.problems import Problem
from bot.config.section import KeyPath, Origin

METHOD_KEYS = ("model_provider", "max_context_tokens", "tool_timeout", "human_approval_required")
NAMES: dict[str, KeyPath] = {
    **{key.upper(): (key,) for key in METHOD_KEYS},
    "DATABASE_URL": ("database", "url"),
    "HOST": ("web", "host"),
    "PORT": ("web", "port"),
    "PUBLIC_URL": ("web", "public_url"),
    "SIM_URL": ("web", "sim_url"),
    "LOG_LEVEL": ("log", "level"),
    "API_TOKEN": ("channels", "api", "token"),
    "SLACK_BOT_TOKEN": ("channels", "slack", "bot_token"),
    "SLACK_APP_TOKEN": ("channels", "slack", "app_token"),
    "SLACK_SIGNING_SECRET": ("channels", "slack", "signing_secret"),
    "SLACK_API_URL": ("channels", "slack", "api_url"),
    "DISCORD_BOT_TOKEN": ("channels", "discord", "bot_token"),
    "DISCORD_API_URL": ("channels", "discord", "api_url"),
    "DISCORD_GATEWAY_URL": ("channels", "discord", "gateway_url"),
    "TWILIO_ACCOUNT_SID": ("channels", "sms", "account_sid"),
    "TWILIO_AUTH_TOKEN": ("channels", "sms", "auth_token"),
    "TWILIO_FROM": ("channels", "sms", "number"),
    "TWILIO_API_URL": ("channels", "sms", "api_url"),
    "MAIL_FROM": ("channels", "email", "address"),
    "IMAP_HOST": ("channels", "email", "imap_host"),
    "IMAP_PORT": ("channels", "email", "imap_port"),
    "IMAP_TLS": ("channels", "email", "imap_tls"),
    "IMAP_USER": ("channels", "email", "imap_user"),
    "IMAP_PASSWORD": ("channels", "email", "imap_password"),
    "SMTP_HOST": ("channels", "email", "smtp_host"),
    "SMTP_PORT": ("channels", "email", "smtp_port"),
    "SMTP_TLS": ("channels", "email", "smtp_tls"),
    "SMTP_USER": ("channels", "email", "smtp_user"),
    "SMTP_PASSWORD": ("channels", "email", "smtp_password"),
    "MAIL_AUTHSERV_ID": ("channels", "email", "authserv_id"),
    "MAIL_PLUS_ADDRESSING": ("channels", "email", "plus_addressing"),
    "MAIL_OAUTH_CLIENT_ID": ("channels", "email", "oauth", "client_id"),
    "MAIL_OAUTH_CLIENT_SECRET": ("channels", "email", "oauth", "client_secret"),
}
MODEL_NAMES = ("ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL")
KNOWN = (*NAMES, *MODEL_NAMES)
SHORTEST_GUESSED = 8  # shorter names resemble too much


@dataclass(frozen=True)
class Variable:
    """A variable as it was set, in whatever letter case."""

    value: str
    origin: Origin


def read_variables(root: Path, environ: Mapping[str, str], problems: list[Problem]) -> dict[str, Variable]:
    """All variables by their name in upper case; the environment beats .env, and an empty one hides it."""
    dotenv = list(_read_dotenv(root / ".env", problems))
    real = [(name, Variable(value, Origin("environment", name=name))) for name, value in environ.items()]
    found = _by_upper_name(dotenv, problems) | _by_upper_name(real, problems)
    return {name: variable for name, variable in found.items() if variable.value}


def _read_dotenv(path: Path, problems: list[Problem]) -> Iterator[tuple[str, Variable]]:
    try:
        text = path.read_bytes().decode("utf-8-sig") if os.path.exists(path) else ""
    except (OSError, UnicodeDecodeError) as failed:
        found = f"a file that cannot be read ({type(failed).__name__})"
        problems.append(
            Problem(path.name, "", found, "UTF-8 text that can be read", "look at its owner and mode")
        )
        return
    last: dict[str, Variable] = {}
    for binding in parse_stream(StringIO(text)):
        line = binding.original.line
        if binding.error or (binding.key is not None and binding.value is None):
            fix = "write NAME=value, put a value with spaces in quotes, start a comment with #"
            problems.append(
                Problem(f"{path.name}:{line}", "", "a line without NAME=value", "NAME=value", fix)
            )
        elif binding.key is not None:
            last[binding.key] = Variable(binding.value or "", Origin(path.name, line, binding.key))
    yield from last.items()


def _by_upper_name(variables: list[tuple[str, Variable]], problems: list[Problem]) -> dict[str, Variable]:
    found: dict[str, Variable] = {}
    for name, variable in variables:
        upper = name.upper()
        other = found.setdefault(upper, variable)
        if name == upper:
            found[upper] = variable
        if other.value != variable.value and upper in KNOWN:
            text = f"{other.origin.name} and {name} with different values"
            fix = "letter case does not matter: keep one of them"
            problems.append(Problem(str(variable.origin), upper, text, "one value", fix))
    return found


def values_by_key(variables: Mapping[str, Variable]) -> dict[KeyPath, Variable]:
    """The variables that set one key each."""
    return {path: variables[name] for name, path in NAMES.items() if name in variables}


def misspelt(variables: Mapping[str, Variable], used: set[str]) -> Iterator[Problem]:
    """Warns of names that look like one of ours but are not."""
    for name, variable in variables.items():
        if name in KNOWN or name in used or len(name) < SHORTEST_GUESSED:
            continue
        if near := difflib.get_close_matches(name, KNOWN, n=1, cutoff=0.9):
            fix = f"did you mean {near[0]}?"
            where, found = str(variable.origin), "a name that nothing reads"
            yield Problem(where, "", found, "a name that the bot knows", fix, "warning")
