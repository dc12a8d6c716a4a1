"""What is wrong with the channels: half their credentials, or settings that do not go together."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from bot.config.finding import Finding
from bot.config.section import KeyPath
from bot.config.settings import Config, SlackConfig, SmsConfig

SLACK = {"bot_token": "SLACK_BOT_TOKEN", "app_token": "SLACK_APP_TOKEN"}
SMS = {"account_sid": "TWILIO_ACCOUNT_SID", "auth_token": "TWILIO_AUTH_TOKEN", "number": "TWILIO_FROM"}


def sms_findings(config: Config, *, dev: bool) -> Iterator[Finding]:
    """What no credential can put right."""
    sms = config.channels.sms
    sid: KeyPath = ("channels", "sms", "account_sid")
    if sms.account_sid and is_twilio(sms) and not re.fullmatch(r"AC[0-9a-f]{32}", sms.account_sid):
        found = "something that begins otherwise or has another length"
        yield Finding([sid], found, "AC and 32 of 0-9, a-f", "copy the Account SID from Twilio's console")
    if (
        sms.inbound == "webhook" and config.web.public_url is None and not dev
    ):  # a simulator reaches us anyway
        fix = 'set PUBLIC_URL to the address that Twilio can call, or inbound = "poll"'
        keys: list[KeyPath] = [("channels", "sms", "inbound"), ("web", "public_url")]
        yield Finding(keys, '"webhook" without public_url', "a public address for webhooks", fix)


def is_twilio(sms: SmsConfig) -> bool:
    """Is it Twilio itself that we talk to, and not a stand-in?"""
    return sms.api_url is None or (urlsplit(sms.api_url).hostname or "").endswith("twilio.com")


def credential_findings(config: Config, *, dev: bool) -> Iterator[Finding]:
    """A channel with half its credentials is a mistake, not a channel that is off."""
    channels = config.channels
    yield from _incomplete("slack", "Slack", channels.slack, SLACK, dev=dev)
    yield from _incomplete("sms", "SMS", channels.sms, SMS, dev=dev)


def _incomplete(
    channel: str, title: str, section: SlackConfig | SmsConfig, variables: dict[str, str], *, dev: bool
) -> Iterator[Finding]:
    given = {name for name in variables if getattr(section, name)}
    wanted = (section.enabled is True and not dev) or (section.enabled == "auto" and given)
    for name, variable in variables.items():
        if wanted and name not in given:
            others = [("channels", channel, other) for other in (*variables, "enabled") if other != name]
            why = f"{title} is on" if section.enabled is True else f"{_and(variables, given)} set"
            all_ = "both" if len(variables) == 2 else "all of them"
            fix = f"set {variable}, or turn {title} off with enabled = false"
            keys: list[KeyPath] = [("channels", channel, name), *others]
            yield Finding(keys, f"nothing, but {why}", f"{all_} or none", fix)


def _and(variables: dict[str, str], given: set[str]) -> str:
    names = [variable for name, variable in variables.items() if name in given]
    return f"{' and '.join(names)} {'is' if len(names) == 1 else 'are'}"
