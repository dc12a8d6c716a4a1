"""Makes the parts of the e-mail channel of its settings; for the bot, and for commands that try a mailbox."""

from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from bot.codes import reply_token
from bot.config import EmailConfig
from bot.ports import Channel
from bot.secrets import Secret
from bot.store.mail import MailShelf
from bot.store.sqlite import SqliteStore
from channels.email.channel import Account, EmailChannel
from channels.email.imap import Server
from channels.email.letters import House
from channels.email.mail import Mailbox
from channels.email.mailbox import Rhythm, Rules
from channels.email.proof import ProofRule
from channels.email.reception import Caps
from channels.email.smtp import Smtp

if TYPE_CHECKING:
    from channels.email.oauth import App, Tokens


def email_channel(email: EmailConfig, store: SqliteStore, secret: bytes) -> Channel:
    """The channel, not running yet. From the `secret` the tokens are derived by which replies find their threads."""
    address = email.address or ""
    tokens = tokens_of(email, store.mail)
    return EmailChannel(
        account_of(email, tokens),
        house=House(
            Mailbox(address, email.name),
            plus=email.plus_addressing,
            reply_all=email.reply_all,
            contact=email.contact or "",
        ),
        smtp=smtp_of(email, tokens),
        shelf=store.mail,
        post=store,
        token=partial(reply_token, secret),
        proof=ProofRule(email.authserv_id or "", email.proof_header or "", email.proof_value or ""),
        rules=Rules(email.mailbox, email.mark, email.move_to or "", email.largest),
        caps=Caps(email.replies_per_hour, email.mails_per_day),
        sent_mailbox=email.sent_mailbox or "",
        rhythm=Rhythm(idle=email.poll.total_seconds()),
        pace=email.pace.total_seconds(),
    )


def account_of(email: EmailConfig, tokens: "Tokens | None" = None) -> Account:
    """The mailbox that is read."""
    return Account(
        email.address or "",
        Server(email.imap_host or "", email.imap_port, tls=email.imap_tls, ca_file=email.ca_file or ""),
        user=email.imap_user or email.address or "",
        password=_reveal(email.imap_password),
        token=tokens.access if tokens else None,
    )


def smtp_of(email: EmailConfig, tokens: "Tokens | None" = None) -> Smtp:
    """The server that mail leaves through. With tokens, the user who reads is the one who sends."""
    return Smtp(
        email.smtp_host or "",
        email.smtp_port,
        security=email.smtp_tls,
        user=email.smtp_user or (email.imap_user or "" if tokens else ""),
        password=_reveal(email.smtp_password),
        token=tokens.access if tokens else None,
        ca_file=email.ca_file or "",
    )


def app_of(email: EmailConfig) -> "App":
    """The program as the provider of tokens knows it."""
    from channels.email.oauth import App  # brings an HTTP client, which passwords do not need

    oauth = email.oauth
    return App.of(
        oauth.provider,
        oauth.client_id or "",
        client_secret=_reveal(oauth.client_secret),
        grant=oauth.grant,
        token_url=oauth.token_url or "",
        auth_url=oauth.auth_url or "",
        device_url=oauth.device_url or "",
        scope=oauth.scope or "",
    )


def tokens_of(email: EmailConfig, shelf: MailShelf) -> "Tokens | None":
    """Access tokens, where they stand in for the password."""
    if email.auth == "password":
        return None
    from channels.email.oauth import Tokens

    return Tokens(email.address or "", app_of(email), shelf=shelf, clock=partial(datetime.now, UTC))


def _reveal(secret: Secret | None) -> str:
    return secret.reveal() if secret else ""
