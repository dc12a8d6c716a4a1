"""Whatever is done in whatever order, requests end as they must; and were there a bug, this would find it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from bot import approvals, fold, verdict
from bot.answering import Answering
from bot.events import ApprovalAnswered, Event
from bot.fold_requests import approval_answered
from bot.testing import START
from bot.thread import Thread
from tests.approvals.kit import WHOLE
from tests.approvals.machine import Requests

MONTHS = timedelta(days=100)
SOUND = settings(
    max_examples=300 if WHOLE else 25,
    stateful_step_count=20,
    deadline=None,
    derandomize=not WHOLE,
    database=None,
)
HUNTING = settings(
    max_examples=200,
    stateful_step_count=20,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    report_multiple_bugs=False,
)


@pytest.mark.prove
def test_requests_end_as_they_must() -> None:
    run_state_machine_as_test(Requests, settings=SOUND)


# ---------------------------------------------------------------- planted bugs


def late_answers_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """The expiry is looked at by the timer alone, and not when an answer is judged, at the door or in the fold."""
    made = Answering.__init__

    def timeless(self: Answering, *args: Any, **more: Any) -> None:
        made(self, *args, **more | {"clock": lambda: START})

    monkeypatch.setattr(Answering, "__init__", timeless)

    def patient(thread: Thread, event: Event, data: ApprovalAnswered) -> Thread:
        if (approval := thread.approvals.get(data.approval_id)) is None:
            return approval_answered(thread, event, data)
        until = approval.expires_at
        open_longer = replace(
            thread,
            approvals={**thread.approvals, data.approval_id: replace(approval, expires_at=until + MONTHS)},
        )
        after = approval_answered(open_longer, event, data).approvals[data.approval_id]
        thread = approval_answered(open_longer, event, data)
        return replace(
            thread, approvals={**thread.approvals, data.approval_id: replace(after, expires_at=until)}
        )

    monkeypatch.setattr(fold, "approval_answered", patient)


def nothing_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests do not end by themselves."""
    monkeypatch.setattr(approvals, "_expired", lambda *args: ())


def a_late_start_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A yes starts the call however long ago it was said."""
    monkeypatch.setattr(verdict, "timedelta", lambda seconds: MONTHS)


def one_id_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request is known by its conversation, not by what exactly is asked for."""
    monkeypatch.setattr(approvals, "approval_id", lambda thread, seq: thread.partition(":")[0][:16])


def the_edit_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """What ran is what was asked for, although a person has changed it."""
    real = approvals.final_call

    def unchanged(approval: Any, decision: Any, key: str, id_: str) -> Any:
        return real(approval, replace(decision, decision="approve"), key, id_)

    monkeypatch.setattr(approvals, "final_call", unchanged)


def a_changed_message_voids_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was asked for is done although the message behind it has changed."""
    monkeypatch.setattr(fold, "void", lambda thread, why, **which: thread)


def anybody_may(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever answers is believed to be who was asked."""

    async def may(self: Answering, *args: Any) -> None:
        return None

    monkeypatch.setattr(Answering, "_may_not", may)
    real = approval_answered

    def all_may(thread: Thread, event: Event, data: ApprovalAnswered) -> Thread:
        known = data.model_copy(update={"by": data.by.model_copy(update={"person": "carol"})})
        return real(thread, event, known)

    monkeypatch.setattr(fold, "approval_answered", all_may)


BUGS = [
    late_answers_count, nothing_expires, a_late_start_counts, one_id_for_all, the_edit_is_lost,
    a_changed_message_voids_nothing, anybody_may,
]  # fmt: skip


@pytest.mark.prove
@pytest.mark.parametrize("bug", BUGS)
def test_it_finds_a_planted_bug(bug: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    bug(monkeypatch)

    with pytest.raises(AssertionError):
        run_state_machine_as_test(Requests, settings=HUNTING)
