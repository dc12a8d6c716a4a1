"""Over Slack's Socket Mode, against slack-bolt with pydantic-ai: same Slack, same model, same messages, in turns."""

import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.bots import BOTS, Stage, our_bot, stage
from bench.processes import Child
from bench.ratios import at_least, at_most, ratio
from bench.sizes import Sizes
from bench.table import Row

SLOW = 0.2  # seconds
WARM_UP = 16
MOST_CPU = {1: 0.5, 16: 0.33, 64: 0.3}
FAR_AWAY = 60.0
IN_FLIGHT = 256

Runs = dict[tuple[str, str], list[float]]
"""From (bot, what) to what each round found."""


def rows(sizes: Sizes) -> list[Row]:
    runs: Runs = defaultdict(list)
    with tempfile.TemporaryDirectory() as name:
        for _ in range(sizes.starts):
            for bot in BOTS:
                _start(bot, Path(name), runs)
        with _both(Path(name)) as bots:
            for _ in range(sizes.rounds):
                _round(bots, sizes, runs)
        acks = _acknowledgements(Path(name) / "acks")
    return [*_rows(runs, sizes), acks]


# ---------------------------------------------------------------- start


def _start(bot: str, folder: Path, runs: Runs) -> None:
    """How long from nothing to the first reply, and the memory once that is done."""
    with tempfile.TemporaryDirectory(dir=folder) as name, stage() as on:
        began = time.monotonic()
        with BOTS[bot](on, Path(name)) as child:
            on.converse(1, 1)
            runs[bot, "start"].append(time.monotonic() - began)
            time.sleep(1.0)
            runs[bot, "memory"].append(child.megabytes())


# ---------------------------------------------------------------- messages


@dataclass(frozen=True, slots=True)
class Bot:
    child: Child
    on: Stage


@contextmanager
def _both(folder: Path) -> Iterator[Mapping[str, Bot]]:
    """Both bots, each with a Slack and a model of its own; one rests while the other works."""
    with ExitStack() as stack:
        bots = {}
        for name, start in BOTS.items():
            on = stack.enter_context(stage())
            bots[name] = Bot(stack.enter_context(start(on, folder / name)), on)
            on.converse(WARM_UP, WARM_UP * 5)
        yield bots


def _round(bots: Mapping[str, Bot], sizes: Sizes, runs: Runs) -> None:
    for at_once, messages in sizes.slack:
        for name, bot in bots.items():
            cpu, found = _converse(bot, at_once, messages)
            runs[name, f"cpu {at_once}"].append(cpu)
            runs[name, f"rate {at_once}"].append(found["count"] / found["seconds"])
    for name, bot in bots.items():
        bot.on.think(SLOW)
        cpu, found = _converse(bot, 16, sizes.slow_model)
        bot.on.think(0.0)
        runs[name, "cpu slow"].append(cpu)
        runs[name, "added"].append(found["p50"] - 2 * SLOW)


def _converse(bot: Bot, at_once: int, messages: int) -> tuple[float, dict[str, float]]:
    """CPU seconds of the bot a message, and what the people found."""
    before = bot.child.cpu()
    found = bot.on.converse(at_once, messages)
    return (bot.child.cpu() - before) / found["count"], found


def _rows(runs: Runs, sizes: Sizes) -> list[Row]:
    def against(what: str) -> float:
        return ratio(runs["ours", what], runs["rival", what])

    rival = "against bolt + pydantic-ai"
    found = [
        at_most(
            f"Slack: CPU a message, {at_once} at once, {rival}", against(f"cpu {at_once}"), MOST_CPU[at_once]
        )
        for at_once, _ in sizes.slack
    ]
    return [
        *found,
        at_most(f"Slack: CPU a message, 16 at once, 200 ms model, {rival}", against("cpu slow"), 0.45),
        at_least(f"Slack: messages a second, 16 at once, {rival}", against("rate 16"), 3),
        at_most(f"Slack: latency added to a 200 ms model, p50, {rival}", against("added"), 0.4),
        at_most(f"cold start to the first reply, {rival}", against("start"), 0.9),
        at_most("idle memory, one channel", median(runs["ours", "memory"]), 125, "MB", digits=0),
    ]


# ---------------------------------------------------------------- acknowledgements


def _acknowledgements(folder: Path) -> Row:
    """Mentions in new threads while many others wait for a model that takes a minute."""
    with stage() as on, our_bot(on, folder) as child:
        on.converse(1, 1)
        on.think(FAR_AWAY)
        on.slack.tell({"fire": IN_FLIGHT})
        time.sleep(1.0)
        found = on.slack.tell({"fire": IN_FLIGHT})
        child.process.kill()  # nobody waits for these replies
    name = f"Slack: receive to acknowledge, p99, {IN_FLIGHT} threads in flight, 60 s model"
    return at_most(name, found["p99"] * 1000, 500, "ms", digits=0)
