import dataclasses
from datetime import timedelta

from hypothesis import given, strategies as st

from bot.delivery import (
    Attempt,
    OutboxPolicy,
    Trouble,
    asked,
    failed,
    gives_up,
    incoming,
    sent,
    until_next_try,
)
from bot.ports import OutboxRow
from tests.core.parts_kit import START, message

POLICY = OutboxPolicy()
ROW = OutboxRow("t1:4:0", "t1", 4, message("C1"), START, run="r1", trace_id="f" * 32)


def attempt(attempts=0, number=1, count=1):
    return Attempt(dataclasses.replace(ROW, attempts=attempts), number, count)


@given(
    tries=st.integers(1, 10_000),
    retry_after=st.none() | st.floats(allow_nan=True, allow_infinity=True),
    jitter=st.floats(0, 1),
)
def test_the_wait_is_always_between_nothing_and_an_hour_and_never_less_than_asked(tries, retry_after, jitter):
    wait = until_next_try(tries, retry_after, policy=POLICY, jitter=jitter)

    assert timedelta(0) < wait <= timedelta(hours=1)
    assert wait >= timedelta(seconds=asked(retry_after, POLICY))


@given(st.integers(1, 9))
def test_the_wait_doubles(tries):
    def wait(number):
        return until_next_try(number, None, policy=POLICY, jitter=0.5).total_seconds()

    assert wait(tries + 1) == 2 * wait(tries)


@given(
    attempts=st.integers(0, 200), hours=st.floats(0, 100), kind=st.sampled_from(["retry", "unknown", "final"])
)
def test_a_message_is_given_up_only_when_refused_or_old_and_tried_or_tried_too_often(attempts, hours, kind):
    given_up = gives_up(
        attempt(attempts), Trouble(kind, "why"), now=START + timedelta(hours=hours), policy=POLICY
    )

    assert given_up == (kind == "final" or attempts >= 119 or (attempts >= 4 and hours >= 24))


def test_each_report_of_a_failure_is_an_event_of_its_own_and_that_of_a_sent_part_is_one_for_ever():
    later = START + timedelta(seconds=1)
    trouble = Trouble("retry", "why")
    report = failed(attempt(), trouble, now=START, policy=POLICY, jitter=0, to=None)
    done = sent(attempt(), "p1")

    assert incoming(ROW, report, START).dedupe != incoming(ROW, report, later).dedupe
    assert incoming(ROW, done, START).dedupe == incoming(ROW, done, later).dedupe == "delivery:t1:4:0:1:sent"


def test_a_report_belongs_to_the_thread_the_run_and_the_trace_of_its_message():
    report = incoming(ROW, sent(attempt(), "p1"), START)

    assert (report.thread_id, report.run, report.trace_id, report.channel) == ("t1", "r1", "f" * 32, "slack")
    assert report.correlation == ROW.id


def test_a_message_that_another_version_sent_in_more_parts_can_still_be_finished():
    row = dataclasses.replace(ROW, parts_sent=3)

    report = incoming(row, sent(Attempt(row, 3, 3), ""), START)

    assert report.dedupe != "delivery:t1:4:0:3:sent"


def test_without_an_operator_to_reach_a_dead_letter_tells_nobody():
    report = failed(attempt(), Trouble("final", "gone"), now=START, policy=POLICY, jitter=0, to=None)

    assert (report.status, report.outgoing) == ("dead", ())
