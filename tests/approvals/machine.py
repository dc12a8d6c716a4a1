"""Requests in the real bot, on a real database, in whatever order; an oracle says what must come of them."""

import asyncio
import re
import tempfile
from collections.abc import Coroutine, Mapping
from contextlib import AsyncExitStack
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from pydantic import JsonValue

from bot.events import Decision, ModelAnswered
from bot.testing import FakeClock, reply
from tests.approvals.kit import Deploys, Opened, by_api, by_button, by_text, opened, row_of, wants
from tests.approvals.oracle import APPROVERS, Oracle
from tests.sim.ground import fast_folder

R = TypeVar("R")
TICKS = (1.0, 600.0, 899.999, 901.0, 3600.0, 4 * 3600 - 0.001, 4 * 3600.0)
MOST_OPEN = 8
TOO_LATE = 901.0  # seconds, to start what was approved
WAYS = (by_text, by_button, by_api)
WHICH = st.integers(0, 30)


def plan(request: Mapping[str, JsonValue]) -> ModelAnswered:
    """Wants to deploy what the last message says, if nothing came of it yet."""
    shown = str(request["messages"])
    last = shown.rpartition("<message")[2]
    tag = re.search(r"deploy (v\d+)", last)
    return wants(tag[1]) if tag and "<tool_result" not in last else reply("So be it.")


class Requests(RuleBasedStateMachine):
    """Ask, decide, change, wait, stop, start again."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory(dir=fast_folder())
        self.clock, self.deploys, self.oracle = FakeClock(), Deploys(), Oracle()
        self.numbers = count(1)
        self.stack = AsyncExitStack()

    def teardown(self) -> None:
        self.run(self.stack.aclose())
        self.runner.close()
        self.folder.cleanup()

    def run(self, coroutine: Coroutine[Any, Any, R]) -> R:
        return self.runner.run(coroutine)

    @initialize()
    def begins(self) -> None:
        self.start()
        self.asks()

    def start(self) -> None:
        folder = Path(self.folder.name)
        bot = opened(folder, script=plan, deploys=self.deploys, clock=self.clock)
        self.it: Opened = self.run(self.stack.enter_async_context(bot))

    def one(self, which: int) -> str:
        """One of all the requests there ever were, the last ones rather."""
        ids = list(self.oracle.requests)[::-1]
        return ids[which % len(ids)]

    # ------------------------------------------------------------ what is done

    @rule()
    def asks(self) -> None:
        self.settles()
        if len(self.oracle.pending) >= MOST_OPEN:
            return
        number = next(self.numbers)
        self.run(self.it.bot.say(f"deploy v{number}", place=f"p{number}"))
        self.run(self.it.bot.settle())
        new = self.new_requests()
        assert len(new) == 1, "it was not asked for"
        self.oracle.asked(new[0], f"v{number}", f"p{number}", self.clock.now)

    @rule(
        which=WHICH,
        who=st.sampled_from(APPROVERS),
        way=st.sampled_from(WAYS),
        after=st.sampled_from((0.0, *TICKS)),
        then=st.sampled_from(("", "waits", "settles", "both")),
    )
    def approves(self, which: int, who: str, way: Any, after: float, then: str) -> None:
        id_ = self.one(which)
        self.clock.advance(after)
        self.run(way(self.it.bot, who, self.row(id_)))
        self.oracle.answered(id_, who, "approve", self.clock.now)
        self.goes_on(then)

    @rule(
        which=WHICH,
        who=st.sampled_from(APPROVERS),
        decision=st.sampled_from(["edit", "reject", "respond"]),
        then=st.sampled_from(("", "settles")),
    )
    def decides_otherwise(self, which: int, who: str, decision: Decision, then: str) -> None:
        id_, changed = self.one(which), f"e{next(self.numbers)}"
        args: dict[str, JsonValue] | None = None
        if decision == "edit":
            args = {"environment": "staging", "tag": changed}
        self.run(by_button(self.it.bot, who, self.row(id_), decision, "so", args))
        self.oracle.answered(id_, who, decision, self.clock.now, changed if args else "")
        self.goes_on(then)

    def goes_on(self, then: str) -> None:
        if then in ("waits", "both"):
            self.clock.advance(TOO_LATE)
        if then in ("settles", "both"):
            self.settles()

    @rule(which=WHICH, args=st.sampled_from([{}, {"environment": 1}, {"environment": "x", "tool": "y"}]))
    def changes_it_to_what_the_tool_does_not_take(self, which: int, args: dict[str, JsonValue]) -> None:
        self.run(by_button(self.it.bot, "carol", self.row(self.one(which)), "edit", args=args))

    @rule(which=WHICH, who=st.sampled_from(["bob", "ann"]), decision=st.sampled_from(["approve", "reject"]))
    def somebody_decides_who_may_not(self, which: int, who: str, decision: Decision) -> None:
        id_ = self.one(which)
        self.run(by_api(self.it.bot, who, self.row(id_), decision))
        self.oracle.answered(id_, who, decision, self.clock.now)

    @rule(which=WHICH)
    def somebody_uses_anothers_handle(self, which: int) -> None:
        id_ = self.one(which)
        handle = self.it.bot.keys.handle("approval", id_, "carol")
        self.run(self.it.bot.press("bob", id_, "approve", handle=handle))

    @rule(which=WHICH)
    def changes_the_message(self, which: int) -> None:
        place = self.oracle.requests[self.one(which)].place
        version = f"{next(self.numbers):06}"
        self.run(self.it.bot.edit(place, "rather not", version=version))
        self.oracle.edited(place)

    @rule()
    def stops(self) -> None:
        self.run(self.it.bot.say("stop"))
        self.oracle.stopped()

    @rule(seconds=st.sampled_from(TICKS))
    def waits(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @rule()
    def starts_again(self) -> None:
        self.run(self.stack.aclose())
        self.stack = AsyncExitStack()
        self.start()
        self.run(self.it.bot.recover())
        self.settles()

    # ------------------------------------------------------------ what must hold

    @rule()
    def settles(self) -> None:
        self.run(self.it.bot.settle())
        anew = self.oracle.settled(self.clock.now)
        new = self.new_requests()
        assert len(new) == len(anew), "what could not start in time was not asked for anew"
        for id_, asked in zip(new, anew, strict=True):
            self.oracle.asked(id_, asked.tag, asked.place, self.clock.now)
        assert [tag for _, tag in self.deploys.ran] == self.oracle.ran
        assert len(set(self.deploys.keys)) == len(self.deploys.keys), "a call was made twice"
        for id_, asked in self.oracle.requests.items():
            assert self.row(id_).status == asked.status

    def row(self, id_: str) -> Any:
        return self.run(row_of(self.it.bot, id_))

    def new_requests(self) -> list[str]:
        """Open requests that the oracle does not know, in the order in which they were asked for."""
        rows = sorted(self.run(self.it.bot.open_requests()), key=lambda row: row.seq)
        return [row.id for row in rows if row.id not in self.oracle.requests]
