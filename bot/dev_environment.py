"""What `bot dev` tells its two children: which providers are simulated, who lives there, and where they are."""

from collections.abc import Mapping

from bot.config import Config, Person


def simulated_parts(config: Config) -> frozenset[str]:
    """Which providers have no credentials, so that a simulator plays them."""
    channels, main = config.channels, config.models["main"]
    states = {
        "slack": (channels.slack.on, channels.slack.enabled),
        "discord": (channels.discord.on, channels.discord.enabled),
        "sms": (channels.sms.on, channels.sms.enabled),
        "email": (channels.email.on, channels.email.enabled),
    }
    parts = {name for name, (on, enabled) in states.items() if not on and enabled is not False}
    if main.api_key is None and main.base_url is None:
        parts.add("model")
    return frozenset(parts)


def simulated_people(config: Config) -> list[dict[str, str]]:
    """The demo people as the simulators take them."""
    return [_person(person, config.timezone) for person in config.people if person.demo and person.addresses]


def _person(person: Person, timezone: str) -> dict[str, str]:
    found = {"name": person.name, "tz": person.timezone or timezone}
    if "slack" in person.addresses:
        found["slack_user_id"] = person.addresses["slack"].rpartition("/")[2]
    return found | {
        channel: person.addresses[channel]
        for channel in ("sms", "email", "discord")
        if channel in person.addresses
    }


def simulated_environment(simulated: frozenset[str], addresses: Mapping[str, str]) -> dict[str, str]:
    """The variables by which the bot finds what is simulated, as it would find the real providers."""
    found: dict[str, str] = {}
    if simulated:
        found["SIM_URL"] = addresses["sim_url"]
    for part in sorted(simulated):
        found |= _ENVIRONMENT[part](addresses)
    return found


def _slack(addresses: Mapping[str, str]) -> dict[str, str]:
    return {
        "SLACK_BOT_TOKEN": "xoxb-demo",
        "SLACK_APP_TOKEN": "xapp-demo",
        "SLACK_API_URL": addresses["slack_api_url"],
    }


def _discord(addresses: Mapping[str, str]) -> dict[str, str]:
    return {
        "DISCORD_BOT_TOKEN": addresses["discord_bot_token"],
        "DISCORD_API_URL": addresses["discord_api_url"],
        "DISCORD_GATEWAY_URL": addresses["discord_gateway_url"],
    }


def _sms(addresses: Mapping[str, str]) -> dict[str, str]:
    return {
        "TWILIO_ACCOUNT_SID": addresses["twilio_account_sid"],
        "TWILIO_AUTH_TOKEN": addresses["twilio_auth_token"],
        "TWILIO_FROM": addresses["twilio_from"],
        "TWILIO_API_URL": addresses["twilio_api_url"],
    }


def _email(addresses: Mapping[str, str]) -> dict[str, str]:
    return {
        "MAIL_FROM": addresses["email_address"],
        "IMAP_HOST": addresses["email_imap_host"],
        "IMAP_PORT": str(addresses["email_imap_port"]),
        "IMAP_TLS": "false",
        "IMAP_USER": addresses["email_user"],
        "IMAP_PASSWORD": addresses["email_password"],
        "SMTP_HOST": addresses["email_smtp_host"],
        "SMTP_PORT": str(addresses["email_smtp_port"]),
        "SMTP_TLS": "false",
        "MAIL_AUTHSERV_ID": addresses["email_authserv_id"],
        "MAIL_PLUS_ADDRESSING": "true",
    }


def _model(addresses: Mapping[str, str]) -> dict[str, str]:
    return {"ANTHROPIC_API_KEY": "sk-demo", "ANTHROPIC_BASE_URL": addresses["messages_url"]}


_ENVIRONMENT = {"slack": _slack, "discord": _discord, "sms": _sms, "email": _email, "model": _model}
