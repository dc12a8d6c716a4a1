"""Slack: DMs, mentions and threads, over Socket Mode."""

from channels.slack.channel import SlackChannel
from channels.slack.doctor import Finding, check
from channels.slack.events import Arrival, Identity, parse
from channels.slack.manifest import manifest, needed_scopes
from channels.slack.parts import render

__all__ = [
    "Arrival",
    "Finding",
    "Identity",
    "SlackChannel",
    "check",
    "manifest",
    "needed_scopes",
    "parse",
    "render",
]
