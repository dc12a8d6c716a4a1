"""What holds for every history: nothing makes the fold fail, requests only grow, stay small, and say who speaks."""

from random import Random

from hypothesis import given, strategies as st

from bot import snapshot
from bot.events import Block, ControlRequested
from bot.fold import fold
from bot.thread import Thread
from tests.replay.histories import live
from tests.replay.purebot import PureBot, said, step, texts_of

HISTORIES = st.builds(Random, st.integers(0, 2**32))


@given(HISTORIES)
def test_no_history_makes_fold_or_decide_fail_and_a_snapshot_is_the_thread(r):
    bot = live(r, PureBot(), moves=40)

    assert bot.folded_anew() == bot.thread
    thread = Thread("t")
    for event in bot.events.values():
        thread = fold(thread, event)
        if thread.turn is None:
            assert snapshot.parse(snapshot.dump(thread)) == thread


@given(HISTORIES)
def test_each_request_extends_the_one_before_it_until_a_compaction(r):
    bot = live(r, PureBot(max_context_tokens=3000, block_clip=2000), moves=40)

    pairs = zip(bot.requests, bot.requests[1:], bot.compactions, bot.compactions[1:], strict=False)
    for earlier, later, compacted, compacted_later in pairs:
        if compacted == compacted_later:
            stable = texts_of(earlier)[:-1]
            assert texts_of(later)[: len(stable)] == stable
        assert earlier["system"] == later["system"]


@given(HISTORIES)
def test_every_request_stays_under_the_budget(r):
    bot = live(r, PureBot(max_context_tokens=3000, block_clip=2000), moves=60)

    for body in bot.requests:
        size = sum(
            len(text.encode()) for text in (*texts_of(body), *(block["text"] for block in body["system"]))
        )
        assert size // 4 <= 3000


def test_a_message_of_many_long_parts_takes_no_more_room_than_one():
    bot = PureBot(max_context_tokens=8192, block_clip=16_000)
    parts = tuple(Block(source="attachment", kind="file", name="n", text="y" * 200_000) for _ in range(9))

    bot.arrives(said("", "p").model_copy(update={"blocks": parts}))
    bot.goes_on(lambda: step("reply", "ok"), lambda calling: [])

    assert sum(len(text.encode()) for text in texts_of(bot.requests[-1])) < 17_000


def test_what_people_say_among_themselves_does_not_grow_without_end():
    bot = PureBot()
    bot.arrives(ControlRequested(action="take_over", by="U1"))

    for number in range(500):
        bot.arrives(said("among ourselves", f"p{number}"))
        bot.goes_on(lambda: step("reply", "ok"), lambda calling: [])

    assert len(snapshot.dump(bot.thread)) < 10_000
    assert bot.requests == []
