"""A conversation of 500 turns costs at its end what it cost after 50, and keeps to its budget."""

import pytest

from bot import snapshot
from bot.fold import fold_all
from bot.testing import open_test_bot, reply
from bot.thread import Thread

TURNS = 500
PAGE = 4096

pytestmark = pytest.mark.prove


async def test_a_thread_of_500_turns_stays_under_its_budget_and_costs_no_more_than_one_of_50(ram):
    tokens, pages = [], []
    async with open_test_bot(ram, script=lambda request: reply("A short answer to what was asked.")) as bot:
        for number in range(TURNS):
            received = await bot.say(f"this is message number {number}, what do you think of it?")
            await bot.settle()
            tokens.append(_tokens(bot.model.requests.pop()))
            pages.append(await bot.store.between_batches(_pages))
        log = await bot.log(received.thread_id)
        loaded = await bot.store.load(received.thread_id)

    assert max(tokens) <= 8192
    assert max(tokens[450:]) <= 1.2 * max(tokens[50:100])
    per_turn = [(pages[end - 1] - pages[end - 100]) * PAGE / 99 for end in (200, 300, 400, 500)]
    assert max(per_turn) <= 6 * 1024
    assert max(per_turn) <= 1.2 * min(per_turn)
    assert len(snapshot.dump(fold_all(Thread(received.thread_id), log))) <= 32 * 1024
    assert loaded.snapshot is not None
    assert len(loaded.events) <= 2 * snapshot.SNAPSHOT_EVERY
    assert bot.texts == ["A short answer to what was asked."] * TURNS


def _tokens(body) -> int:
    blocks = (*body["system"], *body["messages"][0]["content"])
    return sum(len(block["text"].encode()) for block in blocks) // 4


def _pages(connection) -> int:
    return int(connection.execute("PRAGMA page_count").fetchone()[0])
