"""What became of a message, followed through logs of every kind of end."""

from datetime import UTC, datetime, timedelta

import pytest

from bot import events as ev
from bot.events import AnyData, Event, Step
from bot.fold import fold_all
from bot.thread import Thread
from bot.web.answers import Answer, Progress

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
SENDER = ev.Sender(channel="api", address="ann", proof="local")


def message(place: str = "p1") -> AnyData:
    return ev.MessageReceived(place=place, blocks=(), sender=SENDER)


def said(intent: ev.Intent, text: str = "yes") -> AnyData:
    return ev.ModelAnswered(step=Step(intent=intent, message=text, confidence=1))


def ended(outcome: ev.Outcome = "replied", reply: str = "yes") -> AnyData:
    return ev.TurnEnded(outcome=outcome, reply=reply)


def control(action: ev.ControlAction) -> AnyData:
    return ev.ControlRequested(action=action, by="api:ann")


def started(seq: int) -> AnyData:
    return ev.TurnStarted(input=seq, version=seq)


OPENED = ev.ThreadOpened(conversation="c1", agent="assistant")
RETRY = ev.TimerSet(timer_id="t5", due_at=NOW + timedelta(seconds=2), purpose="retry")
FIRED = ev.TimerFired(timer_id="t5", purpose="retry", due_at=NOW)
ASKED = ev.ModelAsked(
    model="m", now=NOW, prompt="", tools="", output_schema="", request="", estimated_tokens=1,
    settings=ev.AskSettings(render_version=1, max_tokens=1, structured=True, timezone="UTC", block_clip=1),
)  # fmt: skip
DOWN = ev.ModelAnswered(failure=ev.Failure(kind="unavailable", message="down"))
TAKEOVER = ev.TakeoverStarted(to="", reason="asked")
PARKED = ev.ThreadParked(reason="a bug")


def answer(*data: AnyData, seq: int = 2, run: str = "r2") -> Answer:
    """What became of the message at this seq; the loop's events belong to one run."""
    events = [
        Event("T", number, "", NOW, each, run="" if each.part == "input" else run)
        for number, each in enumerate(data, start=1)
    ]
    progress = Progress(seq)
    for event in events[seq:]:
        progress.see(event)
    return progress.answer(fold_all(Thread("T"), events))


@pytest.mark.parametrize("intent", ["reply", "need_clarification", "task_complete"])
def test_a_reply_ends_it_with_the_intent_of_the_last_step(intent):
    found = answer(OPENED, message(), started(2), ASKED, said(intent), ended())

    assert found == Answer(done=True, reply="yes", next_action=intent)


def test_a_tool_that_finishes_is_a_reply():
    found = answer(OPENED, message(), started(2), ASKED, said("call_tool"), ended(reply="It is noon."))

    assert found == Answer(done=True, reply="It is noon.", next_action="reply")


@pytest.mark.parametrize("outcome", ["handed_off", "capped", "failed", "cancelled", "waiting"])
def test_any_other_end_is_its_outcome(outcome):
    found = answer(OPENED, message(), started(2), ASKED, said("escalate"), ended(outcome, "sorry"))

    assert found == Answer(done=True, reply="sorry", next_action=outcome)


@pytest.mark.parametrize(
    "so_far",
    [
        (),
        (started(2),),
        (started(2), ASKED),
        (started(2), ASKED, said("reply")),
        (control("pause"),),
    ],
    ids=["unread", "begun", "asked", "answered", "paused"],
)
def test_before_its_turn_has_ended_it_is_not_done(so_far):
    assert answer(OPENED, message(), *so_far) == Answer()


def test_while_the_model_is_down_the_run_goes_on_until_it_replies():
    down = (OPENED, message(), started(2), ASKED, DOWN, RETRY, ended("waiting", "I will go on later."))

    told = Answer(reply="I will go on later.", next_action="waiting")

    assert answer(*down) == told
    assert answer(*down, FIRED) == told
    assert answer(*down, FIRED, started(8)) == told
    again = answer(*down, FIRED, started(8), ASKED, said("reply"), ended(reply="Here I am."))
    assert again == Answer(done=True, reply="Here I am.", next_action="reply")


def test_in_a_parked_thread_it_is_not_done_and_its_sender_is_told():
    found = answer(OPENED, message(), PARKED)

    assert not found.done
    assert "Your message is kept" in (found.reply or "")


def test_a_stop_ends_a_run_that_was_waiting_for_the_model():
    down = (OPENED, message(), started(2), ASKED, DOWN, RETRY, ended("waiting", "I will go on later."))

    assert answer(*down, control("stop")) == Answer(done=True, next_action="cancelled")


def test_a_stop_before_anybody_read_it_cancels_it():
    assert answer(OPENED, message(), control("stop")) == Answer(done=True, next_action="cancelled")


def test_a_message_deleted_before_anybody_read_it_is_cancelled():
    deleted = ev.MessageDeleted(place="p1", sender=SENDER)

    assert answer(OPENED, message(), deleted) == Answer(done=True, next_action="cancelled")


def test_a_message_to_a_person_who_has_the_thread_is_handed_off():
    found = answer(OPENED, control("take_over"), message(), seq=3)

    assert found == Answer(done=True, next_action="handed_off")


def test_an_unread_message_is_handed_off_when_a_person_is_called():
    found = answer(
        OPENED,
        message(),
        message("p2"),
        started(2),
        ASKED,
        said("escalate"),
        TAKEOVER,
        ended("handed_off"),
        seq=3,
    )

    assert found == Answer(done=True, next_action="handed_off")


def test_a_message_read_into_a_running_turn_gets_that_turns_reply():
    read = ev.TurnRead(input=4, version=4)

    found = answer(OPENED, message(), started(2), message("p2"), read, ASKED, said("reply"), ended(), seq=4)

    assert found == Answer(done=True, reply="yes", next_action="reply")


def test_the_turns_of_other_messages_say_nothing():
    found = answer(OPENED, message(), message("p2"), started(2), ASKED, said("reply"), ended(), seq=3)

    assert found == Answer()
