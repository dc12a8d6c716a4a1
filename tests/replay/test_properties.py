"""What holds for every history: nothing makes the fold fail, requests only grow, stay small, and say who speaks."""

from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot import snapshot
from bot.thread import fold
from tests.replay.histories import live
from tests.replay.purebot import PureBot, texts_of

MANY = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
HISTORIES = st.builds(Random, st.integers(0, 2**32))


@MANY
@given(HISTORIES)
def test_no_history_makes_fold_or_decide_fail_and_a_snapshot_is_the_thread(r):
    bot = live(r, PureBot(), moves=40)

    assert bot.folded_anew() == bot.thread
    thread = PureBot().thread.__class__("t")
    for event in bot.events.values():
        thread = fold(thread, event)
        if thread.turn is None:
            assert snapshot.parse(snapshot.dump(thread)) == thread


@MANY
@given(HISTORIES)
def test_each_request_extends_the_one_before_it_until_a_compaction(r):
    bot = live(r, PureBot(max_context_tokens=3000, block_clip=2000), moves=40)

    pairs = zip(bot.requests, bot.requests[1:], bot.compactions, bot.compactions[1:], strict=False)
    for earlier, later, compacted, compacted_later in pairs:
        if compacted == compacted_later:
            stable = texts_of(earlier)[:-1]
            assert texts_of(later)[: len(stable)] == stable
        assert earlier["system"] == later["system"]


@MANY
@given(HISTORIES)
def test_every_request_stays_under_the_budget(r):
    bot = live(r, PureBot(max_context_tokens=3000, block_clip=2000), moves=60)

    for body in bot.requests:
        size = sum(len(text.encode()) for text in (*texts_of(body), *(block["text"] for block in body["system"])))
        assert size // 4 <= 3000
