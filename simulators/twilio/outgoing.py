"""What an app asks Twilio to send, and why Twilio would refuse."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from simulators.twilio.errors import TwilioError
from simulators.twilio.numbers import is_number
from simulators.twilio.segments import LONGEST_BODY


@dataclass(frozen=True)
class Outgoing:
    to: str
    from_: str
    body: str
    media_urls: tuple[str, ...] = ()
    callback: str = ""


def check(outgoing: Outgoing, *, ours: str, opted_out: bool) -> None:
    """Raise what Twilio would answer to this."""
    if not outgoing.to:
        raise TwilioError(21604)
    if not outgoing.from_:
        raise TwilioError(21603)
    if not outgoing.body and not outgoing.media_urls:
        raise TwilioError(21602)
    if not is_number(outgoing.to):
        raise TwilioError(21211, outgoing.to)
    if outgoing.from_ != ours:
        raise TwilioError(21606, outgoing.from_)
    if outgoing.to == ours:
        raise TwilioError(21266, outgoing.to)
    if len(outgoing.body) > LONGEST_BODY:
        raise TwilioError(21617)
    if outgoing.callback and not is_web_address(outgoing.callback):
        raise TwilioError(21609, outgoing.callback)
    if opted_out:
        raise TwilioError(21610)


def is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
