"""What becomes of a try to send a message: reported as sent, tried again later, or given up. Pure."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot import ids
from bot.errors import SendFailure
from bot.events import DeliveryReported, DeliveryStatus, Event, Incoming, Outgoing, isoformat, outgoing_of
from bot.people import Contact
from bot.ports import OutboxRow


@dataclass(frozen=True, slots=True)
class OutboxPolicy:
    """How patiently messages are sent.

    A message is given up when it is older than `give_up_after` and was tried `least_attempts` times (the bot
    may have been down for long), or was tried `most_attempts` times; one that our own code fails on, earlier.
    A request to a person is tried for a short time only (`ask_...`): then they are asked elsewhere.
    A channel that is still `connecting` is waited for; one that is not on is tried again after `without_channel`.
    """

    first: timedelta = timedelta(seconds=1)
    most: timedelta = timedelta(minutes=15)
    most_asked: timedelta = timedelta(hours=1)
    give_up_after: timedelta = timedelta(hours=24)
    least_attempts: int = 5
    most_attempts: int = 120
    deadline: timedelta = timedelta(seconds=30)
    without_channel: timedelta = timedelta(minutes=5)
    connecting: timedelta = timedelta(seconds=30)
    report_again: timedelta = timedelta(seconds=1)
    at_once: int = 16
    ask_give_up_after: timedelta = timedelta(minutes=2)
    ask_least_attempts: int = 3
    ask_most: timedelta = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a part was not sent ("retry", "final"), or why nobody knows ("unknown"); `ours`: a bug of ours.

    `unreachable`: the address takes nothing from us any more.
    """

    kind: SendFailure
    why: str
    retry_after: float | None = None
    ours: bool = False
    unreachable: bool = False


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to send part `number` of `count`."""

    row: OutboxRow
    number: int
    count: int

    @property
    def attempt(self) -> int:
        return self.row.attempts + 1


def sent(attempt: Attempt, provider_id: str) -> DeliveryReported:
    return _report(attempt, "sent", provider_id=provider_id)


def failed(
    attempt: Attempt,
    trouble: Trouble,
    *,
    now: datetime,
    policy: OutboxPolicy,
    jitter: float,
    to: Contact | None,
    elsewhere: Outgoing | None = None,
) -> DeliveryReported:
    """The report of a failed try: try again later, or dead, with a notice `to` an operator.

    Of a request that is given up the person is asked `elsewhere`, if there is such a place.
    """
    if gives_up(attempt, trouble, now=now, policy=policy):
        outgoing = (elsewhere,) if elsewhere else notice(attempt, trouble, to)
        return _report(attempt, "dead", error=trouble.why, outgoing=outgoing, unreachable=trouble.unreachable)
    wait = until_next_try(attempt.attempt, trouble.retry_after, policy=policy, jitter=jitter)
    if attempt.row.outgoing.request is not None:
        wait = min(wait, policy.ask_most)
    status: DeliveryStatus = "unknown" if trouble.kind == "unknown" else "failed"
    return _report(attempt, status, error=trouble.why, not_before=now + wait)


def gives_up(attempt: Attempt, trouble: Trouble, *, now: datetime, policy: OutboxPolicy) -> bool:
    tries = attempt.attempt
    if trouble.kind == "final" or tries >= policy.most_attempts:
        return True
    since = max(attempt.row.created_at, attempt.row.outgoing.not_before or attempt.row.created_at)
    if attempt.row.outgoing.request is not None and now - since >= policy.ask_give_up_after:
        return tries >= policy.ask_least_attempts
    too_old = now - since >= policy.give_up_after
    return tries >= policy.least_attempts and (trouble.ours or too_old)


def until_next_try(
    tries: int, retry_after: float | None, *, policy: OutboxPolicy, jitter: float
) -> timedelta:
    """Doubling with a random half, but never less than the provider asked for (up to a cap)."""
    whole = min(policy.most.total_seconds(), policy.first.total_seconds() * 2.0 ** min(tries - 1, 60))
    return timedelta(seconds=max(whole * (1 - jitter / 2), asked(retry_after, policy)))


def asked(retry_after: float | None, policy: OutboxPolicy) -> float:
    """The seconds a provider asks us to wait; 0 if it said nothing, or nothing that makes sense."""
    if retry_after is None or not math.isfinite(retry_after) or retry_after < 0:
        return 0.0
    return min(retry_after, policy.most_asked.total_seconds())


def notice(attempt: Attempt, trouble: Trouble, to: Contact | None) -> tuple[Outgoing, ...]:
    """Tells an operator of a message that was given up, once: a dead notice gets no notice."""
    row = attempt.row
    if to is None or (row.outgoing.kind == "notice" and row.outgoing.request is None):
        return ()
    lines = [
        "A message could not be delivered and was given up.",
        f"Thread: {row.thread_id}",
        f"To: {row.outgoing.channel} {row.outgoing.destination}",
        f"Why: {trouble.why} ({_tries(attempt.attempt)})",
    ]
    if attempt.number > 1:
        lines.append(f"It is incomplete: of {attempt.count} parts the first {attempt.number - 1} arrived.")
    if trouble.kind == "unknown":
        lines.append("It may have arrived all the same: the provider did not say.")
    return (
        Outgoing(
            text="\n".join(lines),
            kind="notice",
            channel=to.channel,
            account=to.account,
            destination=to.destination,
            link=row.outgoing.link,
        ),
    )


def _tries(number: int) -> str:
    return "1 attempt" if number == 1 else f"{number} attempts"


def incoming(row: OutboxRow, report: DeliveryReported, now: datetime) -> Incoming:
    """The report as an input. Each part is sent once; other reports may be many, told apart by their time."""
    key = f"delivery:{row.id}:{report.part_number}:{report.status}"
    if report.status != "sent" or report.part_number <= row.parts_sent:
        key = f"{key}:{report.attempt}:{isoformat(now)}"
    return Incoming(
        report,
        channel=row.outgoing.channel,
        dedupe=key,
        thread_id=row.thread_id,
        run=row.run,
        correlation=row.id,
        trace_id=row.trace_id,
    )


def rows_of(event: Event) -> Iterator[OutboxRow]:
    """The messages that an event sends, as the store's outbox has them."""
    for number, outgoing in enumerate(outgoing_of(event.data)):
        if outgoing.channel and outgoing.destination:
            row_id = ids.outbox_id(event.thread_id, event.seq, number)
            yield OutboxRow(
                row_id, event.thread_id, event.seq, outgoing, event.time, event.run,
                not_before=outgoing.not_before, trace_id=event.trace_id,
            )  # fmt: skip


def _report(
    attempt: Attempt,
    status: DeliveryStatus,
    *,
    provider_id: str = "",
    error: str = "",
    not_before: datetime | None = None,
    outgoing: tuple[Outgoing, ...] = (),
    unreachable: bool = False,
) -> DeliveryReported:
    return DeliveryReported(
        outbox_id=attempt.row.id,
        part_number=attempt.number,
        parts=attempt.count,
        status=status,
        attempt=attempt.attempt,
        provider_id=provider_id,
        error=error,
        not_before=not_before,
        outgoing=outgoing,
        unreachable=unreachable,
        address=attempt.row.outgoing.destination if unreachable else "",
    )
