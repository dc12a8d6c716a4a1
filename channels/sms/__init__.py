"""SMS: one number at Twilio, by webhook or from its list of messages."""

from channels.sms.channel import InboundMode, SmsChannel
from channels.sms.check import check
from channels.sms.events import Inbound, Media, parse
from channels.sms.segments import segments
from channels.sms.texts import fits, render

__all__ = ["Inbound", "InboundMode", "Media", "SmsChannel", "check", "fits", "parse", "render", "segments"]
