from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from bot.ports import OutboxRow
from bot.queues import Queues, place_of
from tests.core.parts_kit import START, message

EVER = START + timedelta(days=3650)
PAGE = 3


class Sending(RuleBasedStateMachine):
    """An outbox with a store beside it, one small step at a time, in any order that can happen.

    What the store answers may be out of date when it arrives, and what is written may be heard a little later
    (but before anything written after it is).
    """

    def __init__(self):
        super().__init__()
        self.queues = Queues(most=4)
        self.now = START
        self.open: dict[str, OutboxRow] = {}  # the store
        self.unheard: list[OutboxRow] = []
        self.under_way: dict[str, OutboxRow] = {}
        self.answer: tuple[list[OutboxRow], bool] | None = None
        self.reported: list[tuple[OutboxRow, dict[str, Any]]] = []
        self.sent: list[OutboxRow] = []
        self.written = 0

    # the world

    @rule(to=st.sampled_from("ABCDE"), heard=st.booleans())
    def write(self, to, heard):
        self.written += 1
        row = OutboxRow(f"m{self.written:04}", "t", self.written, message(to), self.now)
        self.open[row.id] = row
        self.unheard.append(row)
        if heard:
            self.hear()

    @rule()
    def hear(self):
        for row in self.unheard:
            self.queues.add(row)
        self.unheard.clear()

    @rule(seconds=st.integers(1, 100))
    def time_passes(self, seconds):
        self.now += timedelta(seconds=seconds)

    @precondition(lambda self: self.under_way)
    @rule(data=st.data(), closed=st.booleans(), wait=st.none() | st.integers(1, 50))
    def report(self, data, closed, wait):
        row = self.under_way.pop(data.draw(st.sampled_from(sorted(self.under_way))))
        self.hear()  # a report is committed after what was written before it
        again_at = None if closed or wait is None else self.now + timedelta(seconds=wait)
        if closed:
            self.sent.append(self.open.pop(row.id))
        elif again_at:
            self.open[row.id] = replace(self.open[row.id], not_before=again_at)
        self.reported.append((row, {"closed": closed, "again_at": again_at}))

    @precondition(lambda self: self.reported)
    @rule()
    def finish(self):
        row, how = self.reported.pop(0)
        self.queues.done(row, **how)

    # the outbox

    @precondition(lambda self: self.answer is None)
    @rule()
    def start_what_is_ready(self):
        self.start(self.queues.take_ready())

    @precondition(lambda self: self.answer is None and self.queues.must_ask(self.now))
    @rule()
    def ask(self):
        self.queues.asking()
        heads = self.heads()
        whole = len(heads) < PAGE
        due = [row for row in heads if row.not_before is None or row.not_before <= self.now]
        self.answer = heads if whole else due[: PAGE + self.queues.busy], whole

    @precondition(lambda self: self.answer is not None)
    @rule()
    def get_the_answer(self):
        assert self.answer is not None
        (heads, whole), self.answer = self.answer, None
        self.start(self.queues.answered(heads, self.now, whole=whole))

    def heads(self):
        heads: dict[object, OutboxRow] = {}
        for row in self.open.values():
            heads.setdefault(place_of(row), row)
        return list(heads.values())

    def start(self, rows):
        for row in rows:
            assert row.id in self.open, "sent twice"
            assert row.id not in self.under_way, "under way twice"
            first = next(each for each in self.open.values() if place_of(each) == place_of(row))
            assert row.id == first.id, "out of order"
            assert (first.not_before or self.now) <= self.now, "too early"
            self.under_way[row.id] = row

    @invariant()
    def only_one_of_each_destination_is_under_way(self):
        rows = [*self.under_way.values(), *(row for row, _ in self.reported)]
        places = [place_of(row) for row in rows]
        assert len(places) == len(set(places)) == self.queues.busy

    def teardown(self):
        """When nothing fails any more, everything is sent."""
        self.hear()
        while self.reported:
            self.finish()
        for _ in range(10 * self.written + 10):
            if self.answer is not None:
                self.get_the_answer()
            self.now += timedelta(seconds=100)
            if self.queues.must_ask(self.now):
                self.ask()
                self.get_the_answer()
            self.start_what_is_ready()
            for row in list(self.under_way.values()):
                del self.under_way[row.id]
                self.sent.append(self.open.pop(row.id))
                self.queues.done(row, closed=True)
        assert self.open == {}
        assert len(self.sent) == self.written


Sending.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestSending = Sending.TestCase


def test_in_the_steady_state_the_store_is_not_asked():
    queues = Queues()
    queues.asking()
    queues.answered([], START, whole=True)

    for number in range(3):
        queues.add(OutboxRow(f"m{number}", "t", number, message("A"), START))
        [row] = queues.take_ready()
        queues.done(row, closed=True)

        assert not queues.must_ask(EVER)
