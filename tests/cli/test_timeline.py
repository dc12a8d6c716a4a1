"""Every type of event is told in words, in the timeline of a terminal."""

import pytest

from bot import events as ev
from bot.cli.timeline import describe
from bot.events import TYPES, Event
from tests.web.test_pages import EVERY, NOW


@pytest.mark.parametrize("type_", sorted(TYPES))
def test_every_type_of_event_is_told_in_words(type_):
    for data in EVERY:
        if data.type == type_:
            who, what = describe(Event("T", 6, "", NOW, data).to_json())
            assert who
            assert who != type_, "it fell through to the raw event"
            assert not what.startswith("{")


def test_what_waits_is_told_so_that_a_person_can_follow_it():
    by = ev.Answerer(person="carol", channel="sms", address="+3", proof="provider")
    told = [
        describe(Event("T", 6, "", NOW, data).to_json())
        for data in (
            ev.ApprovalAnswered(approval_id="a", decision="approve", by=by),
            ev.ApprovalAnswered(approval_id="a", decision="reject", message="not now", by=by),
            ev.ApprovalAnswered(approval_id="a", refused="wrong_code", by=by),
            ev.ApprovalResolved(
                approval_id="a",
                of=5,
                call_id="c",
                tool="deploy",
                status="approved",
                args_digest="",
                by=("carol",),
            ),
            ev.TaskFinished(task_id="t", outcome="ok", result="built"),
            ev.TimerSet(timer_id="x:a", due_at=NOW, purpose="expiry", about="a"),
        )
    ]

    assert told == [
        ("carol", "says yes (sms)"),
        ("carol", "says no (sms): not now"),
        ("carol", "an answer (sms) is refused: the code is wrong"),
        ("approval", "deploy: approved by carol"),
        ("task", "t ended: ok: built"),
        ("timer", "the end of a request at 2026-11-23T09:00:00Z"),
    ]
