"""What is wrong with the channels: half their credentials, or settings that do not go together."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from bot.config.email import EmailConfig
from bot.config.finding import Finding
from bot.config.section import KeyPath
from bot.config.settings import Config, DiscordConfig, SlackConfig, SmsConfig
from bot.config.values import is_loopback

SLACK = {"bot_token": "SLACK_BOT_TOKEN", "app_token": "SLACK_APP_TOKEN"}
SLACK_HTTP = {"bot_token": "SLACK_BOT_TOKEN", "signing_secret": "SLACK_SIGNING_SECRET"}
SMS = {"account_sid": "TWILIO_ACCOUNT_SID", "auth_token": "TWILIO_AUTH_TOKEN", "number": "TWILIO_FROM"}
DISCORD = {"bot_token": "DISCORD_BOT_TOKEN"}
EMAIL = {
    "address": "MAIL_FROM",
    "imap_host": "IMAP_HOST",
    "imap_user": "IMAP_USER",
    "smtp_host": "SMTP_HOST",
}


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
    by_http = channels.slack.signing_secret and not channels.slack.app_token
    yield from _incomplete("slack", "Slack", channels.slack, SLACK_HTTP if by_http else SLACK, dev=dev)
    yield from _incomplete("sms", "SMS", channels.sms, SMS, dev=dev)
    yield from _incomplete("discord", "Discord", channels.discord, DISCORD, dev=dev)
    email = channels.email
    login = {"imap_password": "IMAP_PASSWORD"} if email.auth == "password" else {}
    yield from _incomplete("email", "E-mail", email, EMAIL | login, dev=dev)


def email_findings(config: Config) -> Iterator[Finding]:
    """Mail in plain text, and what is asked of it that it could not do."""
    email = config.channels.email
    for protocol, host, plain in (
        ("imap", email.imap_host, not email.imap_tls),
        ("smtp", email.smtp_host, email.smtp_tls == "none"),
    ):
        if host and plain and not is_loopback(host):
            keys: list[KeyPath] = [
                ("channels", "email", f"{protocol}_tls"), ("channels", "email", f"{protocol}_host")
            ]  # fmt: skip
            found, allowed = f"no TLS to {host}", "TLS, unless the server is on this machine"
            yield Finding(keys, found, allowed, f"leave {protocol}_tls out")
    if email.auth == "oauth" and email.on and not (email.oauth.client_id and _token_url(email)):
        fix = "set MAIL_OAUTH_CLIENT_ID and oauth.provider (or oauth.token_url), then run `bot mail login`"
        key: KeyPath = ("channels", "email", "oauth")
        yield Finding([key, ("channels", "email", "auth")], "half of it", "client_id and a provider", fix)
    if email.on and not (email.authserv_id or email.proof_header):
        fix = "`bot mail learn` proposes authserv_id; without it mail may chat and never approves"
        key = ("channels", "email", "authserv_id")
        found = "nothing, so no sender of a mail can be proved"
        yield Finding([key, ("channels", "email")], found, "the mail server's own name", fix, "warning")


def _token_url(email: EmailConfig) -> bool:
    return bool(email.oauth.token_url) or email.oauth.provider != "other"


AnyChannel = SlackConfig | SmsConfig | DiscordConfig | EmailConfig


def _incomplete(
    channel: str, title: str, section: AnyChannel, variables: dict[str, str], *, dev: bool
) -> Iterator[Finding]:
    given = {name for name in variables if getattr(section, name)}
    wanted = (section.enabled is True and not dev) or (section.enabled == "auto" and given)
    for name, variable in variables.items():
        if wanted and name not in given:
            others = [("channels", channel, other) for other in (*variables, "enabled") if other != name]
            why = f"{title} is on" if section.enabled is True else f"{_and(variables, given)} set"
            all_ = {1: "it", 2: "both"}.get(len(variables), "all of them")
            fix = f"set {variable}, or turn {title} off with enabled = false"
            keys: list[KeyPath] = [("channels", channel, name), *others]
            yield Finding(keys, f"nothing, but {why}", f"{all_} or none", fix)


def _and(variables: dict[str, str], given: set[str]) -> str:
    names = [variable for name, variable in variables.items() if name in given]
    return f"{' and '.join(names)} {'is' if len(names) == 1 else 'are'}"
