"""What Twilio's error numbers mean: for a message, for the number it goes to, and for the channel as a whole."""

from bot.errors import ChannelRefused, SendFailed
from channels.sms.rest import CallFailed

WORDS = {
    20003: "Twilio refuses the account or its token",
    20005: "the Twilio account is not active",
    20429: "too many requests at once",
    21211: "that is not a valid number",
    21408: "this account may not text that country",
    21606: "our number cannot text that number",
    21608: "a trial account may only text verified numbers",
    21610: "they have opted out of texts from our number",
    21611: "too many messages are queued for our number",
    21612: "there is no way from our number to that one",
    21614: "that number cannot receive texts",
    21617: "the text is too long",
    30001: "it waited in Twilio's queue for too long",
    30002: "the Twilio account is suspended",
    30003: "the phone could not be reached",
    30004: "the phone or its carrier blocked it",
    30005: "no such phone, or it is out of service",
    30006: "a landline, or a carrier that takes no texts",
    30007: "a carrier filtered it as unwanted",
    30008: "it was not delivered, and nobody says why",
    30032: "our toll-free number is not verified yet",
    30034: "our US number is not registered for A2P 10DLC",
}
UNREACHABLE = frozenset({21211, 21610, 21614})
"""After these the number takes nothing from us any more."""

TRY_AGAIN = frozenset({20429, 20500, 20503, 21611})
ACCOUNT = frozenset({20003, 20005, 20008, 20403, 30002})
"""Errors that are about us and not about the message."""


def in_words(code: int, *, else_: str = "") -> str:
    """An error number for people."""
    known = WORDS.get(code) or else_ or "Twilio gives no reason"
    return f"{known} ({code})" if code else known


def send_failed(error: CallFailed) -> SendFailed:
    """What became of a message that could not be handed to Twilio."""
    if not error.sent or _is_about_us(error) or error.status in (429, 503) or error.code in TRY_AGAIN:
        return not_sent(error)
    if error.status >= 500 and error.code:
        return not_sent(error)  # Twilio's own word that it failed, not that of something in between
    if not 400 <= error.status < 500:
        return SendFailed(str(error), kind="unknown")
    words = in_words(error.code, else_=str(error))
    return SendFailed(words, kind="final", unreachable=error.code in UNREACHABLE)


def not_sent(error: CallFailed) -> SendFailed:
    """For calls that change nothing, or changed nothing: they can be made again."""
    words = in_words(error.code, else_=str(error))
    return SendFailed(words, kind="retry", retry_after=error.retry_after)


def refusal(error: CallFailed) -> ChannelRefused | None:
    """Why Twilio will not have us, if trying again would not help."""
    if not _is_about_us(error):
        return None
    if error.status == 401:
        advice = "check TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN; both stand on the first page of its console"
    else:
        advice = "its console says why the account or its token may not do this"
    return ChannelRefused(f"Twilio refuses us ({error.code or error.status}): {advice}")


def _is_about_us(error: CallFailed) -> bool:
    if error.status not in (401, 403):
        return error.code in ACCOUNT
    return error.code not in WORDS or error.code in ACCOUNT
