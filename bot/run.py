"""Runs the bot: the lock, the port, the parts side by side, and a way down that loses nothing."""

import asyncio
import gc
import os
import signal
from collections.abc import Awaitable, Callable, Coroutine, Sequence, Set
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

import structlog

from bot.app import Bot, Mode, opened, site_of
from bot.config import Config, load
from bot.errors import StartError, StoreFull
from bot.job_folder import settle_in, sweep
from bot.log import set_up
from bot.loop import FULL_DISK_PAUSE
from bot.rights import RUN_JOB
from bot.roster import jobs_folder
from bot.secrets import Redactor
from bot.serving import WebServer, listen_soon
from bot.store.lock import Lock
from bot.supervise import Failure, in_words, supervise
from bot.web.app import create_app, end_streams

T = TypeVar("T")

PRUNE_EVERY = 3600.0  # seconds
PARENT_POLL = 0.5
DEV_GRACE = 4.0
SUSPECT_SECONDS = 5.0
ACCOUNT_SECONDS, ACCOUNT_POLL = 3.0, 0.05
YOUNG_OBJECTS = (
    20_000  # so many new ones before the garbage collector looks at them; Python's 700 costs 6 % of the CPU
)

log = structlog.get_logger("run")


async def run(config: Config, mode: Mode) -> None:
    """Run until SIGTERM or SIGINT. Raises StartError if it cannot start, StoreError if the disk fails."""
    redact = Redactor(config.secrets())
    set_up(level=config.log.level, format=config.log.format, redact=redact)
    stop = _stop_signal()
    lock = None if mode.wait_lock else Lock.acquire(config.database.path)
    web = WebServer(
        await _unless_stopped(stop, listen_soon(config.web.host, config.web.port, mode.wait_lock))
    )
    local = f"http://{_reachable(config.web.host)}:{web.port}"
    url = config.web.public_url or local
    serving = asyncio.ensure_future(web.run())
    try:
        if lock is None:
            waited = await _unless_stopped(stop, Lock.wait(config.database.path, mode.wait_lock))
            lock = waited
        lock.announce(local)
        reload = partial(load, root=config.root, environ=os.environ, dev=mode.dev)
        async with opened(config, mode, url=url, lock=lock, reload=reload) as bot:
            web.front.app = create_app(site_of(bot))
            await _work(bot, stop, serving)
    finally:
        if web.front.app is not None:
            end_streams(web.front.app)
        web.stop()
        await serving


