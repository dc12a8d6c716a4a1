"""The SMS channel: one number at Twilio. Texts come by webhook or are read from its list; ours go out by REST."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Literal

from bot.errors import StartError
from bot.events import Outgoing
from bot.ports import Health, Part, Receive, Webhook
from channels.sms import texts
from channels.sms.events import NAME, NUMBER
from channels.sms.lists import Lists, Rhythm, Since
from channels.sms.pace import Pace
from channels.sms.posting import Posting, Taken
from channels.sms.rest import TIMEOUT, Twilio
from channels.sms.standing import Standing
from channels.sms.statuses import Ranks, callback_query
from channels.sms.webhooks import STATUS, Expected, Webhooks, is_web_address

ACCOUNT_SID = re.compile(r"AC[0-9a-f]{32}")

InboundMode = Literal["webhook", "poll"]


async def never() -> datetime | None:
    """We have not heard of anything yet."""
    return None


def utc_now() -> datetime:
    return datetime.now(UTC)


class SmsChannel:
    """One number of one Twilio account; `account` is the number."""

    name = NAME
    sends_at_once = 1

    def __init__(
        self,
        account_sid: str,
        auth_token: str,
        number: str,
        *,
        api_url: str | None = None,
        public_url: str = "",
        inbound: InboundMode = "webhook",
        since: Since = never,
        taken: Taken | None = None,
        pace: float = 1.0,
        poll_every: float = 3.0,
        poll_idle: float = 15.0,
        backfill_every: float = 3_600.0,
        timeout: float = TIMEOUT,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        """Raises StartError if it could not work safely.

        `pace` is in seconds for each segment. `since` says when anything was last heard of on this number;
        `taken` whether a sid is known already, so that a doubtful text is not taken for an older, equal one.
        """
        public_url = public_url.rstrip("/")
        _check(account_sid, auth_token, number, public_url=public_url, inbound=inbound)
        self.seconds_between_sends = pace
        self._number = number
        self._expected = Expected(public_url, account_sid, number)
        self._standing = Standing()
        self._twilio = Twilio(account_sid, auth_token, api_url=api_url, timeout=timeout)
        ranks = Ranks()
        self._lists = Lists(
            self._twilio,
            number=number,
            rhythm=Rhythm(inbound == "poll", poll_every, max(poll_every, poll_idle), backfill_every),
            since=since,
            clock=clock,
            ranks=ranks,
            standing=self._standing,
        )
        self._posting = Posting(
            self._twilio,
            number=number,
            pace=Pace(pace),
            clock=clock,
            taken=taken,
            sent=self._lists.watch,
            standing=self._standing,
        )
        self._webhooks = Webhooks(
            self._expected,
            auth_token=auth_token,
            ranks=ranks,
            heard=self._standing.heard,
            know=self._lists.know,
        )

    @property
    def account(self) -> str:
        return self._number

    @property
    def webhooks(self) -> dict[str, Webhook]:
        """What Twilio may call: nothing, if it has no address to sign."""
        return self._webhooks.handlers if self._expected.public_url else {}

    def health(self) -> Health:
        return self._standing.health()

    async def run(self, receive: Receive) -> None:
        self._standing.set("connecting")
        self._twilio.open()
        try:
            await self._lists.run(receive)
        finally:
            self._standing.set("off")
            await self._twilio.close()

    def fits(self, text: str) -> bool:
        """Whether this text goes out whole and unchanged, in one message of at most three segments."""
        return texts.fits(text)

    def render(self, outbox_id: str, outgoing: Outgoing) -> tuple[Part, ...]:
        """The one part of a message; raises SendFailed for a request that cannot be shown as it is."""
        callback = self._expected.url(STATUS, callback_query(outbox_id, 1, 1))
        body: dict[str, object] = {"from": self._number}
        if self._expected.public_url:
            body["status_callback"] = callback
        return texts.render(outbox_id, outgoing, body=body)

    async def send(self, part: Part) -> str:
        return await self._posting.send(part)

    async def find(self, part: Part) -> str | None:
        return await self._posting.find(part)

    async def show_status(self, destination: str, text: str) -> None:
        """A phone has no place to show it."""


def _check(account_sid: str, auth_token: str, number: str, *, public_url: str, inbound: InboundMode) -> None:
    if not ACCOUNT_SID.fullmatch(account_sid):
        raise StartError(
            "channels.sms: TWILIO_ACCOUNT_SID is not an account's: AC and 32 digits or letters a to f, "
            "from the first page of Twilio's console"
        )
    if not auth_token.strip():
        raise StartError(
            "channels.sms: TWILIO_AUTH_TOKEN is missing. Without it nobody could tell Twilio's calls from "
            "forged ones, so the channel does not start; copy it from the first page of Twilio's console"
        )
    if not NUMBER.fullmatch(number):
        raise StartError(
            "channels.sms: TWILIO_FROM must be a number of yours in the international form, such as +15550100000"
        )
    if public_url and not is_web_address(public_url):
        raise StartError("PUBLIC_URL must be a web address such as https://bot.example.org, without ? and #")
    if inbound == "webhook" and not public_url:
        raise StartError(
            "channels.sms: PUBLIC_URL is missing. Twilio signs the address that it calls, so we must know it: "
            'set PUBLIC_URL, or channels.sms.inbound = "poll" where nobody can call this machine'
        )
