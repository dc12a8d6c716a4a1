"""What a channel costs: `bot run` with one of them on, and with all, against the simulators that come along.

One process of simulators plays all providers and the model, so what is compared differs in the bot alone.
"""

import json
import tempfile
import time
import urllib.request
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import Any

from bench.bots import DATABASE, bot_in
from bench.processes import Child, started
from bench.ratios import at_most, ratio
from bench.sizes import Sizes
from bench.table import Row
from bot.dev_environment import simulated_environment
from bot.store.lock import holder

CHANNELS = ("slack", "discord", "sms", "email")
TITLES = {"slack": "Slack", "discord": "Discord", "sms": "SMS", "email": "e-mail"}
MOST_MEGABYTES, MOST_OF_ALL = 125, 145
PATIENCE = 90.0
SETTLED = 1.0  # seconds

_CONFIG = """
model_provider = "anthropic"
default_agent = "assistant"

[web]
port = 0

[models.main]
provider = "anthropic"
name = "claude-sonnet-5-5"

[channels.sms]
strangers = "chat"

[channels.discord]
strangers = "chat"
"""

_LOCAL = urllib.request.build_opener(urllib.request.ProxyHandler({}))

Runs = dict[tuple[str, str], list[float]]
"""From (which channels, what) to what each round found."""


def rows(sizes: Sizes) -> list[Row]:
    runs: Runs = defaultdict(list)
    with tempfile.TemporaryDirectory() as name, started("simulators", talks=True) as simulators:
        addresses = simulators.hear()
        for number in range(sizes.starts):
            for which in (*CHANNELS, "all"):
                start(which, addresses, Path(name) / f"{which}{number}", runs)
    return in_rows(runs)


def in_rows(runs: Runs) -> list[Row]:
    starts = [
        Row(
            f"{TITLES[name]}: CPU of a cold start, against Slack alone",
            round(ratio(runs[name, "ready"], runs["slack", "ready"]), 2),
            "x",
        )
        for name in CHANNELS[1:]
    ]
    everything = ratio(runs["all", "ready"], runs["slack", "ready"])
    return [
        *starts,
        Row("all channels: CPU of a cold start, against Slack alone", round(everything, 2), "x"),
        *(
            _memory(f"idle memory, {TITLES[name]} alone", runs[name, "memory"], MOST_MEGABYTES)
            for name in CHANNELS
        ),
        _memory("idle memory, all channels", runs["all", "memory"], MOST_OF_ALL),
    ]


def _memory(name: str, found: list[float], most: float) -> Row:
    return at_most(name, median(found), most, "MB", digits=0)


def start(which: str, addresses: Mapping[str, str], folder: Path, runs: Runs) -> None:
    """The CPU until it is ready, and the memory once it has answered on each of its channels."""
    on = CHANNELS if which == "all" else (which,)
    env = simulated_environment(frozenset((*on, "model")), addresses)
    with bot_in(folder, _CONFIG, env) as child:
        _until(lambda: _is_ready(folder / DATABASE, child), "the bot is ready")
        runs[which, "ready"].append(child.cpu())
        for channel in on:
            _converse(addresses["sim_url"], channel)
        time.sleep(SETTLED)
        runs[which, "memory"].append(child.megabytes())


def _is_ready(database: Path, child: Child) -> bool:
    if child.process.poll() is not None:
        raise RuntimeError(f"the bot has ended with {child.process.returncode}")
    found = holder(database) if database.exists() else None
    if found is None or not found.url:
        return False
    with suppress(OSError), _LOCAL.open(f"{found.url}/readyz", timeout=5) as answer:
        return int(answer.status) == 200
    return False


def _converse(sim_url: str, channel: str) -> None:
    """Ann asks something and reads the answer of the model, which the bot has imported by then."""
    before = _answers(sim_url, channel)
    said = {"from": "ann", "text": "what time is it?"} | (
        {"subject": "a question"} if channel == "email" else {}
    )
    request = urllib.request.Request(
        f"{sim_url}/sim/{channel}/say", json.dumps(said).encode(), {"Content-Type": "application/json"}
    )
    with _LOCAL.open(request, timeout=10):
        pass
    _until(lambda: _answers(sim_url, channel) > before, f"there is an answer over {TITLES[channel]}")


def _answers(sim_url: str, channel: str) -> int:
    query = "channel=ann" if channel == "slack" else "to=ann"
    with _LOCAL.open(f"{sim_url}/sim/{channel}/messages?{query}", timeout=10) as answer:
        found: Any = json.load(answer)
    return len(found if channel == "slack" else found["messages"])


def _until(true: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not true():
        if time.monotonic() > end:
            raise RuntimeError(f"not within {PATIENCE:g} s: {what}")
        time.sleep(0.02)
