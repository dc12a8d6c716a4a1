"""A stand-in for Slack: Web API, Socket Mode and signed HTTP, with people to speak for."""

from simulators.people import Person
from simulators.slack.config import Channel, SlackConfig
from simulators.slack.simulator import Said, SlackSimulator

__all__ = ["Channel", "Person", "Said", "SlackConfig", "SlackSimulator"]
