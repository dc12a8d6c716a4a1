import io
import json
import logging
from datetime import UTC, datetime, timedelta

import pytest
import structlog

from bot import log
from bot.events import Event, TurnEnded
from bot.secrets import Redactor
from bot.turns import Followed, Turn

NOW = datetime(2026, 3, 1, tzinfo=UTC)
CANARY = "canary-4711-secret"


@pytest.fixture(autouse=True)
def _restore():
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def lines():
    out = io.StringIO()
    log.set_up(level="DEBUG", format="json", redact=Redactor([CANARY]), stream=out)

    def read():
        return [json.loads(line) for line in out.getvalue().splitlines()]

    return read


def boom():
    raise ValueError(f"token={CANARY}")


def test_a_line_is_json_with_level_and_time(lines):
    structlog.get_logger("x").info("hello", number=1)

    [line] = lines()
    assert line["event"] == "hello"
    assert line["level"] == "info"
    assert line["number"] == 1
    assert line["timestamp"].endswith("Z")


def test_lines_say_which_thread_and_trace_they_are_about(lines):
    with log.about(thread_id="t1", trace_id="abc"):
        structlog.get_logger().info("inside")
    structlog.get_logger().info("outside")

    inside, outside = lines()
    assert (inside["thread_id"], inside["trace_id"]) == ("t1", "abc")
    assert "thread_id" not in outside


def test_secrets_are_redacted_wherever_they_stand(lines):
    logger = structlog.get_logger()
    try:
        boom()
    except ValueError:
        logger.exception(
            f"failed with {CANARY}", deep={"a": [CANARY, {CANARY: (CANARY,)}]}, error=OSError(CANARY)
        )
    logging.getLogger("some.library").warning("header %s", CANARY)
    try:
        boom()
    except ValueError:
        logging.getLogger("some.library").exception("oops")

    text = json.dumps(lines())
    assert CANARY not in text
    assert text.count("redacted") >= 6


def test_libraries_are_heard_from_warnings_on(lines):
    logging.getLogger("httpx").info("HTTP Request: POST ...")
    logging.getLogger("httpx").warning("slow")

    [line] = lines()
    assert (line["event"], line["library"], line["level"]) == ("slow", "httpx", "warning")


def test_control_characters_cannot_play_tricks_on_a_terminal():
    out = io.StringIO()
    log.set_up(format="console", stream=out)

    logging.getLogger("lib").warning("clear \x1b[2J screen")

    assert "\x1b[2J" not in out.getvalue()
    assert "\\x1b[2J" in out.getvalue()


def test_what_is_below_the_level_is_not_written():
    out = io.StringIO()
    log.set_up(level="WARNING", format="json", stream=out)

    structlog.get_logger().info("hello")

    assert out.getvalue() == ""


def test_a_turn_is_one_line_with_numbers_and_without_words(lines):
    ended = Event(
        "t1", 9, "e", NOW, TurnEnded(outcome="replied", reply="private words", steps=2), trace_id="abc"
    )
    turn = Turn(NOW - timedelta(seconds=1.5), "abc", tools=1, tokens_in=30, tokens_out=12)

    log.turn_line(ended, Followed("t1", "assistant", "slack", turn))

    [line] = lines()
    del line["timestamp"]
    assert line == {
        "event": "turn",
        "level": "info",
        "thread_id": "t1",
        "trace_id": "abc",
        "agent": "assistant",
        "channel": "slack",
        "outcome": "replied",
        "steps": 2,
        "tools": 1,
        "tokens_in": 30,
        "tokens_out": 12,
        "seconds": 1.5,
    }
