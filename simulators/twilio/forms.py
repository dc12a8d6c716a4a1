"""The forms that Twilio posts to an app: a message that came in, a message whose status changed."""

from simulators.twilio.config import Json
from simulators.twilio.keywords import OptOutType
from simulators.twilio.numbers import country
from simulators.twilio.resources import API_VERSION
from simulators.twilio.signature import Form
from simulators.twilio.state import Media, Message


def message_form(
    message: Message, account: str, *, media: tuple[tuple[str, Media], ...], opt_out: OptOutType | None
) -> Form:
    """`media` are pairs of an address and what is there."""
    fields: Json = {
        "ToCountry": country(message.recipient),
        "ToState": "",
        "SmsMessageSid": message.sid,
        "NumMedia": str(len(media)),
        "ToCity": "",
        "FromZip": "",
        "SmsSid": message.sid,
        "FromState": "",
        "SmsStatus": message.status,
        "FromCity": "",
        "Body": message.body,
        "FromCountry": country(message.sender),
        "To": message.recipient,
        "ToZip": "",
        "NumSegments": str(message.segments),
        "MessageSid": message.sid,
        "AccountSid": account,
        "From": message.sender,
        "ApiVersion": API_VERSION,
    }
    for index, (url, each) in enumerate(media):
        fields |= {f"MediaContentType{index}": each.content_type, f"MediaUrl{index}": url}
    if opt_out is not None:
        fields["OptOutType"] = opt_out
    return tuple(fields.items())


def status_form(message: Message, status: str, account: str) -> Form:
    fields: Json = {
        "SmsSid": message.sid,
        "SmsStatus": status,
        "MessageStatus": status,
        "To": message.recipient,
        "MessageSid": message.sid,
        "AccountSid": account,
        "From": message.sender,
        "ApiVersion": API_VERSION,
    }
    if status in ("undelivered", "failed") and message.error_code is not None:
        fields["ErrorCode"] = str(message.error_code)
    return tuple(fields.items())
