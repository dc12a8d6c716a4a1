"""`bot mail login` and `bot mail learn`: how a mailbox is set up that takes no passwords, or whose people decide."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.given import AsJson, place_of

if TYPE_CHECKING:
    from datetime import datetime

    from bot.cli.place import Place
    from bot.config import EmailConfig
    from channels.email.learning import Proposal
    from channels.email.oauth import Tokens


def login(context: typer.Context, as_json: AsJson = False) -> None:
    """Let the bot into a mailbox whose provider takes no passwords (channels.email.auth = "oauth").

    Says which page to open, waits, and keeps the tokens in the database. Once, while no bot runs.

    ```
    bot mail login
    ```
    """
    from bot.cli.output import print_json, say

    place = place_of(context)
    email = place.config.channels.email
    until = asyncio.run(_log_in(place, email))
    if as_json:
        print_json({"address": email.address, "expires_at": until})
        return
    say(f"the bot may read and send mail as {email.address}; its tokens are kept and renewed from now on")


async def _log_in(place: "Place", email: "EmailConfig") -> "datetime":
    from datetime import UTC, datetime

    from bot.cli.output import note
    from bot.cli.own_store import own_store
    from bot.errors import StartError
    from bot.mail_making import app_of
    from channels.email.oauth import keep
    from channels.email.oauth_login import log_in

    address = _address(email)
    if email.auth != "oauth":
        raise StartError('channels.email.auth is "password"; there is nothing to log in to')
    if email.oauth.grant != "refresh_token":
        raise StartError("with client credentials no person has to log in; the bot gets its tokens itself")
    if not email.oauth.client_id:
        raise StartError(
            "channels.email.oauth.client_id is not set: register the bot with the provider first"
        )
    async with own_store(place) as store:
        granted = await log_in(app_of(email), address, say=note, random=os.urandom)
        if not granted.refresh_token:
            raise StartError(
                "the provider gave no refresh token: channels.email.oauth.scope must ask for one"
            )
        await keep(store.mail, address, granted, datetime.now(UTC))
        kept = await store.mail.tokens(address)
        assert kept is not None
        return kept.expires_at


def learn(
    context: typer.Context,
    wait: Annotated[float, typer.Option(min=1, metavar="SECONDS", help="How long a mail may take.")] = 120,
    as_json: AsJson = False,
) -> None:
    """Mail the bot itself, and propose what proves a sender here (authserv_id, or proof_header).

    Nothing is changed. Ends with 1 if there is nothing safe to propose.

    ```
    bot mail learn
    ```
    """
    from bot.cli.output import print_json, say

    place = place_of(context)
    proposal = asyncio.run(_learn(place, place.config.channels.email, wait))
    rule = proposal.rule
    settings = {
        "authserv_id": rule.authserv_id,
        "proof_header": rule.header,
        "proof_value": rule.header_value,
    }
    if as_json:
        print_json({"safe": proposal.safe, **settings, "explanation": list(proposal.explanation)})
    else:
        for line in proposal.explanation:
            say(line)
        if proposal.safe:
            say("\n[channels.email]")
            for name, value in settings.items():
                if value:
                    say(f'{name} = "{value}"')
    if not proposal.safe:
        raise typer.Exit(1)


async def _learn(place: "Place", email: "EmailConfig", wait: float) -> "Proposal":
    from bot.cli.output import note
    from bot.mail_making import account_of, smtp_of
    from channels.email.round_trip import RoundTrip, learn_by_mail

    address = _address(email)
    async with _tokens(place, email) as tokens:
        account, smtp = account_of(email, tokens), smtp_of(email, tokens)
        imap = await account.connect(email.largest)
        try:
            opened = await imap.select(email.mailbox)
            trip = RoundTrip(address, imap=imap, opened=opened, smtp=smtp, patience=wait, random=os.urandom)
            return await learn_by_mail(trip, say=note)
        finally:
            imap.close()


@asynccontextmanager
async def _tokens(place: "Place", email: "EmailConfig") -> "AsyncIterator[Tokens | None]":
    """Access tokens if passwords are not taken; then no bot may run, which renews them itself."""
    from bot.cli.own_store import own_store
    from bot.mail_making import tokens_of

    if email.auth == "password":
        yield None
        return
    async with own_store(place) as store:
        yield tokens_of(email, store.mail)


def _address(email: "EmailConfig") -> str:
    from bot.errors import StartError

    if not (email.address and email.imap_host and email.smtp_host):
        raise StartError("e-mail is not set up: set MAIL_FROM, IMAP_HOST and SMTP_HOST (docs/email.md)")
    return email.address
