"""A stand-in for Slack: Web API, Socket Mode and signed HTTP, with people to speak for."""

from simulators.slack.config import Channel, Person, SlackConfig
from simulators.slack.simulator import Said, SlackSimulator

__all__ = ["Channel", "Person", "Said", "SlackConfig", "SlackSimulator"]
