"""Goes through everything, in the order in which the bot needs it."""

import os
from collections.abc import Sequence
from pathlib import Path

from bot.cli.doctor import database, machine, providers
from bot.cli.doctor.checks import Check, Status, fail, note, ok, warn
from bot.cli.place import Place, choose
from bot.config import Config, ConfigError, load
from bot.dev_environment import simulated_parts

SERIOUS: tuple[Status, ...] = ("fail", "warn", "note", "ok")


async def examine(root: Path, *, dev: bool, offline: bool) -> list[Check]:
    """All checks of this folder; what rests on settings that are wrong is left out."""
    try:
        place = Place(load(root=root, environ=os.environ, dev=True, look=True), True) if dev else choose(root)
    except ConfigError as error:
        return _problems(error)
    config = place.config
    found = [
        *_settings(root, dev=place.dev),
        *await database.checks(place),
        *machine.checks(place, os.environ),
        *await machine.web(place),
    ]
    if offline:
        return [*found, note("providers", "not asked (--offline)")]
    simulated = simulated_parts(config) if place.dev else frozenset()
    return [
        *found,
        *await _slack(config, simulated),
        *await _discord(config, simulated),
        *await _sms(config, simulated),
        *await _email(config, simulated),
        *await _models(config, simulated),
        *await providers.clock(config, simulated),
    ]


def worst(found: Sequence[Check]) -> Status:
    """The most serious status among these."""
    return next((status for status in SERIOUS if any(each.status == status for each in found)), "ok")


def _settings(root: Path, *, dev: bool) -> list[Check]:
    """The settings as a bot that starts would look at them."""
    try:
        config = load(root=root, environ=os.environ, dev=dev)
    except ConfigError as error:
        return _problems(error)
    warnings = [
        warn("settings", f"{each.where}: {each.key}: {each.found}", each.fix) for each in config.warnings
    ]
    how = "bot dev" if dev else "bot run"
    return [ok("settings", f"{config.root / 'config.toml'} is fit for `{how}`"), *warnings]


def _problems(error: ConfigError) -> list[Check]:
    return [
        fail("settings", f"{each.where}: {each.key}: found {each.found}; allowed: {each.allowed}", each.fix)
        for each in error.problems
    ]


async def _sms(config: Config, simulated: frozenset[str]) -> list[Check]:
    if "sms" in simulated:
        return [note("SMS", "played by a simulator")]
    if not config.channels.sms.on:
        return [note("SMS", "off: set TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN and TWILIO_FROM (docs/sms.md)")]
    return await providers.sms(config)


async def _discord(config: Config, simulated: frozenset[str]) -> list[Check]:
    if "discord" in simulated:
        return [note("Discord", "played by its simulator: no DISCORD_BOT_TOKEN")]
    if not config.channels.discord.on:
        return [note("Discord", "off: set DISCORD_BOT_TOKEN (docs/discord.md)")]
    return await providers.discord(config)


async def _email(config: Config, simulated: frozenset[str]) -> list[Check]:
    if "email" in simulated:
        return [note("e-mail", "played by a simulator")]
    if not config.channels.email.on:
        return [
            note(
                "e-mail", "off: set MAIL_FROM, IMAP_HOST, IMAP_USER, IMAP_PASSWORD, SMTP_HOST (docs/email.md)"
            )
        ]
    return await providers.email(config)


async def _slack(config: Config, simulated: frozenset[str]) -> list[Check]:
    if "slack" in simulated:
        return [note("Slack", "played by its simulator: no SLACK_BOT_TOKEN and SLACK_APP_TOKEN")]
    if not config.channels.slack.on:
        return [note("Slack", "off: set SLACK_BOT_TOKEN and SLACK_APP_TOKEN (`bot slack manifest`)")]
    return await providers.slack(config)


async def _models(config: Config, simulated: frozenset[str]) -> list[Check]:
    if "model" in simulated:
        return [note("model", "played by the demo brain: no ANTHROPIC_API_KEY")]
    return [await providers.model(name, each, config) for name, each in config.models.items()]
