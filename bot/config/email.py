"""The settings of e-mail: the mailbox that is read, the server that mail leaves through, and what proves a sender."""

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from bot.config.section import Section
from bot.config.values import HostName, HttpUrl, Lasting, Line, Mailbox, Strangers, Switch, Whole, matching
from bot.secrets import Secret

MINUTE = timedelta(minutes=1)
Port = Annotated[int, Whole(1, 65535)]
HeaderName = Annotated[
    str, AfterValidator(matching(r"[A-Za-z0-9-]{1,60}", "the name of a header, such as X-Verified"))
]


def _smtp_tls(value: object) -> object:
    """SMTP_TLS is true or false in the environment of many; STARTTLS has a name of its own."""
    text = str(value).strip().lower()
    return {"true": "implicit", "1": "implicit", "false": "none", "0": "none"}.get(text, text)


SmtpTls = Annotated[Literal["implicit", "starttls", "none"], BeforeValidator(_smtp_tls)]


class OAuthConfig(Section):
    """Where tokens come from, when the mail servers take no passwords."""

    provider: Literal["google", "microsoft", "other"] = "other"
    grant: Literal["refresh_token", "client_credentials"] = "refresh_token"
    client_id: Line | None = None
    client_secret: Secret | None = None
    token_url: Annotated[str, HttpUrl()] | None = None
    device_url: Annotated[str, HttpUrl()] | None = None
    auth_url: Annotated[str, HttpUrl()] | None = None
    scope: Line | None = None


class EmailConfig(Section):
    """One mailbox. `on` when its servers, its address and a way to log in are set."""

    enabled: Switch = "auto"
    address: Mailbox | None = None
    name: Line = "Saywhen"
    imap_host: HostName | None = None
    imap_port: Port = 993
    imap_tls: bool = True
    imap_user: Line | None = None
    imap_password: Secret | None = None
    smtp_host: HostName | None = None
    smtp_port: Port = 465
    smtp_tls: SmtpTls = "implicit"
    smtp_user: Line | None = None
    smtp_password: Secret | None = None
    ca_file: Line | None = None
    auth: Literal["password", "oauth"] = "password"
    oauth: OAuthConfig = Field(default_factory=OAuthConfig)
    mailbox: Line = "INBOX"
    mark: Literal["keyword", "seen", "none"] = "keyword"
    move_to: Line | None = None
    sent_mailbox: Line | None = None
    authserv_id: HostName | None = None
    proof_header: HeaderName | None = None
    proof_value: Line | None = None
    plus_addressing: bool = False
    reply_all: bool = False
    strangers: Strangers = "chat"
    drafts: Literal["never", "outsiders"] = "never"
    contact: Line | None = None
    approves: Literal["low", "medium", "high"] = "high"
    largest: Annotated[int, Whole(10_000, 200_000_000)] = 26_214_400
    replies_per_hour: Annotated[int, Whole(1, 10_000)] = 20
    mails_per_day: Annotated[int, Whole(1, 100_000)] = 100
    poll: Annotated[timedelta, Lasting(low=timedelta(milliseconds=100), high=5 * MINUTE)] = MINUTE
    pace: Annotated[timedelta, Lasting(low=timedelta(0), high=MINUTE)] = timedelta(seconds=1)

    @property
    def on(self) -> bool:
        """Will `bot run` read and send mail?"""
        given = bool(
            self.address and self.imap_host and self.imap_user and self.smtp_host and self.can_log_in
        )
        return given if self.enabled == "auto" else self.enabled

    @property
    def can_log_in(self) -> bool:
        return bool(self.imap_password) if self.auth == "password" else bool(self.oauth.client_id)
