"""The harness of `make bench`, run with tiny numbers: it measures what it says, and reports it."""

import asyncio
import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from bench import against_floor, each_channel, prompts
from bench.bots import our_bot, stage
from bench.long_thread import talk
from bench.pending import recovery
from bench.processes import measure
from bench.ratios import at_least, at_most, ratio
from bench.sizes import FULL, Sizes
from bench.table import report
from simulators.discord import DiscordSimulator
from simulators.discord.config import BOT_TOKEN
from simulators.messages import MessagesSimulator

pytestmark = pytest.mark.slow
TINY = Sizes(rounds=1, floor=((2, 10),), slack=((1, 2),), slow_model=2, starts=1, long_turns=5, pending=20)


def test_a_tool_turn_takes_at_most_six_commits_and_ten_events():
    core = measure("core", at_once=2, messages=20)

    assert core["events"] == 20 * 10
    assert core["transactions"] <= 20 * 6 + 2  # a snapshot may ride along
    assert core["fsyncs"] <= core["transactions"]


@pytest.mark.swept
def test_the_floor_and_the_store_alone_do_the_same_four_transactions_a_message():
    floor, store = (measure(kind, at_once=2, messages=20) for kind in ("floor", "store"))

    assert floor["transactions"] == store["transactions"] == 80


@pytest.mark.swept
def test_every_row_against_the_floor_has_a_target_and_says_whether_it_is_met(tmp_path):
    rows = against_floor.rows(TINY)

    report(rows, tmp_path / "latest.json")

    written = json.loads((tmp_path / "latest.json").read_text())
    assert [row["name"] for row in written] == [row.name for row in rows]
    assert all(set(row) == {"name", "value", "unit", "target", "met"} for row in written)
    assert all(isinstance(row["met"], bool) for row in written)


@pytest.mark.swept
@pytest.mark.parametrize("kind", ["core", "floor"])
def test_messages_that_were_pending_at_a_kill_are_all_answered_once(kind):
    found = recovery(kind, TINY.pending)

    assert (found["lost"], found["doubled"]) == (0, 0)


@pytest.mark.swept
def test_a_long_and_a_short_thread_are_compared_by_the_cpu_of_their_turns():
    found = measure("turns", long_turns=TINY.long_turns)

    assert found["long"] > 0
    assert found["short"] > 0


@pytest.mark.swept
async def test_a_steady_conversation_extends_its_prompt_and_its_size_stays_bounded(tmp_path):
    found = await talk(tmp_path)

    assert found["share"] >= 0.9
    assert found["tokens_500"] <= 1.2 * found["tokens_50"]
    assert found["bytes"] <= 6 * 1024


def test_the_default_agent_has_a_short_prompt():
    fixed = prompts.rows()[0]

    assert fixed.met


@pytest.mark.swept
def test_our_bot_answers_over_the_slack_of_the_bench_and_its_cpu_and_memory_are_read(tmp_path):
    with stage() as on, our_bot(on, tmp_path / "ours") as child:
        found = on.converse(2, 4)

        assert found["count"] == 4
        assert found["unexpected"] == 0
        assert child.cpu() > 0
        assert child.megabytes() > 10


@pytest.mark.swept
async def test_a_bot_on_another_channel_is_started_talked_to_and_weighed(tmp_path):
    runs = defaultdict(list)
    async with DiscordSimulator() as discord, MessagesSimulator() as model:
        addresses = {
            "sim_url": discord.base_url,
            "discord_bot_token": BOT_TOKEN,
            "discord_api_url": discord.api_url,
            "discord_gateway_url": discord.gateway_url,
            "messages_url": model.base_url,
        }
        await asyncio.to_thread(each_channel.start, "discord", addresses, tmp_path / "discord", runs)

    assert runs["discord", "ready"][0] > 0
    assert runs["discord", "memory"][0] > 10


def test_each_channel_is_held_to_the_memory_of_one_and_all_to_that_of_all():
    runs = {(name, "ready"): [2.0] for name in (*each_channel.CHANNELS, "all")}
    runs |= {(name, "memory"): [130.0] for name in (*each_channel.CHANNELS, "all")}

    found = {row.name: row.met for row in each_channel.in_rows(runs)}

    assert [found[f"idle memory, {title} alone"] for title in each_channel.TITLES.values()] == [False] * 4
    assert found["idle memory, all channels"]


def test_a_ratio_is_the_median_of_those_of_neighbouring_runs():
    assert ratio([2, 30, 4], [1, 10, 1]) == 3
    assert (at_most("a", 1.5, 1.5).met, at_most("a", 1.6, 1.5).met) == (True, False)
    assert (at_least("a", 3, 3).met, at_least("a", 2.9, 3).met) == (True, False)


def test_the_bot_that_is_compared_with_is_not_needed_to_run_the_tests():
    code = "import bench.__main__, sys; sys.exit('pydantic_ai' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2]).returncode == 0


def test_the_full_run_covers_what_the_design_asks_for():
    assert [at_once for at_once, _ in FULL.floor] == [1, 16, 256]
    assert [at_once for at_once, _ in FULL.slack] == [1, 16, 64]
    assert (FULL.pending, FULL.long_turns * 10) == (10_000, 100_000)
