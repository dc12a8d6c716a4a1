"""A short form of the crash sweep, and the mutants that it must catch; `make prove` sweeps every point."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


def sweep(*arguments: str, module: str = "tests.crash.sweep") -> dict[str, Any]:
    """In a process of its own: what is forked must have no threads."""
    command = [sys.executable, "-m", module, *arguments]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.stdout, ended.stderr
    result: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return result


@pytest.mark.prove
def test_dying_anywhere_loses_nothing_and_repeats_no_action():
    found = sweep("--brief", "--every", "80", "--pairs", "2")

    assert found["violations"] == []
    assert found["points"] > 900
    assert found["counts"]["deaths"] >= found["cases"]
    assert found["counts"]["resumed"] > 0
    assert found["counts"]["calls started with a yes"] > 0


@pytest.mark.swept
@pytest.mark.parametrize(
    ("mutant", "where", "says"),
    [
        ("ack before persist", "ack", "is lost"),
        ("dedupe by header", "commit.before", "is lost"),
        ("no announcement", "job", "started 2 times"),
        ("no announcement", "deploy", "started 2 times"),
    ],
)
def test_a_bot_that_is_broken_on_purpose_is_caught(mutant, where, says):
    found = sweep("--mutant", mutant, "--only", where)

    assert len(found["violations"]) >= 1
    assert says in found["violations"][0]


# ---------------------------------------------------------------- from the mailbox to the SMTP server


@pytest.mark.prove
def test_dying_anywhere_on_the_way_of_a_mail_loses_none_and_repeats_one_a_death_at_most():
    found = sweep("--brief", "--every", "12", "--pairs", "2", module="tests.crash.mail_sweep")

    assert found["violations"] == []
    assert found["points"] > 140
    assert found["counts"]["deaths"] >= found["cases"]
    assert found["counts"]["mails"] == 7 * found["cases"]
    assert found["counts"]["mails sent again"] > 0


@pytest.mark.swept
@pytest.mark.parametrize(
    ("mutant", "where", "says"),
    [("marks first", "flag.after", "is lost"), ("new ids", "smtp.after", "has 2 Message-IDs")],
)
def test_a_mail_path_that_is_broken_on_purpose_is_caught(mutant, where, says):
    found = sweep("--mutant", mutant, "--only", where, module="tests.crash.mail_sweep")

    assert sum(says in violation for violation in found["violations"]) >= 3
