"""One span per turn, `agent.process`, for whoever has set an OpenTelemetry tracer provider."""

import hashlib
import os
import re
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from bot.events import Event, TurnEnded
from bot.turns import Followed, Turn

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import TracerProvider

SPAN = "agent.process"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Tracing:
    """Makes the span of a turn from its events, when it ends: with the log's times, and without any content.

    Its trace is the one that the log keeps with the events, so it stays the same across restarts.
    """

    def __init__(self, provider: "TracerProvider") -> None:
        self._tracer = provider.get_tracer("saywhen")

    def observe(self, event: Event, thread: Followed) -> None:
        if isinstance(event.data, TurnEnded) and thread.turn:
            self._trace(event, event.data, thread, thread.turn)

    def _trace(self, event: Event, ended: TurnEnded, thread: Followed, turn: Turn) -> None:
        from opentelemetry.trace import Status, StatusCode

        span = self._tracer.start_span(
            SPAN, context=parent(turn.trace_id), start_time=nanoseconds(turn.started)
        )
        span.set_attributes(
            {
                "agent": thread.agent,
                "channel": thread.channel,
                "thread_id": event.thread_id,
                "outcome": ended.outcome,
                "steps": ended.steps,
                "tools": turn.tools,
                "tokens_in": turn.tokens_in,
                "tokens_out": turn.tokens_out,
                "degraded": turn.degraded,
            }
        )
        if ended.outcome == "failed":
            span.set_status(Status(StatusCode.ERROR))
        span.end(end_time=nanoseconds(event.time))


def find() -> Tracing | None:
    """Tracing, if this process or OTEL_PYTHON_TRACER_PROVIDER has set a provider; else it costs nothing."""
    if "opentelemetry.trace" not in sys.modules and "OTEL_PYTHON_TRACER_PROVIDER" not in os.environ:
        return None
    from opentelemetry.trace import ProxyTracerProvider, get_tracer_provider

    provider = get_tracer_provider()
    return None if isinstance(provider, ProxyTracerProvider) else Tracing(provider)


def parent(trace_id: str) -> "Context | None":
    """A context that puts a span into the trace of the log; None (a trace of its own) if the log has none."""
    if not trace_id:
        return None
    from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

    digest = hashlib.sha256(trace_id.encode()).digest()
    fits = re.fullmatch(r"[0-9a-f]{32}", trace_id) and int(trace_id, 16)
    number = fits or int.from_bytes(digest[:16])
    context = SpanContext(
        number, int.from_bytes(digest[16:24]), is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED)
    )
    return set_span_in_context(NonRecordingSpan(context))


def nanoseconds(time: datetime) -> int:
    return (time - EPOCH) // timedelta(microseconds=1) * 1000
