"""Twilio's calls to us: a text that came in, and what became of one that went out.

Nothing is believed before the signature fits, and nothing is acknowledged before it is stored.
"""

import logging
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from bot.errors import NoSuchThread, SaywhenError
from bot.ports import Receive, Webhook, WebhookAnswer, WebhookRequest
from channels.sms.events import SID, Inbound, Media, parse
from channels.sms.lists import tell
from channels.sms.signature import Form, Signature, claimed_address
from channels.sms.statuses import Ranks, Status, origin

SMS, STATUS = "twilio/sms", "twilio/status"
FORM = "application/x-www-form-urlencoded"
LARGEST = 64 * 1024
MOST_FIELDS = 200
MOST_MEDIA = 10
MEDIA_PATH = re.compile(
    r"/2010-04-01/Accounts/AC[0-9a-f]{32}/Messages/[A-Z]{2}[0-9a-f]{32}/Media/ME[0-9a-f]{32}"
)
DONE = WebhookAnswer(200, "<Response/>", "text/xml")
"""TwiML that says nothing: answers go out through the outbox."""

log = logging.getLogger(__name__)


class BadRequest(SaywhenError):
    """This is not a call of Twilio's for us."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Expected:
    """What a call has to name: our address, our account, our number."""

    public_url: str
    account_sid: str
    number: str

    def url(self, webhook: str, query: str = "") -> str:
        return f"{self.public_url}/webhooks/{webhook}" + (f"?{query}" if query else "")


class Webhooks:
    def __init__(
        self,
        expected: Expected,
        *,
        auth_token: str,
        ranks: Ranks,
        heard: Callable[[], None],
        know: Callable[[str], None],
    ) -> None:
        self._expected = expected
        self._signature = Signature(auth_token)
        self._ranks = ranks
        self._heard = heard
        self._know = know

    @property
    def handlers(self) -> dict[str, Webhook]:
        return {SMS: self.sms, STATUS: self.status}

    async def sms(self, request: WebhookRequest, receive: Receive) -> WebhookAnswer:
        """A text to our number."""
        return await self._answer(SMS, request, lambda form: self._take_text(form, request.body, receive))

    async def status(self, request: WebhookRequest, receive: Receive) -> WebhookAnswer:
        """What became of a text of ours."""
        return await self._answer(
            STATUS, request, lambda form: self._take_status(form, request.query, receive)
        )

    async def _answer(
        self, webhook: str, request: WebhookRequest, take: Callable[[Form], Awaitable[None]]
    ) -> WebhookAnswer:
        try:
            form = read(request)
            self._check(webhook, request, form)
            self._heard()
            await take(form)
        except BadRequest as error:
            return WebhookAnswer(error.status, str(error))
        except SaywhenError as error:
            log.warning("SMS: not stored, so Twilio is asked to send it again: %s", error)
            return WebhookAnswer(503, "not stored; send it again")
        return DONE

    def _check(self, webhook: str, request: WebhookRequest, form: Form) -> None:
        url = self._expected.url(webhook, request.query)
        if not self._signature.fits(url, form, request.headers.get("x-twilio-signature", "")):
            log.warning(
                "SMS: refused a call whose signature does not fit %s; it came as %s. If it is Twilio's: "
                "the webhook there must be exactly this address, and TWILIO_AUTH_TOKEN this account's token",
                ascii(url[:500]), claimed_address(request.headers, request.path),
            )  # fmt: skip
            raise BadRequest(403, "the signature does not fit")
        if one(form, "AccountSid") != self._expected.account_sid:
            log.warning("SMS: refused a call for another Twilio account")
            raise BadRequest(403, "this is another account's")

    async def _take_text(self, form: Form, raw: bytes, receive: Receive) -> None:
        if one(form, "To") != self._expected.number:
            log.warning("SMS: refused a text to another number than %s (TWILIO_FROM)", self._expected.number)
            raise BadRequest(403, "this is not for our number")
        inbound = _inbound(form, raw)
        inputs = parse(inbound, our=self._expected.number)
        if not inputs:
            log.info("SMS: nothing to store of %s", inbound.sid)
        for incoming in inputs:
            await receive(incoming)
        self._know(inbound.sid)

    async def _take_status(self, form: Form, query: str, receive: Receive) -> None:
        if one(form, "From") != self._expected.number:
            raise BadRequest(403, "this is not from our number")
        of = origin(parse_qsl(query, keep_blank_values=True))
        name = one(form, "MessageStatus") or one(form, "SmsStatus")
        code = one(form, "ErrorCode")
        status = Status(
            _sid(form), name, int(code) if code.isascii() and code.isdigit() and len(code) < 10 else 0
        )
        if of is None:
            log.info("SMS: %s is %s, but it is no message of ours", status.sid, ascii(name[:40]))
            return
        try:
            await tell(receive, status, of, self._ranks)
        except NoSuchThread:
            log.info("SMS: %s is %s, but its thread is gone", status.sid, name)


# ---------------------------------------------------------------- what a call looks like


def read(request: WebhookRequest) -> Form:
    """The fields of a form, in order, blank and repeated ones too; raises BadRequest for anything else."""
    if request.method != "POST":
        raise BadRequest(405, "Twilio posts")
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        raise BadRequest(415, "Twilio posts forms")
    if len(request.body) > LARGEST:
        raise BadRequest(413, "that is too much")
    try:
        return parse_qsl(
            request.body.decode(),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=MOST_FIELDS,
        )
    except ValueError as error:
        raise BadRequest(400, "this is not a form in UTF-8") from error


def one(form: Form, name: str) -> str:
    """The value of a field, "" if there is none; two that differ are nobody's."""
    values = {value for key, value in form if key == name}
    if len(values) > 1:
        raise BadRequest(400, f"there is more than one {name}")
    return next(iter(values), "")


def _sid(form: Form) -> str:
    sid = one(form, "MessageSid")
    if not SID.fullmatch(sid):
        raise BadRequest(400, "there is no MessageSid")
    return sid


def _inbound(form: Form, raw: bytes) -> Inbound:
    count = one(form, "NumMedia")
    many = min(int(count), MOST_MEDIA) if count.isascii() and count.isdigit() and len(count) < 4 else 0
    return Inbound(
        sid=_sid(form),
        sender=one(form, "From"),
        text=one(form, "Body"),
        media=tuple(_media(form, number) for number in range(many)),
        opt_out=one(form, "OptOutType"),
        raw=raw,
    )


def _media(form: Form, number: int) -> Media:
    found = MEDIA_PATH.search(one(form, f"MediaUrl{number}"))
    return Media(found[0] if found else "", one(form, f"MediaContentType{number}"))


def is_web_address(url: str) -> bool:
    """Whether this can be the public address: http or https, a host, and nothing behind the path."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and not (parts.query or parts.fragment)
