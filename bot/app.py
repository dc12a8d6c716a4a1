"""Puts the parts together: the one place that knows every part."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

import structlog

from bot import roster
from bot.answering import Answering
from bot.asking import elsewhere, with_code
from bot.budget import Budget, BudgetedModel, DailyTokens
from bot.channel_making import make_channels
from bot.channel_table import ChannelTable
from bot.claims import Claims
from bot.codes import Keys
from bot.config import Config, ModelConfig
from bot.config.live import LiveConfig
from bot.delivery import OutboxPolicy
from bot.errors import StoreError
from bot.events import Event, Outgoing
from bot.inbox import ChannelRule, Inbox
from bot.lanes import Lanes
from bot.log import turn_line
from bot.loop import AgentParts, Loop, ModelParts, World
from bot.metrics import Metrics
from bot.model import API, AnthropicModel
from bot.outbox import Outbox
from bot.ports import Channel, Health, Webhook
from bot.presence import Presence
from bot.progress import Progress
from bot.secrets import Redactor, Secret
from bot.snapshot import fold_version
from bot.store.lock import Lock
from bot.store.sqlite import SqliteStore
from bot.supervise import in_words
from bot.tasks import Tasks
from bot.thread import Thread
from bot.timers import Timers
from bot.today import Today, Unreachable
from bot.tool_context import Contexts
from bot.tools import Tool
from bot.tracing import find as find_tracing
from bot.turns import Turns
from bot.web.site import Check, Readiness, Site

VERSION = "0.1.0"

log = structlog.get_logger("app")


@dataclass(frozen=True, slots=True)
class Mode:
    """How this process was started. `simulated` names the providers that a simulator plays."""

    dev: bool = False
    simulated: frozenset[str] = frozenset()
    wait_lock: float = 0.0


@dataclass(slots=True)
class Bot:
    """The bot, put together. `url` is where people reach its pages."""

    config: Config
    mode: Mode
    url: str
    store: SqliteStore
    today: Today
    channels: ChannelTable
    inbox: Inbox
    answering: Answering
    claims: Claims
    lanes: Lanes
    loop: Loop
    outbox: Outbox
    timers: Timers
    tasks: Tasks
    progress: Progress
    turns: Turns
    metrics: Metrics
    models: Mapping[str, AnthropicModel]
    redact: Redactor
    refused: dict[str, str] = field(default_factory=dict)
    stopping: bool = False

    def health(self) -> dict[str, Health]:
        """How each channel that is on stands."""
        return {
            channel.name: Health("failing", self.refused[channel.name])
            if channel.name in self.refused
            else channel.health()
            for channel in self.channels.channels
        }


# ---------------------------------------------------------------- putting together


@asynccontextmanager
async def opened(
    config: Config,
    mode: Mode,
    *,
    url: str = "",
    lock: Lock | None = None,
    reload: Callable[[], Config] | None = None,
) -> AsyncIterator[Bot]:
    """The bot with its store open, and nothing running yet."""
    parts = roster.put_together(config, roster.find_agents(config))
    clock = partial(datetime.now, UTC)
    redact = Redactor(config.secrets())
    async with AsyncExitStack() as stack:
        store = await SqliteStore.open(
            config.database.path,
            clock=clock,
            url=url,
            lock=lock,
            default_agent=config.default_agent,
            fold_version=fold_version(),
            on_fatal=_end_process,
        )
        stack.push_async_callback(store.close)
        bot = await _assemble(
            config,
            mode,
            url=url,
            store=store,
            parts=parts,
            clock=clock,
            redact=redact,
            reload=reload or (lambda: config),
        )
        for model in bot.models.values():
            stack.push_async_callback(model.aclose)
        yield bot


def _end_process(error: StoreError) -> None:
    """What we believe to be stored may not be: end now, before anybody is told something wrong."""
    log.critical("the disk failed; ending", error=in_words(error))
    os._exit(74)


async def _assemble(
    config: Config,
    mode: Mode,
    *,
    url: str,
    store: SqliteStore,
    parts: Mapping[str, AgentParts],
    clock: Callable[[], datetime],
    redact: Redactor,
    reload: Callable[[], Config],
) -> Bot:
    live = LiveConfig(config, reload)
    secret = await store.secret()
    made = make_channels(config, store, url=url, simulated=mode.simulated, secret=secret)
    channels = ChannelTable(made)
    models = {name: _model(each, redact) for name, each in config.models.items()}
    unreachable = Unreachable(await store.unreachable())
    store.listen(unreachable.heard)
    link = url if mode.dev or config.web.public_url else ""
    today = Today(live.current, channels, parts, unreachable, simulated=mode.simulated, link=link)
    keys = Keys(secret)
    presence, progress = Presence(channels), Progress(channels)
    store.listen(progress.heard)

    def watch(thread: Thread, events: Sequence[Event]) -> None:
        presence.watch(thread, events)
        progress.watch(thread)
        tasks.watch(thread, events)

    contexts = Contexts(
        rules=today,
        timezone=today.timezone_of,
        clock=clock,
        keys=keys,
        url=config.web.public_url or url,
    )
    world = World(
        agents=parts,
        models=_budgeted(config, mode, models, await _used_today(store, clock()), clock),
        rules=today,
        timezone=today.timezone_of,
        clock=clock,
        sleep=asyncio.sleep,
        tool_timeout=config.tool_timeout,
        result_clip=config.limits.result_clip,
        contexts=contexts,
        redact=redact,
        watch=watch,
    )
    loop = Loop(store, world, stopping=lambda: lanes.stopping)
    lanes = Lanes(loop.advance, limit=config.limits.turns_in_flight)
    reroute = partial(_elsewhere, today, clock)
    answering = Answering(
        store, keys, rules=today, calls=lambda agent: parts[agent].agent.all_calls, clock=clock
    )
    claims = Claims(config.root, live.current, clock=clock, check=reload, refresh=live.refresh)
    inbox = Inbox(
        store,
        today,
        lanes.wake,
        rules={
            "slack": ChannelRule(strangers=config.channels.slack.strangers),
            "sms": ChannelRule(strangers=config.channels.sms.strangers),
            "discord": ChannelRule(strangers=config.channels.discord.strangers),
            "email": ChannelRule(strangers=config.channels.email.strangers, trusted=False, dated=False),
        },
        simulated=lambda channel, account: channel in mode.simulated,
        waiting=lambda: lanes.waiting + store.pending,
        most_waiting=config.limits.pending_inputs,
        answering=answering,
        claims=claims,
        operator=today.operator_message,
        elsewhere=reroute,
        answer_within=config.limits.answer_within,
        clock=clock,
    )
    outbox = Outbox(
        store,
        channels,
        clock=clock,
        policy=_outbox_policy(config),
        operator=today.operator,
        elsewhere=reroute,
        spoken=partial(with_code, keys),
        redact=redact,
    )
    tasks = Tasks(
        store,
        inbox.receive,
        tool=lambda agent, name: _tool(parts, agent, name),
        context=contexts.of_task,
        clip=config.limits.result_clip,
        clean=redact,
    )
    store.listen(tasks.heard)
    metrics = Metrics()
    tracing = find_tracing() if config.tracing else None
    turns = Turns(store, [turn_line, metrics.observe, *([tracing.observe] if tracing else [])])
    store.listen(turns.heard)
    bot = Bot(
        config=config,
        mode=mode,
        url=url,
        store=store,
        today=today,
        channels=channels,
        inbox=inbox,
        answering=answering,
        claims=claims,
        lanes=lanes,
        loop=loop,
        outbox=outbox,
        timers=Timers(store, inbox.receive, clock=clock),
        tasks=tasks,
        progress=progress,
        turns=turns,
        metrics=metrics,
        models=models,
        redact=redact,
    )
    _watch(bot)
    return bot


def _elsewhere(today: Today, clock: Callable[[], datetime], message: Outgoing) -> Outgoing | None:
    return elsewhere(message, today(), clock())


def _tool(parts: Mapping[str, AgentParts], agent: str, name: str) -> Tool | None:
    tools = parts[agent].agent.tools if agent in parts else ()
    return next((tool for tool in tools if tool.name == name), None)


def _model(config: ModelConfig, redact: Redactor) -> AnthropicModel:
    key = config.api_key or Secret("none")  # an endpoint of one's own may not ask for one
    return AnthropicModel(
        config.name, api_key=key, base_url=config.base_url or API, timeout=config.timeout, clean=redact
    )


def _budgeted(
    config: Config,
    mode: Mode,
    models: Mapping[str, AnthropicModel],
    used: int,
    clock: Callable[[], datetime],
) -> dict[str, ModelParts]:
    """The models under one daily ceiling; the demo brain costs nothing and counts nothing."""
    limit = config.limits.daily_tokens_dev if mode.dev else config.limits.daily_tokens
    budget = Budget(DailyTokens(limit, clock().date(), used), clock=clock)
    free = "model" in mode.simulated
    return {
        name: ModelParts(
            model if free else BudgetedModel(model, budget),
            max_tokens=config.models[name].max_tokens,
            structured=config.models[name].structured,
        )
        for name, model in models.items()
    }


async def _used_today(store: SqliteStore, now: datetime) -> int:
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return await store.tokens_since(midnight)


def _outbox_policy(config: Config) -> OutboxPolicy:
    limits = config.limits
    return OutboxPolicy(
        first=limits.outbox_first,
        most=limits.outbox_max,
        give_up_after=limits.outbox_give_up,
        most_attempts=limits.outbox_max_attempts,
    )


def site_of(bot: Bot) -> Site:
    """What the API and the pages may use."""
    config, dev = bot.config, bot.mode.dev

    async def find_thread(channel: str, account: str, conversation: str) -> str | None:
        row = await bot.store.thread_of(channel, account, conversation)
        return row.thread_id if row else None

    return Site(
        store=bot.store,
        receive=bot.inbox.receive,
        judge=bot.answering.judged,
        secret=bot.store.secret,
        request_at=bot.loop.request_at,
        raw_events=bot.store.raw_events,
        find_thread=find_thread,
        ready=partial(_readiness, bot),
        metrics=lambda: bot.metrics.exposition()[0],
        clock=partial(datetime.now, UTC),
        service_token=lambda: config.channels.api.token,
        by_token=partial(_name_by_token, bot.today),
        people=lambda: bot.today().people,
        new_link=bot.claims.new_link,
        webhooks=lambda: webhooks_of(bot.channels.channels),
        pid=os.getpid(),
        version=VERSION,
        clean=bot.redact,
        result_clip=config.limits.result_clip,
        open_to_loopback=dev,
        dev=dev,
        model_simulated="model" in bot.mode.simulated,
        public_url=config.web.public_url or "",
        sim_url=(config.web.sim_url or "") if dev else "",
        max_body=config.web.max_body,
        retry_after=max(1, round(config.limits.retry_after.total_seconds())),
    )


def _name_by_token(today: Today, token: str) -> str | None:
    person = today.by_token(token)
    return person.name if person else None


def webhooks_of(channels: Sequence[Channel]) -> dict[str, Webhook]:
    """What providers may call, by the path under /webhooks/."""
    found: dict[str, Webhook] = {}
    for channel in channels:
        found |= getattr(channel, "webhooks", {})
    return found


def _readiness(bot: Bot) -> Readiness:
    store = Check("store", not bot.store.healthy, bot.store.healthy)
    lanes = Check("loop", not bot.stopping, "stopping" if bot.stopping else "")
    channels = (Check(name, found.state == "connected", str(found)) for name, found in bot.health().items())
    return Readiness((store, lanes, *channels))


def _watch(bot: Bot) -> None:
    metrics = bot.metrics
    metrics.watch_channels(bot.health)
    metrics.watch("saywhen_turns_in_flight", "Threads being worked on.", lambda: bot.lanes.in_flight)
    metrics.watch("saywhen_threads_waiting", "Threads with work that wait.", lambda: bot.lanes.waiting)
    metrics.watch(
        "saywhen_store_healthy", "1 if the store takes messages.", lambda: float(not bot.store.healthy)
    )
    metrics.watch("saywhen_store_pending", "Transactions waiting.", lambda: bot.store.pending)
    metrics.watch("saywhen_outbox_sending", "Messages being sent.", lambda: bot.outbox.state().sending)
    counts = bot.inbox.counts
    metrics.watch(
        "saywhen_outbox_dead", "Messages given up.", lambda: bot.outbox.state().dead, kind="counter"
    )
    metrics.watch("saywhen_inputs", "Inputs stored.", lambda: counts.accepted, kind="counter")
    metrics.watch("saywhen_duplicates", "Inputs seen before.", lambda: counts.duplicates, kind="counter")
