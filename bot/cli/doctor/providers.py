"""Do Slack, Twilio and the models know us, and does our clock agree with theirs?"""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

from bot.cli.doctor.checks import Check, fail, note, ok
from bot.config import Config, ModelConfig
from bot.errors import InvalidStep
from bot.events import ModelAnswered, Step
from bot.model import API, AnthropicModel
from bot.secrets import Redactor, Secret

MOST_SKEW = 60.0  # seconds
SLACK_API = "https://slack.com/api/"


async def slack(config: Config) -> list[Check]:
    """Who the tokens say we are, what they may do, and whether a socket opens."""
    from channels.slack import check

    settings = config.channels.slack
    if settings.bot_token is None or settings.app_token is None:
        return []  # the settings say so already
    findings = await check(
        bot_token=settings.bot_token.reveal(), app_token=settings.app_token.reveal(), api_url=settings.api_url
    )
    return [
        ok(each.what, each.detail) if each.ok else fail(each.what, each.detail, each.fix) for each in findings
    ]


async def sms(config: Config) -> list[Check]:
    """Whether Twilio knows the account, and how texts come in."""
    from channels.sms import check

    settings = config.channels.sms
    if not (settings.account_sid and settings.auth_token and settings.number):
        return []  # the settings say so already
    trouble = await check(
        account_sid=settings.account_sid,
        auth_token=settings.auth_token.reveal(),
        number=settings.number,
        api_url=settings.api_url,
    )
    if trouble:
        fix = "look at TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN and TWILIO_FROM"
        return [fail("SMS", trouble, fix)]
    public_url = config.web.public_url
    if settings.inbound == "poll" or not public_url:
        return [ok("SMS", f"{settings.number}; we ask Twilio for what came in")]
    address = f"{public_url.rstrip('/')}/webhooks/twilio/sms#rc=5&rp=all"
    return [ok("SMS", f"{settings.number}; set its webhook in Twilio's console to {address}")]


async def discord(config: Config) -> list[Check]:
    """Who the token says we are, and what the app may do."""
    from channels.discord import check

    settings = config.channels.discord
    if settings.bot_token is None:
        return []  # the settings say so already
    findings = await check(settings.bot_token.reveal(), settings.api_url or "")
    return [
        ok(each.what, each.detail) if each.ok else fail(each.what, each.detail, each.fix) for each in findings
    ]


async def email(config: Config) -> list[Check]:
    """Whether both mail servers let us in, and whether a sender can be proved."""
    from bot.mail_making import account_of, smtp_of
    from channels.email.check import check

    settings = config.channels.email
    account = account_of(settings)
    findings = await check(lambda: account.connect(settings.largest), settings.mailbox, smtp_of(settings))
    return [
        ok(each.what, each.detail) if each.ok else fail(each.what, each.detail, each.fix) for each in findings
    ]


async def model(name: str, settings: ModelConfig, config: Config) -> Check:
    """One model, asked for a single token."""
    title = f"model {name}"
    if settings.api_key is None and settings.base_url is None:
        return fail(title, f"{settings.name} has no key", f"set {settings.api_key_env}, or use `bot dev`")
    endpoint = settings.base_url or API
    asked = AnthropicModel(
        settings.name,
        api_key=settings.api_key or Secret("none"),
        base_url=endpoint,
        timeout=settings.timeout,
        clean=Redactor(config.secrets()),
    )
    body = {"model": settings.name, "max_tokens": 1, "messages": [{"role": "user", "content": "Say yes."}]}
    try:
        await asked.warm()  # so that what is timed is the endpoint, not the import of its SDK
        return _judged(title, settings, endpoint, await asked.ask(body, _take_no_step))
    finally:
        await asked.aclose()


def _take_no_step(text: str) -> Step:
    raise InvalidStep("one token is no step")


def _judged(title: str, settings: ModelConfig, endpoint: str, answered: ModelAnswered) -> Check:
    """Any answer of the model itself is a good one: that it was cut off after one token was our wish."""
    failure = answered.failure
    if failure is None or failure.kind in ("invalid", "refusal"):
        return ok(title, f"{settings.name} at {endpoint} answers, in {answered.duration_ms / 1000:.1f} s")
    fix = "wait, or look at the provider's status page" if failure.retryable else (
        f"look at {settings.api_key_env}, models.*.name and models.*.base_url"
    )  # fmt: skip
    return fail(title, f"{settings.name} at {endpoint}: {failure.message}", fix)


async def clock(config: Config, simulated: frozenset[str]) -> list[Check]:
    """How far our clock is from a provider's: timers, signatures and expiries need the right time."""
    url = _whom_to_ask(config, simulated)
    if url is None:
        return []
    before = datetime.now(UTC)
    try:
        async with httpx.AsyncClient(timeout=10) as http:
            answer = await http.get(url)
        there = parsedate_to_datetime(answer.headers["date"])
    except (httpx.HTTPError, KeyError, ValueError) as error:
        return [note("clock", f"could not be compared: {url} gave no Date ({type(error).__name__})")]
    skew = (there - before).total_seconds()
    if abs(skew) > MOST_SKEW:
        where = "behind" if skew > 0 else "ahead of"
        fix = "set the clock, and keep it right: timedatectl set-ntp true"
        return [fail("clock", f"{abs(skew):.0f} s {where} that of {url}", fix)]
    return [ok("clock", f"within {MOST_SKEW:.0f} s of that of {url}")]


def _whom_to_ask(config: Config, simulated: frozenset[str]) -> str | None:
    main = config.models.get("main")
    if main is not None and "model" not in simulated and (main.api_key or main.base_url):
        return main.base_url or API
    settings = config.channels.slack
    return settings.api_url or SLACK_API if settings.on and "slack" not in simulated else None
