"""SMS: one number at Twilio, by webhook or from its list of messages."""

from channels.sms.channel import InboundMode, SmsChannel
from channels.sms.events import Inbound, Media, parse
from channels.sms.segments import segments
from channels.sms.texts import fits, render

__all__ = ["Inbound", "InboundMode", "Media", "SmsChannel", "fits", "parse", "render", "segments"]
