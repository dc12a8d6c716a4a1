"""`bot doctor` asks Twilio whether it knows us."""

from channels.sms import check
from simulators.twilio import TwilioSimulator
from simulators.twilio.config import ACCOUNT_SID, AUTH_TOKEN, NUMBER


async def test_an_account_that_twilio_knows_is_well() -> None:
    async with TwilioSimulator() as twilio:
        found = await check(
            account_sid=ACCOUNT_SID, auth_token=AUTH_TOKEN, number=NUMBER, api_url=twilio.api_url
        )

    assert found == ""


async def test_a_wrong_token_is_said_in_words() -> None:
    async with TwilioSimulator() as twilio:
        found = await check(
            account_sid=ACCOUNT_SID, auth_token="wrong", number=NUMBER, api_url=twilio.api_url
        )

    assert "Twilio refuses the account or its token (20003)" in found
