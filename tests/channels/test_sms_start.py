"""A channel that could not tell Twilio's calls from others does not start."""

import pytest

from bot.errors import StartError
from bot.ports import Channel
from channels.sms import SmsChannel
from simulators.twilio import NUMBER
from tests.channels.sms_kit import channel_to


def test_it_is_a_channel_and_knows_its_number_at_once():
    channel: Channel = channel_to()

    assert (channel.name, channel.account) == ("sms", NUMBER)
    assert set(channel_to().webhooks) == {"twilio/sms", "twilio/status"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"auth_token": ""}, "TWILIO_AUTH_TOKEN is missing"),
        ({"auth_token": "  "}, "TWILIO_AUTH_TOKEN is missing"),
        ({"auth_token": "", "inbound": "poll"}, "TWILIO_AUTH_TOKEN is missing"),
        ({"public_url": ""}, 'inbound = "poll"'),
        ({"public_url": "bot.example.org"}, "PUBLIC_URL must be"),
        ({"public_url": "https://bot.example.org/?a=1"}, "PUBLIC_URL must be"),
        ({"public_url": "https://bot.example.org#rc=5"}, "PUBLIC_URL must be"),
        ({"public_url": "https://bot.example.org:port"}, "PUBLIC_URL must be"),
        ({"public_url": "ftp://bot.example.org", "inbound": "poll"}, "PUBLIC_URL must be"),
        ({"account_sid": "SK" + "0" * 32}, "TWILIO_ACCOUNT_SID"),
        ({"account_sid": ""}, "TWILIO_ACCOUNT_SID"),
        ({"number": "15550100000"}, "TWILIO_FROM"),
        ({"number": "Saywhen"}, "TWILIO_FROM"),
        ({"number": ""}, "TWILIO_FROM"),
    ],
)
def test_it_refuses_to_start_and_says_how_to_go_on(changes: dict[str, str], words: str):
    with pytest.raises(StartError, match=words):
        channel_to(**changes)


def test_without_an_address_to_sign_there_is_nothing_to_call():
    assert channel_to(public_url="", inbound="poll").webhooks == {}
    assert set(channel_to(inbound="poll").webhooks) == {"twilio/sms", "twilio/status"}


def test_the_token_is_not_shown():
    channel: SmsChannel = channel_to(auth_token="very-secret")

    assert "very-secret" not in repr(vars(channel))
