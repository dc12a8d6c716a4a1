"""All simulators in one process on one port: /slack/api/, /slack/link/, /twilio, /discord, /anthropic, /sim.

Mail has two ports of its own, for IMAP and SMTP.
"""

import argparse
import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from aiohttp import web

from simulators import messages, page
from simulators.discord.config import API, BOT_TOKEN, GATEWAY, DiscordConfig
from simulators.discord.pane import discord_pane
from simulators.discord.simulator import DiscordSimulator
from simulators.guard import guard
from simulators.mail.config import MailConfig
from simulators.mail.pane import mail_pane
from simulators.mail.simulator import MailSimulator
from simulators.mail.tls import TlsError
from simulators.people import DEMO_PEOPLE, Person, on_discord, on_slack, parse_people, with_email, with_phone
from simulators.slack.config import SlackConfig
from simulators.slack.pane import slack_pane
from simulators.slack.simulator import SlackSimulator, utc_now
from simulators.twilio.config import ACCOUNT_SID, AUTH_TOKEN, NUMBER, TwilioConfig
from simulators.twilio.outgoing import is_web_address
from simulators.twilio.pane import sms_pane
from simulators.twilio.simulator import TwilioSimulator

LARGEST_REQUEST = 64 << 20
PARENT_POLL_SECONDS = 0.5
SHUTDOWN_SECONDS = 1.0


@dataclass(frozen=True)
class Options:
    state: Path | None = None
    host: str = "127.0.0.1"
    port: int = 0
    people: tuple[Person, ...] = DEMO_PEOPLE
    allowed_hosts: tuple[str, ...] = ()
    parent: int | None = None
    time_scale: float = 1.0
    sms_webhook: str | None = None
    email_tls: bool = False


async def serve(options: Options, *, stop: asyncio.Event, now: Callable[[], datetime] = utc_now) -> None:
    """Run until `stop` is set or the parent process is gone; says where it listens in one line of JSON."""
    slack = SlackSimulator(
        options.state,
        config=SlackConfig(people=on_slack(options.people)),
        now=now,
        time_scale=options.time_scale,
    )
    twilio = TwilioSimulator(
        options.state,
        config=TwilioConfig(people=with_phone(options.people)),
        now=now,
        time_scale=options.time_scale,
    )
    mail = MailSimulator(
        options.state,
        config=MailConfig(people=with_email(options.people), tls=options.email_tls),
        now=now,
        host=options.host,
    )
    discord = DiscordSimulator(
        options.state,
        config=DiscordConfig(people=on_discord(options.people)),
        now=now,
        time_scale=options.time_scale,
    )
    if options.sms_webhook is not None:
        twilio.use_webhook(options.sms_webhook)
    runner = web.AppRunner(
        build_app(slack, twilio, mail, discord, now=now, allowed_hosts=options.allowed_hosts),
        access_log=None,
        shutdown_timeout=SHUTDOWN_SECONDS,
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, options.host, options.port).start()
        base_url = f"http://{options.host}:{runner.addresses[0][1]}"
        slack.start(base_url)
        twilio.start(base_url)
        discord.start(base_url)
        await mail.start()
        print(json.dumps({**addresses(base_url), **mail.addresses()}), flush=True)
        await _until_stopped(stop, options.parent)
    finally:
        await slack.stop()
        await twilio.stop()
        await mail.stop()
        await discord.stop()
        await runner.cleanup()
        slack.state.close()
        twilio.state.close()
        mail.state.close()
        discord.state.close()


def build_app(
    slack: SlackSimulator,
    twilio: TwilioSimulator,
    mail: MailSimulator,
    discord: DiscordSimulator,
    *,
    now: Callable[[], datetime],
    allowed_hosts: Sequence[str] = (),
) -> web.Application:
    app = web.Application(middlewares=[guard(hosts=allowed_hosts)], client_max_size=LARGEST_REQUEST)
    slack.add_routes(app)
    twilio.add_routes(app)
    mail.add_routes(app)
    discord.add_routes(app)
    messages.add_routes(app, prefix="/anthropic", now=now)
    panes = [slack_pane(slack)] if slack.config.people else []
    panes.append(sms_pane(twilio))
    if mail.config.people:
        panes.append(mail_pane(mail))
    if discord.config.people:
        panes.append(discord_pane(discord))
    page.add_routes(app, panes)
    return app


def addresses(base_url: str) -> dict[str, str]:
    return {
        "slack_api_url": f"{base_url}/slack/api/",
        "twilio_api_url": f"{base_url}/twilio",
        "twilio_account_sid": ACCOUNT_SID,
        "twilio_auth_token": AUTH_TOKEN,
        "twilio_from": NUMBER,
        "discord_api_url": f"{base_url}{API}",
        "discord_gateway_url": f"{base_url.replace('http', 'ws', 1)}{GATEWAY}",
        "discord_bot_token": BOT_TOKEN,
        "messages_url": f"{base_url}/anthropic",
        "sim_url": base_url,
    }


async def _until_stopped(stop: asyncio.Event, parent: int | None) -> None:
    # A parent that was killed sends no signal; its children then belong to somebody else.
    while parent is None or os.getppid() == parent:
        try:
            await asyncio.wait_for(stop.wait(), None if parent is None else PARENT_POLL_SECONDS)
        except TimeoutError:
            continue
        return


def parse_options(arguments: Sequence[str]) -> Options:
    parser = argparse.ArgumentParser(prog="python -m simulators", description=__doc__)
    parser.add_argument("--state", type=Path, help="the file that keeps what happened (default: memory only)")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 picks a free one")
    parser.add_argument(
        "--people",
        type=_people,
        default=DEMO_PEOPLE,
        help="JSON: [{name, slack_user_id, sms, email, discord, tz}]",
    )
    parser.add_argument(
        "--sms-webhook", type=_webhook, help="where texts are posted; '' for nowhere (default: as it was)"
    )
    parser.add_argument("--email-tls", action="store_true", help="IMAP and SMTP with TLS and a CA of our own")
    parser.add_argument("--allow-host", action="append", default=[], help="a further Host for /sim")
    parser.add_argument("--parent", type=int, help="end when this process is no longer our parent")
    parser.add_argument("--time-scale", type=float, default=1.0, help="0.1 makes all waits ten times shorter")
    found = parser.parse_args(arguments)
    return Options(
        state=found.state,
        host=found.host,
        port=found.port,
        people=found.people,
        allowed_hosts=tuple(found.allow_host),
        parent=found.parent,
        time_scale=found.time_scale,
        sms_webhook=found.sms_webhook,
        email_tls=found.email_tls,
    )


def _webhook(text: str) -> str:
    if text and not is_web_address(text):
        raise argparse.ArgumentTypeError(f"not an address that starts with http:// or https://: {text!r}")
    return text


def _people(text: str) -> tuple[Person, ...]:
    try:
        items: Any = json.loads(text)
        people = parse_people(items)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise argparse.ArgumentTypeError(f"not a JSON list of people: {error}") from None
    return people or DEMO_PEOPLE


async def _run(options: Options) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await serve(options, stop=stop)


def main() -> int:
    try:
        asyncio.run(_run(parse_options(sys.argv[1:])))
    except TlsError as error:
        print(error, file=sys.stderr)
        return 1
    return 0
