"""Numbers for Prometheus: the agents' eight, folded from the log, and how the bot itself stands.

prometheus_client appends `_total` to counters: `agent_tool_calls` is read as `agent_tool_calls_total`.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import structlog
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from bot.errors import BrokenEvent, UnknownEvent
from bot.events import (
    ApprovalResolved,
    DeliveryReported,
    Event,
    FeedbackReceived,
    ModelAnswered,
    Outcome,
    TakeoverStarted,
    ThreadParked,
    ToolFinished,
    ToolStarted,
    TurnEnded,
)
from bot.ports import Health, Store, ThreadRow
from bot.turns import Followed, follow

SECONDS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600)
TOKENS = (100, 250, 500, 1000, 2000, 4000, 8000, 16_000, 32_000, 64_000, 128_000, 200_000)
RATINGS = (1, 2, 3, 4, 5)
PAGE = 500
LISTED = 100

SUCCESS: Mapping[Outcome, str] = {
    "replied": "true",
    "handed_off": "false",
    "capped": "false",
    "failed": "false",
}
"""Which turns complete a task; one that waits has not, and one that a person stopped is nobody's success."""

log = structlog.get_logger(__name__)


class AgentMetrics:
    """The eight metrics of the method and how requests ended, by agent. A fold: same events, same numbers."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series per counter that says when it was made; nobody asks
        self.registry = to = CollectorRegistry()
        by = ["agent"]
        self.time = Histogram(
            "agent_execution_time",
            "Seconds from the start of a turn to its end.",
            by,
            registry=to,
            buckets=SECONDS,
        )
        self.tokens = Histogram(
            "agent_token_usage", "Tokens of one model call, in and out.", by, registry=to, buckets=TOKENS
        )
        self.ratings = Histogram(
            "agent_user_satisfaction",
            "What people think: 1 (bad) to 5 (good).",
            by,
            registry=to,
            buckets=RATINGS,
        )
        self.confidence = Gauge("agent_confidence", "Confidence of the last step, 0 to 1.", by, registry=to)
        self.calls = Counter("agent_tool_calls", "Tool calls started.", [*by, "tool"], registry=to)
        self.escalations = Counter(
            "agent_human_escalations", "Threads handed to a person.", [*by, "reason"], registry=to
        )
        self.errors = Counter("agent_errors", "What went wrong, by type.", [*by, "type"], registry=to)
        self.approvals = Counter(
            "agent_approvals", "Requests for a person's yes, by how they ended.", [*by, "status"], registry=to
        )
        self.completed = Counter("agent_tasks_completed", "Turns ended.", [*by, "success"], registry=to)

    def count(self, event: Event, thread: Followed) -> None:
        """Take in one event; `thread` has followed it already."""
        agent = thread.agent
        match event.data:
            case ModelAnswered() as data:
                self._model_answered(agent, data)
            case ToolStarted(tool=tool):
                self.calls.labels(agent, tool).inc()
            case TakeoverStarted(reason=reason):
                self.escalations.labels(agent, reason).inc()
            case ApprovalResolved(status=status):
                self.approvals.labels(agent, status).inc()
            case FeedbackReceived(rating=rating, withdrawn=False):
                self.ratings.labels(agent).observe(rating)
            case TurnEnded(outcome=outcome):
                self._turn_ended(agent, outcome, event, thread)
            case _:
                pass
        if kind := error_type(event):
            self.errors.labels(agent, kind).inc()

    def _model_answered(self, agent: str, data: ModelAnswered) -> None:
        usage = data.usage
        if tokens := usage.input + usage.output + usage.cache_read + usage.cache_creation:
            self.tokens.labels(agent).observe(tokens)
        if data.step:
            self.confidence.labels(agent).set(data.step.confidence)

    def _turn_ended(self, agent: str, outcome: Outcome, event: Event, thread: Followed) -> None:
        if thread.turn:
            self.time.labels(agent).observe(max(0.0, (event.time - thread.turn.started).total_seconds()))
        if success := SUCCESS.get(outcome):
            self.completed.labels(agent, success).inc()


def error_type(event: Event) -> str | None:
    """The type under which an event counts as an error, if it does."""
    match event.data:
        case ModelAnswered(failure=failure) if failure:
            return f"model_{failure.kind}"
        case ToolFinished(status="failed" | "unknown" as status):
            return f"tool_{status}"
        case TurnEnded(outcome="failed"):
            return "turn_failed"
        case ThreadParked():
            return "thread_parked"
        case DeliveryReported(status="dead"):
            return "delivery_dead"
        case _:
            return None


class Metrics:
    """What /metrics shows. `observe` counts what happens now, `replay` what happened before, each event once.

    With `history` the eight are shown only after `replay`: Prometheus would take a counter that is still
    catching up for one that was reset and then grew by everything there ever was.
    """

    def __init__(self, *, history: bool = True) -> None:
        self._agents = AgentMetrics()
        self._complete = not history
        self._first_heard: dict[str, int] = {}
        self._replayed: dict[str, int] = {}
        self._watched = _Watched()
        self._operations = CollectorRegistry()
        self._operations.register(self._watched)

    def observe(self, event: Event, thread: Followed) -> None:
        """Count an event of this process."""
        if event.seq <= self._replayed.get(event.thread_id, 0):
            return
        if not self._complete:
            self._first_heard.setdefault(event.thread_id, event.seq)
        self._agents.count(event, thread)

    def watch(
        self,
        name: str,
        text: str,
        read: Callable[[], float | Mapping[str, float]],
        *,
        label: str = "",
        kind: Literal["gauge", "counter"] = "gauge",
    ) -> None:
        """Show a number that is asked for at each reading; with a `label`, one for each of its values."""
        self._watched.numbers.append(_Number(name, text, read, label, kind))

    def watch_channels(self, read: Callable[[], Mapping[str, Health]]) -> None:
        """Show which channels are connected, how long ago their providers gave a sign of life, and an event."""

        def connected() -> dict[str, float]:
            return {name: float(health.state == "connected") for name, health in read().items()}

        def age() -> dict[str, float]:
            return {name: health.age for name, health in read().items() if health.age is not None}

        def quiet() -> dict[str, float]:
            return {name: health.quiet for name, health in read().items() if health.quiet is not None}

        self.watch("saywhen_channel_connected", "1 if connected.", connected, label="channel")
        self.watch("saywhen_channel_sign_of_life_seconds", "Age of the last pong.", age, label="channel")
        self.watch("saywhen_channel_last_event_seconds", "Age of the last event.", quiet, label="channel")

    def exposition(self) -> tuple[bytes, str]:
        """The text for Prometheus and its content type."""
        text = generate_latest(self._operations)
        if self._complete:
            text = generate_latest(self._agents.registry) + text
        return text, CONTENT_TYPE_LATEST

    async def replay(self, store: Store, *, settle: float = 60.0) -> None:
        """Count what the log held before this process, in pages; what arrives meanwhile is counted once.

        What is written now may be on its way to `observe`: the marks are kept for `settle` seconds more.
        """
        async for row in _all_threads(store):
            await self._replay_thread(store, row)
        self._complete = True
        await asyncio.sleep(settle)
        self._first_heard.clear()
        self._replayed.clear()

    async def _replay_thread(self, store: Store, row: ThreadRow) -> None:
        thread = Followed(row.thread_id, row.agent, row.channel)
        seq = self._replayed.get(row.thread_id, 0)  # begun before, if this was started again after a failure
        try:
            while events := await store.events(row.thread_id, after=seq, limit=PAGE):
                for event in events:
                    if event.seq >= self._first_heard.get(row.thread_id, event.seq + 1):
                        return
                    follow(thread, event)
                    self._agents.count(event, thread)
                self._replayed[row.thread_id] = seq = events[-1].seq
        except (BrokenEvent, UnknownEvent) as error:
            log.warning(
                "the rest of a thread is not in the metrics", thread_id=row.thread_id, error=str(error)
            )


async def _all_threads(store: Store) -> AsyncIterator[ThreadRow]:
    """The threads there are, newest first; one opened meanwhile is heard from its first event on."""
    last: str | None = None
    while rows := await store.threads(limit=LISTED, before=last):
        for row in rows:
            yield row
        last = rows[-1].thread_id


@dataclass(frozen=True, slots=True)
class _Number:
    name: str
    text: str
    read: Callable[[], float | Mapping[str, float]]
    label: str
    kind: Literal["gauge", "counter"]


class _Watched(Collector):
    """Asks for the numbers of the bot when Prometheus asks us."""

    def __init__(self) -> None:
        self.numbers: list[_Number] = []

    def collect(self) -> Iterator[Metric]:
        return map(_family, self.numbers)


def _family(number: _Number) -> Metric:
    labels = [number.label] if number.label else []
    family = (CounterMetricFamily if number.kind == "counter" else GaugeMetricFamily)(
        number.name, number.text, labels=labels
    )
    found = number.read()
    for value, reading in found.items() if isinstance(found, Mapping) else [("", found)]:
        family.add_metric([value] if labels else [], reading)
    return family
