"""The checker of a crash sweep of the mail path: reads what the processes left behind, and nothing else."""

import sqlite3
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from bot import events as ev
from tests.crash.mail_scenario import DORA, GOOD, OTTO, sent
from tests.crash.scenario import Journal
from tests.sim.checks import Counts, Log, check_database, must

STATES = {
    "m1": "done",
    "m2": "done",
    "m3": "done",
    "m1 again": "ignored",
    "m1 by another way": "done",
    "broken": "quarantined",
    "bounce": "ignored",
}
"""What is to become of each mail; the copy that came by another way is in the thread of the first."""

Mails = Mapping[str, tuple[str, str]]
"""State and thread of each, by name."""


def judge(folder: Path, run: str) -> Counts:
    """Raises Violation for a broken promise; else counts what happened."""
    journal, counts = Journal(folder / "journal"), Counter[str]()
    logs = check_database(folder / "test.db", run, counts)
    counts["deaths"] = len(list(journal.lines("died")))
    mails = _mails(folder / "test.db", journal)
    _check_mails(run, mails, counts)
    _check_threads(run, mails, logs)
    _check_sent(journal, run, counts)
    _check_bounce(run, mails, logs)
    _check_marks(journal, run)
    return counts


def _mails(path: Path, journal: Journal) -> Mails:
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT uid, state, thread_id FROM mail").fetchall()
    names = {int(uid): name for uid, name, _ in journal.lines("arrived")}
    return {names[uid]: (state, thread_id) for uid, state, thread_id in rows}


def _check_mails(run: str, mails: Mails, counts: Counts) -> None:
    """Each is there once, and nothing that was there before us."""
    lost = STATES.keys() - mails.keys()
    must(not lost, run, f"{sorted(lost)} is lost")
    must(mails.keys() == STATES.keys(), run, f"nobody was to read {mails.keys() - STATES.keys()}")
    for name, (state, _) in mails.items():
        must(state == STATES[name], run, f"{name} is {state}, and not {STATES[name]}")
    counts["mails"] = len(mails)


def _check_threads(run: str, mails: Mails, logs: Mapping[str, Log]) -> None:
    """The reply is in the thread of what it answers, and a mail that came three times is in it once."""
    first, other, reply = (mails[name][1] for name in ("m1", "m2", "m3"))
    must(reply == first, run, "the reply is not in the thread of the first mail")
    must(first != other and set(logs) == {first, other}, run, f"there are the threads {set(logs)}")
    for thread_id, expected in ((first, [DORA, DORA]), (other, [OTTO])):
        by = [e.data.sender.address for e in logs[thread_id] if isinstance(e.data, ev.MessageReceived)]
        must(by == expected, run, f"the mails of {thread_id} are from {by}")


def _check_sent(journal: Journal, run: str, counts: Counts) -> None:
    """Every good mail is answered; of each answer there is one more for each death at most, all with one id."""
    answers = [(each.answers, each.header("To"), each.header("Message-ID")) for each in sent(journal)]
    lost = GOOD.keys() - {name for name, _, _ in answers}
    counts["lost"] = len(lost)
    must(not lost, run, f"the answer to {sorted(lost)} is lost")
    for name, to, _ in answers:
        must(GOOD.get(name) == to, run, f"an answer to {name or 'nothing'} went to {to}")
    ids = Counter(name for name, _ in {(name, message_id) for name, _, message_id in answers})
    for name, many in ids.items():
        must(many == 1, run, f"the answer to {name} has {many} Message-IDs")
    doubled = len(answers) - len(GOOD)
    must(doubled <= counts["deaths"], run, f"{doubled} mails too many after {counts['deaths']} deaths")
    counts["mails sent"], counts["mails sent again"] = len(answers), doubled


def _check_bounce(run: str, mails: Mails, logs: Mapping[str, Log]) -> None:
    """It is written down once, with the answer that came back, and the model never saw it."""
    found = [
        (event.thread_id, event.data.address)
        for log in logs.values()
        for event in log
        if isinstance(event.data, ev.DeliveryReported) and event.data.status == "undelivered"
    ]
    must(found == [(mails["m2"][1], OTTO)], run, f"the bounce is written down as {found}")


def _check_marks(journal: Journal, run: str) -> None:
    """The server knows what is finished; what is in quarantine, people are to find as it came."""
    marked = {int(uid) for uids, _ in journal.lines("flagged") for uid in uids.split(",")}
    wanted = {int(uid) for uid, name, _ in journal.lines("arrived") if name not in ("m0", "broken")}
    must(marked == wanted, run, f"marked on the server are {sorted(marked)}, and not {sorted(wanted)}")
