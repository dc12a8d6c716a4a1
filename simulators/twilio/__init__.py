"""A stand-in for Twilio's SMS: REST API, signed webhooks, and phones to text from."""

from simulators.twilio.config import ACCOUNT_SID, AUTH_TOKEN, NUMBER, TwilioConfig
from simulators.twilio.simulator import TwilioSimulator

__all__ = ["ACCOUNT_SID", "AUTH_TOKEN", "NUMBER", "TwilioConfig", "TwilioSimulator"]
