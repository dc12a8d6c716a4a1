"""The JSON of Twilio's resources: a message, its media, and one page of messages."""

from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import format_datetime

from simulators.twilio.config import Json
from simulators.twilio.errors import DELIVERY
from simulators.twilio.state import Media, Message

API_VERSION = "2010-04-01"


def message_json(message: Message, account: str, *, num_media: int) -> Json:
    here = f"{messages_path(account)}/{message.sid}"
    code = message.error_code
    return {
        "account_sid": account,
        "api_version": API_VERSION,
        "body": message.body,
        "date_created": _date(message.created_at),
        "date_sent": None if message.sent_at is None else _date(message.sent_at),
        "date_updated": _date(message.updated_at),
        "direction": message.direction,
        "error_code": code,
        "error_message": None if code is None else DELIVERY.get(code, "Unknown error"),
        "from": message.sender,
        "messaging_service_sid": None,
        "num_media": str(num_media),
        "num_segments": str(message.segments),
        "price": None,
        "price_unit": "USD",
        "sid": message.sid,
        "status": message.status,
        "subresource_uris": {"media": f"{here}/Media.json"},
        "to": message.recipient,
        "uri": f"{here}.json",
    }


def media_json(media: Media, message: Message, account: str) -> Json:
    return {
        "account_sid": account,
        "content_type": media.content_type,
        "date_created": _date(message.created_at),
        "date_updated": _date(message.updated_at),
        "parent_sid": message.sid,
        "sid": media.sid,
        "uri": f"{media_path(media, account)}.json",
    }


def page_json(key: str, items: Sequence[Json], *, page: int, size: int, uris: dict[str, str | None]) -> Json:
    start = page * size if items else 0
    return {
        "end": start + max(len(items) - 1, 0),
        "first_page_uri": uris["first"],
        "next_page_uri": uris.get("next"),
        "page": page,
        "page_size": size,
        "previous_page_uri": uris.get("previous"),
        key: list(items),
        "start": start,
        "uri": uris["this"],
    }


def messages_path(account: str) -> str:
    return f"/{API_VERSION}/Accounts/{account}/Messages"


def media_path(media: Media, account: str) -> str:
    return f"{messages_path(account)}/{media.message_sid}/Media/{media.sid}"


def _date(at: float) -> str:
    return format_datetime(datetime.fromtimestamp(int(at), UTC))
