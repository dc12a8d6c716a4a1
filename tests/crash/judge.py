"""The checker of a crash sweep: reads what the processes left behind, and nothing else."""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from bot import events as ev
from tests.crash.requests import GATED
from tests.crash.scenario import Act, Journal
from tests.crash.tools import UNSAFE
from tests.sim.checks import Counts, Log, check_database, must


def judge(folder: Path, run: str, acts: Sequence[Act]) -> Counts:
    """Raises Violation for a broken promise; else counts what happened."""
    journal, counts = Journal(folder / "journal"), Counter[str]()
    logs = check_database(folder / "test.db", run, counts, gated=GATED)
    deaths = len(list(journal.lines("died")))
    counts["deaths"] = deaths
    _check_inputs(journal, run, logs, acts)
    _check_calls(journal, run, counts)
    _check_sends(journal, run, logs, deaths, counts)
    return counts


def _check_inputs(journal: Journal, run: str, logs: dict[str, Log], acts: Sequence[Act]) -> None:
    """What was acknowledged is in the log, once; and in the end everything was, but for answers to nothing."""
    events = [event for log in logs.values() for event in log]
    seen = Counter(event.dedupe for event in events)
    seen += Counter(f"fake:{e.data.result}" for e in events if isinstance(e.data, ev.TaskFinished))
    acked = {name for (name,) in journal.lines("acked")}
    for name in acked:
        must(seen[f"fake:{name}"] == 1, run, f"{name} was acknowledged and is lost")
    missing = {act.name for act in acts} - acked - {name for (name,) in journal.lines("moot")}
    must(not missing, run, f"{missing} was never acknowledged")


def _check_calls(journal: Journal, run: str, counts: Counts) -> None:
    """An unsafe tool ran once for a message that asks for it; every call of the model was announced."""
    ran = Counter((name, about) for name, about in journal.lines("ran"))
    for (name, about), times in ran.items():
        must(times == 1 or name not in UNSAFE, run, f"the {name} of {about} started {times} times")
    counts["tools run"] = ran.total()
    counts["tools run again"] = sum(times - 1 for times in ran.values())
    thought = len(list(journal.lines("thought")))
    most = counts["asked"] + counts["resumed"]
    must(thought <= most, run, f"the model was called {thought} times for {most} announcements")
    counts["model calls"] = thought


def _check_sends(journal: Journal, run: str, logs: dict[str, Log], deaths: int, counts: Counts) -> None:
    """Each part of each message was sent, in order, and at most one was sent again for each death."""
    sent = [(outbox_id, int(number)) for outbox_id, number, _ in journal.lines("sent")]
    said = {part for log in logs.values() for event in log for part in _parts(event)}
    must(said == set(sent), run, f"not sent: {said - set(sent)}; sent unasked: {set(sent) - said}")
    doubled = len(sent) - len(set(sent))
    must(doubled <= deaths, run, f"{doubled} parts were sent again after {deaths} deaths")
    counts["parts sent"], counts["parts sent again"] = len(sent), doubled
    for one, following in pairwise(sent):
        in_order = one[0] != following[0] or following[1] in (one[1], one[1] + 1)
        must(in_order, run, f"part {following[1]} of {one[0]} after part {one[1]}")


def _parts(event: ev.Event) -> list[tuple[str, int]]:
    outgoing: tuple[ev.Outgoing, ...] = getattr(event.data, "outgoing", ())
    return [
        (f"{event.thread_id}:{event.seq}:{number}", part)
        for number, message in enumerate(outgoing)
        for part in range(1, len(message.text.split("|")) + 1)
    ]
