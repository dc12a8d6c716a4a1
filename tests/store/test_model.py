"""The store against a few dictionaries: whatever the order of inputs, appends and restarts, they agree."""

import asyncio
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from bot.errors import Fenced
from bot.store.sqlite import SqliteStore
from tests.store import kit
from tests.store.kit import FakeClock, message

NAMES = st.sampled_from(["C1", "C2", "C3"])


@dataclass
class ModelThread:
    types: list[str] = field(default_factory=lambda: ["thread.opened"])
    head: int = 0
    settled: int = 1

    def add(self, type_: str) -> int:
        self.types.append(type_)
        return len(self.types)


class StoreMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.runner = asyncio.Runner()
        self.clock = FakeClock()
        self.threads: dict[str, ModelThread] = {}
        self.ids: dict[str, str] = {}
        self.keys: dict[str, tuple[str, int]] = {}
        self.open()

    def open(self) -> None:
        self.store: SqliteStore = self.run(SqliteStore.open(self.folder / "db", clock=self.clock))

    def run(self, job: Any) -> Any:
        return self.runner.run(job)

    def teardown(self) -> None:
        self.run(self.store.close())
        self.runner.close()
        shutil.rmtree(self.folder)

    @rule(name=NAMES, key=st.none() | st.integers(0, 5).map(str), back=st.integers(-3, 3))
    def receive(self, name: str, key: str | None, back: int) -> None:
        self.clock.tick(back)
        received = self.run(self.store.receive(message(conversation=name, dedupe=key)))
        if key in self.keys:
            assert (received.duplicate, (received.thread_id, received.seq)) == (True, self.keys[key])
            return
        thread = self.threads.setdefault(name, ModelThread())
        assert self.ids.setdefault(name, received.thread_id) == received.thread_id
        assert (received.duplicate, received.seq) == (False, thread.add("message.received"))
        if key is not None:
            self.keys[key] = (received.thread_id, received.seq)

    @rule(name=NAMES)
    def give_feedback(self, name: str) -> None:
        if name not in self.threads:
            return
        thread = self.threads[name]
        received = self.run(self.store.receive(kit.feedback(self.ids[name])))
        before = len(thread.types)
        assert received.seq == thread.add("feedback.received")
        if thread.settled == before:
            thread.settled = received.seq

    @rule(
        name=NAMES,
        stale_head=st.sampled_from([0, 0, 0, 1]),
        missed=st.sampled_from([0, 0, 1, 2]),
        results=st.integers(0, 2),
        decisions=st.integers(0, 2),
        settled=st.booleans(),
    )
    def append(
        self, name: str, stale_head: int, missed: int, results: int, decisions: int, settled: bool
    ) -> None:
        if name not in self.threads:
            return
        thread = self.threads[name]
        seen = max(len(thread.types) - missed, 1)
        job = self.store.append(
            self.ids[name],
            head=thread.head - stale_head,
            seen=seen,
            results=[kit.answered()] * results,
            decisions=[kit.started()] * decisions,
            settled=settled,
        )
        if stale_head:
            try:
                self.run(job)
            except Fenced:
                return
            raise AssertionError("not fenced")
        appended = self.run(job)
        decided = seen == len(thread.types)
        for _ in range(results):
            thread.head = thread.add("model.answered")
        for _ in range(decisions if decided else 0):
            thread.head = thread.add("turn.started")
        if settled and decided:
            thread.settled = len(thread.types)
        assert appended.decided == decided
        assert [event.type for event in appended.events] == thread.types[seen:]

    @rule()
    def restart(self) -> None:
        self.run(self.store.close())
        self.open()
        left = {self.ids[name] for name, thread in self.threads.items() if thread.settled < len(thread.types)}
        taken: list[str] = []
        while batch := self.run(self.store.take_over()):
            taken += batch
        assert len(taken) == len(left)
        assert set(taken) == left

    @rule()
    def rebuild(self) -> None:
        assert self.run(self.store.rebuild()) == 0

    @invariant()
    def agrees(self) -> None:
        for name, thread in self.threads.items():
            loaded = self.run(self.store.load(self.ids[name]))
            row = self.run(self.store.thread(self.ids[name]))
            assert [event.type for event in loaded.events] == thread.types
            assert [event.seq for event in loaded.events] == list(range(1, len(thread.types) + 1))
            assert (loaded.head, row.last_seq, row.settled_seq) == (
                thread.head, len(thread.types), thread.settled,
            )  # fmt: skip
            times = [event.time for event in loaded.events]
            assert times == sorted(times)


TestStoreAgainstModel = StoreMachine.TestCase
TestStoreAgainstModel.settings = settings(
    max_examples=25, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
