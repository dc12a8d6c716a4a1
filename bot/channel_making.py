"""Makes the channels that are on; the SDK of one that is off is never imported."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial

from pydantic import JsonValue

from bot.config import Config, DiscordConfig, SlackConfig, SmsConfig
from bot.events import ApprovalRequested
from bot.ports import Channel
from bot.secrets import Secret
from bot.store.sqlite import SqliteStore


def make_channels(
    config: Config, store: SqliteStore, *, url: str, simulated: frozenset[str], secret: bytes
) -> list[Channel]:
    """The channels of this configuration, not running yet. A simulated provider calls us at our own `url`.

    From the `secret` the tokens are derived by which replies find their threads.
    """
    made: list[Channel] = []
    if config.channels.slack.on:
        without_zone = [
            person.addresses["slack"]
            for person in config.people
            if "slack" in person.addresses and not person.timezone and person.demo == ("slack" in simulated)
        ]
        made.append(_slack(config.channels.slack, store, without_zone))
    if config.channels.discord.on:
        made.append(_discord(config.channels.discord, store))
    if config.channels.sms.on:
        public_url = url if "sms" in simulated else config.web.public_url or ""
        made.append(_sms(config.channels.sms, store, public_url))
    if config.channels.email.on:
        from bot.mail_making import email_channel

        made.append(email_channel(config.channels.email, store, secret))
    return made


def _slack(slack: SlackConfig, store: SqliteStore, without_zone: Sequence[str]) -> Channel:
    from channels.slack import SlackChannel

    async def knows(account: str, conversation: str) -> bool:
        return await store.thread_of("slack", account, conversation) is not None

    return SlackChannel(
        bot_token=_reveal(slack.bot_token),
        app_token=_reveal(slack.app_token),
        signing_secret=_reveal(slack.signing_secret),
        api_url=slack.api_url,
        allow_bots=frozenset(slack.allow_bots),
        knows=knows,
        places=partial(store.places, "slack"),
        seconds_between_sends=slack.pace.total_seconds(),
        without_zone=without_zone,
    )


def _discord(discord: DiscordConfig, store: SqliteStore) -> Channel:
    from channels.discord import DiscordChannel

    async def knows(account: str, conversation: str) -> bool:
        return await store.thread_of("discord", account, conversation) is not None

    return DiscordChannel(
        token=_reveal(discord.bot_token),
        knows=knows,
        places=partial(store.places, "discord"),
        identified=partial(store.session_begun, "discord"),
        asked=partial(_arguments, store),
        taken=store.is_another_part,
        api_url=discord.api_url or "",
        gateway_url=discord.gateway_url or "",
        allow_bots=frozenset(discord.allow_bots),
        seconds_between_sends=discord.pace.total_seconds(),
    )


async def _arguments(store: SqliteStore, handle: str) -> Mapping[str, JsonValue] | None:
    """The arguments of the request that a button's handle belongs to; whether it is good is judged later."""
    request = await store.request(handle.partition(".")[0])
    if request is None or request.kind != "approval":
        return None
    events = await store.events_at(request.thread_id, [request.seq])
    data = events[0].data if events else None
    return data.args if isinstance(data, ApprovalRequested) else None


def _sms(sms: SmsConfig, store: SqliteStore, public_url: str) -> Channel:
    from channels.sms import SmsChannel

    inbound = sms.inbound if sms.inbound != "auto" else "webhook" if public_url else "poll"
    number = sms.number or ""

    async def since() -> datetime | None:
        return await store.last_heard("sms")

    return SmsChannel(
        account_sid=sms.account_sid or "",
        auth_token=_reveal(sms.auth_token),
        number=number,
        api_url=sms.api_url,
        public_url=public_url,
        inbound=inbound,
        pace=sms.pace.total_seconds(),
        since=since,
        taken=store.is_another_part,
    )


def _reveal(secret: Secret | None) -> str:
    return secret.reveal() if secret else ""
