"""Puts the parts together: the one place that knows every part."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

import structlog

from bot import roster
from bot.budget import Budget, BudgetedModel, DailyTokens
from bot.config import Config, ModelConfig
from bot.delivery import OutboxPolicy
from bot.errors import StartError, StoreError
from bot.events import Event, TurnEnded, TurnStarted
from bot.inbox import ChannelRule, Inbox
from bot.lanes import Lanes
from bot.log import turn_line
from bot.loop import AgentParts, Loop, ModelParts, World
from bot.metrics import Metrics
from bot.model import API, AnthropicModel
from bot.outbox import Outbox
from bot.people import Account, Contact, People
from bot.ports import Channel, Health
from bot.rules import Rules
from bot.secrets import Redactor, Secret
from bot.sender import Account as AccountKey
from bot.snapshot import fold_version
from bot.store.lock import Lock
from bot.store.sqlite import SqliteStore
from bot.supervise import in_words
from bot.thread import Thread
from bot.timers import Timers
from bot.tracing import find as find_tracing
from bot.turns import Turns
from bot.web.site import Check, Readiness, Site

VERSION = "0.1.0"
STATUS_AFTER = (
    0.5  # seconds; a faster reply needs no word that it is coming, and each is a call to the provider
)

log = structlog.get_logger("app")


@dataclass(frozen=True, slots=True)
class Mode:
    """How this process was started. `simulated` names the providers that a simulator plays."""

    dev: bool = False
    simulated: frozenset[str] = frozenset()
    wait_lock: float = 0.0


class ChannelTable(Mapping[AccountKey, Channel]):
    """The channels by (name, account); an account is known once the provider has said who we are."""

    def __init__(self, channels: Sequence[Channel]) -> None:
        self.channels = tuple(channels)

    def __getitem__(self, key: AccountKey) -> Channel:
        for channel in self.channels:
            if (channel.name, channel.account) == key:
                return channel
        raise KeyError(key)

    def __iter__(self) -> Iterator[AccountKey]:
        return ((channel.name, channel.account) for channel in self.channels)

    def __len__(self) -> int:
        return len(self.channels)


@dataclass(slots=True)
class Bot:
    """The bot, put together. `url` is where people reach its pages."""

    config: Config
    mode: Mode
    url: str
    store: SqliteStore
    people: People
    channels: ChannelTable
    inbox: Inbox
    lanes: Lanes
    loop: Loop
    outbox: Outbox
    timers: Timers
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
    config: Config, mode: Mode, *, url: str = "", lock: Lock | None = None
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
        bot = await _assemble(config, mode, url=url, store=store, parts=parts, clock=clock, redact=redact)
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
) -> Bot:
    people = People(config.people, timezone=config.timezone)
    channels = ChannelTable(_channels(config, store))
    models = {name: _model(each, redact) for name, each in config.models.items()}
    rules = _Rules(config, mode, people, channels, parts, url)
    presence = _Presence(channels)
    world = World(
        agents=parts,
        models=_budgeted(config, mode, models, await _used_today(store, clock()), clock),
        rules=rules,
        timezone=lambda person: people.timezone_of(person or None),
        clock=clock,
        sleep=asyncio.sleep,
        tool_timeout=config.tool_timeout,
        result_clip=config.limits.result_clip,
        redact=redact,
        watch=presence.watch,
    )
    loop = Loop(store, world, stopping=lambda: lanes.stopping)
    lanes = Lanes(loop.advance, limit=config.limits.turns_in_flight)
    inbox = Inbox(
        store,
        people,
        lanes.wake,
        rules={"slack": ChannelRule(strangers=config.channels.slack.strangers)},
        simulated=lambda channel, account: channel in mode.simulated,
        waiting=lambda: lanes.waiting + store.pending,
        most_waiting=config.limits.pending_inputs,
    )
    outbox = Outbox(
        store, channels, clock=clock, policy=_outbox_policy(config), operator=rules.operator, redact=redact
    )
    metrics = Metrics()
    tracing = find_tracing() if config.tracing else None
    turns = Turns(store, [turn_line, metrics.observe, *([tracing.observe] if tracing else [])])
    store.listen(turns.heard)
    bot = Bot(
        config=config,
        mode=mode,
        url=url,
        store=store,
        people=people,
        channels=channels,
        inbox=inbox,
        lanes=lanes,
        loop=loop,
        outbox=outbox,
        timers=Timers(store, inbox.receive, clock=clock),
        turns=turns,
        metrics=metrics,
        models=models,
        redact=redact,
    )
    _watch(bot)
    return bot


def _channels(config: Config, store: SqliteStore) -> list[Channel]:
    """The channels that are on; the SDK of one that is off is never imported."""
    slack = config.channels.slack
    if not slack.on:
        return []
    from channels.slack import SlackChannel

    async def knows(account: str, conversation: str) -> bool:
        return await store.thread_of("slack", account, conversation) is not None

    channel = SlackChannel(
        bot_token=_reveal(slack.bot_token),
        app_token=_reveal(slack.app_token),
        api_url=slack.api_url,
        allow_bots=frozenset(slack.allow_bots),
        knows=knows,
        seconds_between_sends=slack.pace.total_seconds(),
    )
    return [channel]


def _reveal(secret: Secret | None) -> str:
    if secret is None:
        raise StartError("channels.slack is on but has no tokens: set SLACK_BOT_TOKEN and SLACK_APP_TOKEN")
    return secret.reveal()


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


class _Rules:
    """Today's rules: they change when a channel's account becomes known, or is lost."""

    def __init__(
        self,
        config: Config,
        mode: Mode,
        people: People,
        channels: ChannelTable,
        parts: Mapping[str, AgentParts],
        url: str,
    ) -> None:
        self._config, self._mode, self._people = config, mode, people
        self._channels, self._parts, self._url = channels, parts, url
        self._made: dict[tuple[AccountKey, ...], Rules] = {}

    def __call__(self) -> Rules:
        key = tuple(self._channels)
        if key not in self._made:
            self._made = {key: self._make()}
        return self._made[key]

    def operator(self) -> Contact | None:
        """Where an operator can be told something now."""
        return self._people.operator_contact(self._accounts())

    def _accounts(self) -> list[Account]:
        return [
            Account(name, account, simulated=name in self._mode.simulated)
            for name, account in self._channels
            if account
        ]

    def _make(self) -> Rules:
        contact = self.operator()
        operators = self._people.operators()
        link = self._url if self._mode.dev or self._config.web.public_url else ""
        name = operators[0].name if operators else ""
        return roster.rules_of(self._config, self._parts, operator=contact, operator_name=name, link=link)


class _Presence:
    """Shows in the channel that the agent is at work, in turns that are not over at once; best effort."""

    def __init__(self, channels: ChannelTable) -> None:
        self._channels = channels
        self._soon: dict[str, asyncio.TimerHandle] = {}
        self._showing: set[asyncio.Task[None]] = set()

    def watch(self, thread: Thread, events: Sequence[Event]) -> None:
        for event in events:
            match event.data:
                case TurnStarted():
                    self._show_soon(thread)
                case TurnEnded(reply=reply):
                    soon = self._soon.pop(thread.id, None)
                    if soon is not None:
                        soon.cancel()
                    elif not reply:
                        self._show(thread, "")
                case _:
                    pass

    def _show_soon(self, thread: Thread) -> None:
        def show() -> None:
            self._soon.pop(thread.id, None)
            self._show(thread, "is thinking ...")

        if thread.id not in self._soon and (thread.channel, thread.account) in self._channels:
            self._soon[thread.id] = asyncio.get_running_loop().call_later(STATUS_AFTER, show)

    def _show(self, thread: Thread, text: str) -> None:
        channel = self._channels.get((thread.channel, thread.account))
        if channel is None or not thread.destination:
            return
        task = asyncio.ensure_future(_quietly(channel.show_status(thread.destination, text)))
        self._showing.add(task)
        task.add_done_callback(self._showing.discard)


async def _quietly(showing: Awaitable[None]) -> None:
    try:
        await asyncio.wait_for(showing, 5)
    except Exception as error:  # noqa: BLE001 - a status that cannot be shown changes nothing
        log.debug("could not show a status", error=in_words(error))


def site_of(bot: Bot) -> Site:
    """What the API and the pages may use."""
    config, dev = bot.config, bot.mode.dev

    async def find_thread(channel: str, account: str, conversation: str) -> str | None:
        row = await bot.store.thread_of(channel, account, conversation)
        return row.thread_id if row else None

    return Site(
        store=bot.store,
        receive=bot.inbox.receive,
        request_at=bot.loop.request_at,
        raw_events=bot.store.raw_events,
        find_thread=find_thread,
        ready=partial(_readiness, bot),
        metrics=lambda: bot.metrics.exposition()[0],
        clock=partial(datetime.now, UTC),
        service_token=lambda: config.channels.api.token,
        pid=os.getpid(),
        version=VERSION,
        open_to_loopback=dev,
        dev=dev,
        model_simulated="model" in bot.mode.simulated,
        public_url=config.web.public_url or "",
        sim_url=(config.web.sim_url or "") if dev else "",
        max_body=config.web.max_body,
        retry_after=max(1, round(config.limits.retry_after.total_seconds())),
    )


def _readiness(bot: Bot) -> Readiness:
    store = Check("store", not bot.store.healthy, bot.store.healthy)
    lanes = Check("loop", not bot.stopping, "stopping" if bot.stopping else "")
    channels = (Check(name, found.state == "connected", found.detail) for name, found in bot.health().items())
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
