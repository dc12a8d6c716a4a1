"""Asks Twilio whether it knows us, for `bot doctor`."""

from channels.sms.failures import in_words
from channels.sms.rest import CallFailed, Twilio


async def check(*, account_sid: str, auth_token: str, number: str, api_url: str | None = None) -> str:
    """Why Twilio does not let this account read the texts of this number; "" if it does."""
    twilio = Twilio(account_sid, auth_token, api_url=api_url)
    try:
        await twilio.messages(to=number, limit=1)
    except CallFailed as error:
        return in_words(error.code, else_=str(error))
    finally:
        await twilio.close()
    return ""