def _stop_signal() -> asyncio.Event:
    """Set by the first SIGTERM or SIGINT; the second ends the process at once, which loses nothing either.

    Not under `bot dev`: Ctrl-C reaches the whole process group, and the parent then passes it on once more.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    has_parent = bool(_parent())

    def asked() -> None:
        if stop.is_set() and not has_parent:
            os._exit(1)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked)
    return stop


def _reachable(host: str) -> str:
    return "127.0.0.1" if host in ("0.0.0.0", "::") else f"[{host}]" if ":" in host else host  # noqa: S104 - compared


async def _unless_stopped(stop: asyncio.Event, waiting_for: Coroutine[object, object, T]) -> T:
    """What we wait for before anything runs; SIGTERM in the meantime is a normal end."""
    waiting = asyncio.ensure_future(waiting_for)
    stopped = asyncio.ensure_future(stop.wait())
    await asyncio.wait({waiting, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if not waiting.done():
        waiting.cancel()
        raise SystemExit(0)
    return await waiting


async def _work(bot: Bot, stop: asyncio.Event, serving: asyncio.Future[None]) -> None:
    """Run every part until told to stop, then let what is under way finish within the grace."""
    open_tasks = await bot.store.open_tasks()
    bot.progress.left(row.thread_id for row in open_tasks)
    jobs = {row.task_id for row in open_tasks if row.tool == RUN_JOB}
    await asyncio.to_thread(settle_in, jobs_folder(bot.config), jobs)
    await bot.tasks.recover()
    note = partial(_note, bot, stop)
    async with asyncio.TaskGroup() as group:
        channels = [
            group.create_task(
                supervise(channel.name, partial(channel.run, bot.inbox.receive), on_failure=note)
            )
            for channel in bot.channels.channels
        ]
        parts: dict[str, Callable[[], Awaitable[None]]] = {
            "timers": bot.timers.run,
            "outbox": bot.outbox.run,
            "turns": bot.turns.run,
            "housekeeping": partial(_keep_house, bot),
        }
        tasks = [group.create_task(supervise(name, part)) for name, part in parts.items()]
        tasks += [group.create_task(_fill_metrics(bot)), group.create_task(_warm(bot))]
        tasks += [group.create_task(bot.lanes.run()), group.create_task(_take_over(bot))]
        tasks += [group.create_task(_watch_parent(stop)), group.create_task(_watch_web(serving))]
        if invitation := _invitation(bot):
            print(invitation, flush=True)
        log.info("ready", url=bot.url, database=str(bot.config.database.path), pid=os.getpid())
        await stop.wait()
        await _wind_down(bot)
        for task in (*channels, *tasks):
            task.cancel()
    log.info("stopped")
    if missed := _missed(bot):
        raise StartError("\n".join(bot.refused[name] for name in missed))


def _invitation(bot: Bot) -> str:
    """In `bot dev` with a real channel and nobody real who owns the bot: how to become the owner."""
    real = [channel.name for channel in bot.channels.channels if channel.name not in bot.mode.simulated]
    owned = any("owner" in person.roles and not person.demo for person in bot.today.people)
    if not (bot.mode.dev and real) or owned:
        return ""
    code = bot.claims.new_owner_claim()
    return f"\nThis bot belongs to nobody yet. Make it yours: write to it directly ({', '.join(real)}):  claim {code}\n"


async def _wind_down(bot: Bot) -> None:
    """Finish what is under way. What still arrives is stored; the next start goes on with it."""
    bot.stopping = True
    grace = bot.config.limits.stop_grace.total_seconds()
    if bot.mode.dev:
        grace = min(grace, DEV_GRACE)
    end = asyncio.get_running_loop().time() + grace
    finished = await bot.lanes.stop(grace)
    ended = await bot.tasks.stop(max(0.1, end - asyncio.get_running_loop().time()))
    sent = await bot.outbox.drain(max(0.5, end - asyncio.get_running_loop().time()))
    if not (finished and ended and sent):
        log.warning(
            "something was still under way; the next start goes on with it",
            turns=finished,
            tasks=ended,
            sends=sent,
        )


def _note(bot: Bot, stop: asyncio.Event, failure: Failure) -> None:
    """A channel that is refused for good is done without, if the bot may do without it."""
    if failure.again_in is None:
        bot.refused[failure.name] = in_words(failure.error)
        if _missed(bot):
            stop.set()


def _missed(bot: Bot) -> list[str]:
    """The refused channels without which the bot ends. `bot dev` would only start it again."""
    on = [channel.name for channel in bot.channels.channels]
    required = {name for name in on if getattr(bot.config.channels, name).enabled is True}
    return [] if bot.mode.dev else missed(on, refused=bot.refused.keys(), required=required)


def missed(on: Sequence[str], *, refused: Set[str], required: Set[str]) -> list[str]:
    """Of the refused channels those that have to be on, and all of them if no other is left."""
    return [name for name in on if name in refused and (name in required or set(on) <= refused)]


async def _take_over(bot: Bot) -> None:
    """Go on with what an earlier process left; a thread that was tried before is tried alone.

    What a start needs anyway comes first, and the next ones are taken when these have begun: a process that dies
    then has not made suspects of threads that it never touched.
    """
    await _accounts_known(bot)
    for model in bot.models.values():
        await model.warm()
    while taken := await _taken(bot):
        log.info("taking over", threads=len(taken))
        for thread_id in taken:
            bot.lanes.wake(thread_id)
        if len(taken) == 1:
            with suppress(TimeoutError):
                async with asyncio.timeout(SUSPECT_SECONDS):
                    await bot.lanes.finished(taken[0])
        else:
            await bot.lanes.begun()


async def _accounts_known(bot: Bot) -> None:
    """Wait a moment for the providers to say who we are: until then no operator can be told of anything."""
    with suppress(TimeoutError):
        async with asyncio.timeout(ACCOUNT_SECONDS):
            channels = bot.channels.channels
            while any(not each.account and each.name not in bot.refused for each in channels):  # noqa: ASYNC110 - a channel tells nobody
                await asyncio.sleep(ACCOUNT_POLL)


async def _taken(bot: Bot) -> list[str]:
    """The next threads to take over; a full disk only means waiting for room."""
    while True:
        try:
            taken = await bot.store.take_over()
        except StoreFull:
            await asyncio.sleep(FULL_DISK_PAUSE)
        else:
            bot.progress.left(taken)
            return taken


async def _warm(bot: Bot) -> None:
    """Import the model's SDK once the ports are open: it takes a second or two.

    The garbage collector rests meanwhile, and never looks at what is there now again: it is here to stay.
    """
    gc.disable()
    try:
        for model in bot.models.values():
            await model.warm()
    finally:
        gc.freeze()
        gc.set_threshold(YOUNG_OBJECTS, 20, 20)
        gc.enable()


async def _fill_metrics(bot: Bot) -> None:
    await supervise("metrics", partial(bot.metrics.replay, bot.store))


async def _keep_house(bot: Bot) -> None:
    limits = bot.config.limits
    while True:
        now = datetime.now(UTC)
        await bot.store.prune_raw(now, days=limits.raw_days, cap_bytes=limits.raw_cap_mb * 2**20)
        await bot.store.mail.prune_raw(now, days=limits.raw_days)
        still_open = {row.task_id for row in await bot.store.open_tasks()}
        await asyncio.to_thread(sweep, jobs_folder(bot.config), now, open_tasks=still_open)
        await asyncio.sleep(PRUNE_EVERY)


def _parent() -> int:
    """The process id of the `bot dev` that started us; 0 if none did."""
    return int(os.environ.get("SAYWHEN_PARENT", "0"))


async def _watch_web(serving: asyncio.Future[None]) -> None:
    """Without its web server nobody can reach the bot: better to end and be started again."""
    await asyncio.wait({serving})
    raise StartError("the web server ended by itself", code=1)


async def _watch_parent(stop: asyncio.Event) -> None:
    """A child of `bot dev` ends with it, also when that was killed, which nobody tells us of."""
    parent = _parent()
    while parent and not stop.is_set():
        if os.getppid() != parent:
            stop.set()
        await asyncio.sleep(PARENT_POLL)
