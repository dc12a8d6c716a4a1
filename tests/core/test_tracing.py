import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from bot.events import Event, TurnEnded, TurnStarted
from bot.tracing import Tracing
from bot.turns import Followed, Turn

NOW = datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC)
TRACE = "0af7651916cd43dd8448eb211c80319c"


@pytest.fixture
def spans():
    return InMemorySpanExporter()


@pytest.fixture
def tracing(spans):
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    return Tracing(provider)


def end(tracing, *, outcome="replied", trace_id=TRACE, data=None):
    turn = Turn(NOW - timedelta(seconds=2), trace_id, tools=1, tokens_in=30, tokens_out=12, degraded=True)
    event = Event("t1", 9, "e", NOW, data or TurnEnded(outcome=outcome, reply="private words", steps=2))
    tracing.observe(event, Followed("t1", "assistant", "slack", turn))


def test_a_turn_is_one_span_with_the_times_of_the_log_and_no_content(tracing, spans):
    end(tracing)

    [span] = spans.get_finished_spans()
    assert span.name == "agent.process"
    assert span.end_time - span.start_time == 2_000_000_000
    assert span.end_time == 1_772_366_400_250_000_000
    assert dict(span.attributes) == {
        "agent": "assistant",
        "channel": "slack",
        "thread_id": "t1",
        "outcome": "replied",
        "steps": 2,
        "tools": 1,
        "tokens_in": 30,
        "tokens_out": 12,
        "degraded": True,
    }


def test_all_turns_of_a_trace_share_its_id_also_after_a_restart(spans):
    for _ in range(2):
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(spans))
        end(Tracing(provider))

    one, two = spans.get_finished_spans()
    assert one.context.trace_id == two.context.trace_id == int(TRACE, 16)
    assert one.parent.span_id == two.parent.span_id
    assert one.context.span_id != two.context.span_id


def test_a_trace_id_of_another_form_keeps_the_turns_together_too(tracing, spans):
    for trace_id in ("any text", "any text", "0" * 32, ""):
        end(tracing, trace_id=trace_id)

    one, two, zero, none = (span.context.trace_id for span in spans.get_finished_spans())
    assert one == two
    assert len({one, zero, none}) == 3


def test_a_failed_turn_is_an_error_and_a_stopped_one_is_not(tracing, spans):
    end(tracing, outcome="failed")
    end(tracing, outcome="cancelled")

    assert [span.status.status_code for span in spans.get_finished_spans()] == [
        StatusCode.ERROR,
        StatusCode.UNSET,
    ]


def test_other_events_make_no_span(tracing, spans):
    end(tracing, data=TurnStarted(input=1, version=1))

    assert spans.get_finished_spans() == ()


def printed(code):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()


def test_without_a_provider_opentelemetry_is_not_even_imported():
    assert printed("import sys, bot.tracing; print(bot.tracing.find(), 'opentelemetry' in sys.modules)") == [
        "None",
        "False",
    ]


def test_a_provider_that_the_process_has_set_is_found():
    set_one = "import opentelemetry.trace as t, opentelemetry.sdk.trace as sdk"
    set_one += "; t.set_tracer_provider(sdk.TracerProvider())"

    assert printed(f"{set_one}; import bot.tracing; print(type(bot.tracing.find()).__name__)") == ["Tracing"]
