"""What single values cannot show: settings that contradict each other, or that a running bot misses."""

import os
from collections.abc import Iterator
from urllib.parse import urlsplit

from bot.config.credentials import credential_findings, email_findings, sms_findings
from bot.config.finding import Finding
from bot.config.rights import approval_findings, people_findings, reach_findings
from bot.config.section import KeyPath
from bot.config.settings import Config
from bot.config.tokens import token_findings
from bot.config.values import is_loopback, show_duration


def findings(config: Config, *, dev: bool, look: bool) -> Iterator[Finding]:
    """Everything that is wrong across settings, and what should be looked at (a warning)."""
    yield from token_findings(config)
    yield from _models(config)
    yield from _limits(config)
    yield from sms_findings(config, dev=dev)
    yield from email_findings(config)
    yield from people_findings(config)
    yield from approval_findings(config)
    yield from _agents(config)
    if not dev:
        yield from _public_url(config)
    if not look:
        yield from credential_findings(config, dev=dev)
        yield from reach_findings(config, dev=dev)
        yield from _job_folders(config)
        yield from _database_place(config)
    if not look and not dev:
        yield from _model_keys(config)
        yield from _operators(config)


def _models(config: Config) -> Iterator[Finding]:
    if "main" not in config.models:
        yield Finding([("models", "main")], "no model of this name", "a table [models.main]", "add it")
    for name, model in config.models.items():
        needed = config.max_context_tokens + model.max_tokens
        if needed > model.context_tokens:
            yield Finding(
                [("max_context_tokens",), ("models", name, "context_tokens"), ("models", name, "max_tokens")],
                f"{config.max_context_tokens}, with max_tokens = {model.max_tokens} of models.{name}",
                f"together at most models.{name}.context_tokens = {model.context_tokens}",
                "lower max_context_tokens or max_tokens",
            )


def _limits(config: Config) -> Iterator[Finding]:
    limits, retry = config.limits, config.model_retry
    ordered = (
        (("model_retry", "first"), retry.first, ("model_retry", "max"), retry.max),
        (("model_retry", "max"), retry.max, ("model_retry", "give_up"), retry.give_up),
        (("limits", "outbox_first"), limits.outbox_first, ("limits", "outbox_max"), limits.outbox_max),
        (("limits", "outbox_max"), limits.outbox_max, ("limits", "outbox_give_up"), limits.outbox_give_up),
    )
    for low, shorter, high, longer in ordered:
        if shorter > longer:
            yield _more_than(low, show_duration(shorter), high, show_duration(longer))
    if limits.result_clip > limits.block_clip:
        found, limit = str(limits.result_clip), str(limits.block_clip)
        yield _more_than(("limits", "result_clip"), found, ("limits", "block_clip"), limit)


def _more_than(low: KeyPath, found: str, high: KeyPath, limit: str) -> Finding:
    return Finding(
        [low, high], found, f"at most {'.'.join(high)} = {limit}", "lower the one or raise the other"
    )


def _agents(config: Config) -> Iterator[Finding]:
    for name, agent in config.agents.items():
        if agent.model not in config.models:
            allowed = ", ".join(config.models)
            yield Finding(
                [("agents", name, "model"), ("models",)], f'"{agent.model}"', allowed, "name one of these"
            )
        if agent.max_steps is not None and agent.max_steps > config.limits.max_steps:
            key = ("agents", name, "max_steps")
            yield _more_than(key, str(agent.max_steps), ("limits", "max_steps"), str(config.limits.max_steps))


def _public_url(config: Config) -> Iterator[Finding]:
    if config.web.public_url is None:
        return
    address = urlsplit(config.web.public_url)
    if address.scheme == "http" and not is_loopback(address.hostname or ""):
        fix = "put the bot behind TLS and use its https address, or remove public_url"
        yield Finding([("web", "public_url")], f'"{config.web.public_url}"', "an https address", fix)


def _database_place(config: Config) -> Iterator[Finding]:
    path = config.database.path
    allowed = "a file in a directory that exists and can be written"
    if os.path.isdir(path):  # unlike Path.is_dir it takes what it may not look at for absent
        yield Finding([("database", "url")], "the name of a directory", allowed, "name a file in it")
    elif not os.path.isdir(path.parent):
        found = f"a file in {path.parent}, which does not exist or is hidden from this user"
        yield Finding(
            [("database", "url")], found, allowed, "create the directory, or mount the disk it is on"
        )
    elif not os.access(path.parent, os.W_OK | os.X_OK):
        found = f"a file in {path.parent}, where this user may not write"
        yield Finding(
            [("database", "url")], found, allowed, "change the owner of the directory, or take another"
        )


def _job_folders(config: Config) -> Iterator[Finding]:
    for name, job in config.jobs.items():
        if not os.path.isdir(job.folder):
            found = f"{job.folder}, which does not exist or is hidden from this user"
            fix = "create it, or correct the path"
            yield Finding([("jobs", name, "directory"), ("jobs", name)], found, "a directory", fix)


def _model_keys(config: Config) -> Iterator[Finding]:
    for name, model in config.models.items():
        if model.api_key is None and model.base_url is None:
            key: KeyPath = ("models", name, "api_key")
            fix = f"set {model.api_key_env}, or base_url for an endpoint that needs no key, or use bot dev"
            yield Finding([key, ("models", name)], "nothing", "the key of the model's endpoint", fix)


def _operators(config: Config) -> Iterator[Finding]:
    if not any("operator" in person.roles and not person.demo for person in config.people):
        fix = 'add a [[people]] entry with roles = ["operator"] and an address to config.local.toml'
        allowed = "at least one operator who is not a demo person: nobody is told when something fails"
        yield Finding([("people",)], "none", allowed, fix, "warning")
