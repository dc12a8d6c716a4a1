"""A bot without a world: a test gives inputs, answers and results; fold, decide and rendering are the real ones."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from bot import context, decide, events as ev
from bot.context import AgentTexts, Ask
from bot.decide import AskModel, Plan, RunTool, Wait
from bot.drafting import stamped
from bot.events import Draft, Event
from bot.fold import fold, fold_all
from bot.rules import AgentRules, Gate, Rules, ToolRule
from bot.thread import Calling, Thread

START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
TEXTS = AgentTexts("You are an agent.", "<tools>\nlook\n</tools>", '{"type":"object"}')
TOOLS = {
    "look": ToolRule("read"),
    "put": ToolRule("idempotent"),
    "job": ToolRule("unsafe"),
    "remind": ToolRule("stored"),
    "deploy": ToolRule("unsafe", gate=Gate("always")),
}


@dataclass
class PureBot:
    """Goes on with a thread for as long as it is told what the world says."""

    max_context_tokens: int = 1200
    block_clip: int = 1600
    thread: Thread = field(default_factory=lambda: Thread("t"))
    events: dict[int, Event] = field(default_factory=dict)
    now: datetime = START
    requests: list[dict[str, Any]] = field(default_factory=list)
    found: set[str] = field(default_factory=set)  # what was called that is not pure, where somebody watches
    compactions: list[int] = field(default_factory=list)  # of each request: how often was compacted before

    def __post_init__(self) -> None:
        agent = AgentRules(TOOLS, max_steps=6, fixed_tokens=TEXTS.tokens)
        self.rules = Rules(
            agents={"assistant": agent},
            max_context_tokens=self.max_context_tokens,
            block_clip=self.block_clip,
            backup_model=True,
        )
        self.arrives(ev.ThreadOpened(conversation="c", agent="assistant", account="A", destination="d"))

    def arrives(self, data: ev.AnyInput) -> None:
        event = Event("t", self.thread.seq + 1, "", self.now, data, channel="fake")
        self._take_in(event)

    def goes_on(
        self,
        think: Callable[[], ev.ModelAnswered],
        run: Callable[[Calling], list[ev.AnyData]],
        *,
        most: int = 30,
    ) -> None:
        """Decide and act until there is nothing to do."""
        for _ in range(most):
            plan = self._decide()
            self._write(plan.drafts)
            match plan.action:
                case Wait():
                    return
                case AskModel():
                    if plan.action.resume is None:
                        self._ask(plan.action)
                    self._write([Draft(think(), run=plan.action.run)])
                case RunTool():
                    calling = self.thread.open_turn.pending
                    assert isinstance(calling, Calling)
                    self._write([Draft(data, run=plan.action.run) for data in run(calling)])
        raise AssertionError("it never comes to rest")

    def announces(self) -> None:
        """Decide and write it down; then the process dies."""
        plan = self._decide()
        self._write(plan.drafts)
        if isinstance(plan.action, AskModel) and plan.action.resume is None:
            self._ask(plan.action)

    def passes(self, seconds: float) -> None:
        """Time goes by, and what is due fires."""
        self.now += timedelta(seconds=seconds)
        for timer_id, timer in sorted(self.thread.timers.items()):
            if timer.due_at <= self.now:
                self.arrives(
                    ev.TimerFired(timer_id=timer_id, purpose=timer.purpose, due_at=timer.due_at, text="now")
                )

    def folded_anew(self) -> Thread:
        return fold_all(Thread("t"), self.events.values())

    def _decide(self) -> Plan:
        return decide.decide(self.thread, self.now, self.rules, tries=1)

    def _ask(self, action: AskModel) -> None:
        settings = ev.AskSettings(
            render_version=context.RENDER_VERSION, max_tokens=100, structured=True, timezone="UTC",
            block_clip=self.rules.block_clip,
        )  # fmt: skip
        ask = Ask("m", self.now, settings)
        body = context.request(self.thread, self.events, TEXTS, ask)
        asked = context.asked(self.thread, body, TEXTS, ask, degraded=action.degraded)
        self.requests.append(body)
        self.compactions.append(sum(isinstance(e.data, ev.ContextCompacted) for e in self.events.values()))
        self._write([Draft(asked, run=action.run)])

    def _write(self, drafts: Sequence[Draft]) -> None:
        for event in stamped(self.thread, drafts, self.now):
            self._take_in(event)

    def _take_in(self, event: Event) -> None:
        self.thread = fold(self.thread, event)
        self.events[event.seq] = event


def texts_of(body: Mapping[str, Any]) -> list[str]:
    """The blocks of a request; the last one is the volatile tail."""
    return [block["text"] for block in body["messages"][0]["content"]]


def said(
    text: str, place: str, *, by: str = "U1", source: ev.Source = "person", display: str = ""
) -> ev.MessageReceived:
    return ev.MessageReceived(
        place=place, blocks=(ev.Block(source=source, text=text),), display=display,
        sender=ev.Sender(channel="fake", address=by, proof="provider"),
    )  # fmt: skip


def step(intent: ev.Intent, message: str = "", tool: str = "", **args: Any) -> ev.ModelAnswered:
    action = ev.ProposedAction(tool=tool, args=args) if tool else None
    return ev.ModelAnswered(
        step=ev.Step(intent=intent, message=message, confidence=0.9, proposed_action=action)
    )


def finished(calling: Calling, status: ev.ToolStatus, result: str, **more: Any) -> ev.ToolFinished:
    return ev.ToolFinished(
        call_id=calling.call_id, tool=calling.tool, args_digest=calling.args_digest, status=status, result=result,
        **more,
    )  # fmt: skip
