"""How events reach the app: sent, acknowledged within 3 seconds or sent again, and kept until then."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from simulators.slack import payloads
from simulators.slack.config import Json, SlackConfig
from simulators.slack.state import Delivery, SlackState

ACK_SECONDS = 3.0
RETRY_DELAYS = (0.0, 60.0, 300.0)
"""Slack tries again at once, after a minute and after five; then it gives up."""
EVENT_ID_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True)
class Outcome:
    """What became of one attempt. `failure` is Slack's name for it; None means acknowledged."""

    failure: str | None = None
    response: Json | None = None
    retry: bool = True
    sent: bool = True


class Carrier(Protocol):
    """Socket Mode or HTTP: the way from Slack to the app."""

    async def ready(self) -> None:
        """Return when an attempt makes sense (a socket is open; HTTP always is)."""

    async def carry(self, kind: str, delivery: Delivery, *, timeout: float) -> Outcome: ...


@dataclass
class Stats:
    """Counts since this simulator started."""

    events: int = 0
    deliveries: int = 0
    redeliveries: int = 0
    acks: int = 0
    late_acks: int = 0
    given_up: int = 0
    ack_latency_max_ms: float = 0.0
    ack_latencies_ms: list[float] = field(default_factory=list)
    connections_total: int = 0
    connections_most: int = 0
    pings: int = 0
    posts: dict[str, int] = field(default_factory=dict)
    errors: dict[str, int] = field(default_factory=dict)
    faults: int = 0

    def acknowledged(self, seconds: float) -> None:
        self.acks += 1
        self.ack_latency_max_ms = max(self.ack_latency_max_ms, seconds * 1000)
        self.ack_latencies_ms.append(seconds * 1000)
        del self.ack_latencies_ms[:-10_000]


class Deliveries:
    def __init__(
        self,
        config: SlackConfig,
        state: SlackState,
        stats: Stats,
        *,
        timestamp: Callable[[], float],
        time_scale: float,
    ) -> None:
        self._config = config
        self._state = state
        self._stats = stats
        self._timestamp = timestamp
        self._time_scale = time_scale
        self._tasks: set[asyncio.Task[None]] = set()
        self.carrier: Carrier | None = None
        self.ack_seconds = ACK_SECONDS * time_scale
        self.retry_delays = tuple(delay * time_scale for delay in RETRY_DELAYS)

    def start(self) -> None:
        """Take up what was open when the simulator stopped: each counts as tried, perhaps in vain."""
        for delivery in self._state.pending_deliveries():
            attempt = min(max(delivery.attempt, 1), len(self.retry_delays))
            self._begin(
                self._deliver(replace(delivery, attempt=attempt, reason=delivery.reason or "timeout"))
            )

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def emit(self, event: Json) -> str:
        """Write the event down and send it; returns its id."""
        event_id = self._new_event_id()
        event_time = int(self._timestamp())
        payload = payloads.event_callback(self._config, event, event_id=event_id, event_time=event_time)
        delivery = Delivery(event_id, payload)
        self._state.put_delivery(delivery)
        self._stats.events += 1
        self._begin(self._deliver(delivery))
        return event_id

    async def redeliver(self, delivery: Delivery, *, times: int) -> int:
        """Send the same event again, all at once; returns how many were acknowledged."""
        copies = [replace(delivery, attempt=n, reason="timeout") for n in range(1, times + 1)]
        outcomes = await asyncio.gather(*(self._try(copy) for copy in copies))
        return sum(outcome.failure is None for outcome in outcomes)

    async def once(self, kind: str, payload: Json) -> Outcome:
        """Buttons, views and commands: one try, never repeated."""
        return await self._try(Delivery("", payload), kind=kind)

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, delivery: Delivery) -> None:
        while True:
            if delivery.attempt > 0:
                await asyncio.sleep(max(0.0, delivery.due_at - time.time()))
                await self._carrier().ready()
            outcome = await self._try(delivery)
            if not outcome.sent and delivery.attempt > 0:
                continue  # The socket went away between opening and now: waiting uses up no attempt.
            if outcome.failure is None:
                self._state.settle_delivery(delivery.event_id, "acked")
                return
            if not outcome.retry or delivery.attempt >= len(self.retry_delays):
                self._state.settle_delivery(delivery.event_id, "given_up")
                self._stats.given_up += 1
                return
            due_at = time.time() + self.retry_delays[delivery.attempt]
            delivery = replace(delivery, attempt=delivery.attempt + 1, reason=outcome.failure, due_at=due_at)
            self._state.put_delivery(delivery)

    async def _try(self, delivery: Delivery, *, kind: str = "events_api") -> Outcome:
        started = time.monotonic()
        outcome = await self._carrier().carry(kind, delivery, timeout=self.ack_seconds)
        self._stats.deliveries += outcome.sent
        self._stats.redeliveries += outcome.sent and delivery.attempt > 0
        if outcome.failure is None:
            self._stats.acknowledged(time.monotonic() - started)
        return outcome

    def _carrier(self) -> Carrier:
        if self.carrier is None:
            raise RuntimeError("deliveries need a carrier before the first event")
        return self.carrier

    def _new_event_id(self) -> str:
        number, digits = self._state.next_number("event") + 36**8, ""
        while number:
            number, digit = divmod(number, 36)
            digits = EVENT_ID_ALPHABET[digit] + digits
        return f"Ev{digits}"
