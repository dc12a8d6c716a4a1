"""Deciding from a shell: as a person, with or without a running bot, and what people get wrong."""

import asyncio
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import JsonValue

from agents.assistant import ask_person, send_message
from bot.cli.client import client
from bot.cli.place import choose
from bot.events import Event
from bot.testing import ANN, BOB, FakeClock, Known, call, open_test_bot, reply
from bot.tools import Tool
from tests.web.kit import open_web, serving

DORA = Known("dora", {"phone": "+5"}, frozenset({"approver", "owner"}))
ERIN = Known("erin", {"phone": "+6"}, frozenset({"approver"}))
PEOPLE = (ANN, BOB, DORA, ERIN)
TOOLS: tuple[Tool, ...] = (send_message, ask_person)
TEXT = "the deploy starts at 5"
ARGS: dict[str, JsonValue] = {"to": "bob", "channel": "", "text": TEXT}
ASKED: dict[str, JsonValue] = {"to": "erin", "question": "Which colour?", "options": ["red", "blue"]}
SCRIPT = [call("send_message", **ARGS), call("ask_person", **ASKED), reply("ok"), reply("ok"), reply("ok")]
LOCAL = """
[[people]]
name = "dora"
roles = ["owner", "operator", "approver"]

[[people]]
name = "erin"
roles = ["approver"]
"""


@dataclass(frozen=True)
class Asked:
    """A database in which something waits."""

    path: Path
    approval: str
    question: str
    thread: str


def now() -> FakeClock:
    return FakeClock(datetime.now(UTC))


async def ask(bot: Any) -> tuple[str, str, str]:
    said = await bot.say("write to Bob")
    await bot.settle()
    await bot.say("ask Erin", conversation="c2")
    await bot.settle()
    rows = {row.kind: row.id for row in await bot.store.requests()}
    return rows["approval"], rows["question"], said.thread_id


@pytest.fixture
def people(root: Path) -> None:
    (root / "config.local.toml").write_text(LOCAL)


@pytest.fixture
def asked(tmp_path: Path, people: None, monkeypatch: pytest.MonkeyPatch) -> Asked:
    """No bot runs."""

    async def fill() -> tuple[str, str, str]:
        async with open_test_bot(tmp_path, script=SCRIPT, tools=TOOLS, people=PEOPLE, clock=now()) as bot:
            return await ask(bot)

    found = asyncio.run(fill())
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'test.db'}")
    return Asked(tmp_path / "test.db", *found)


@pytest.fixture
def running(tmp_path: Path, people: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Asked]:
    """A bot runs, in a thread of its own, and is reached over a socket."""
    started, done = threading.Event(), threading.Event()
    found: list[tuple[str, str, str]] = []

    async def serve() -> None:
        opening = open_web(
            tmp_path,
            script=SCRIPT,
            tools=TOOLS,
            people=PEOPLE,
            clock=now(),
            open_to_loopback=False,
            dev=False,
        )
        async with opening as web, serving(web.app) as url:
            web.bot.store.lock.announce(url)
            found.append(await ask(web.bot))
            started.set()
            await asyncio.to_thread(done.wait)

    worker = threading.Thread(target=lambda: asyncio.run(serve()))
    worker.start()
    assert started.wait(20)
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'test.db'}")
    try:
        yield Asked(tmp_path / "test.db", *found[0])
    finally:
        done.set()
        worker.join()


def events(asked: Asked) -> list[Event]:
    from bot.store.read import ReadOnlyStore

    async def read() -> list[Event]:
        async with ReadOnlyStore(asked.path) as store:
            threads = await store.threads()
            return [event for row in threads for event in await store.events(row.thread_id)]

    return asyncio.run(read())


def answers(asked: Asked) -> list[tuple[str, str, str, str | None]]:
    """Who answered, how that is known, what they decided, and why that was refused."""
    found = [e.data for e in events(asked) if e.type in ("approval.answered", "question.answered")]
    return [(d.by.person, d.by.proof, getattr(d, "decision", None) or "", d.refused) for d in found]


# ---------------------------------------------------------------- looking


def test_what_waits_is_shown_as_an_approver_reads_it(run, asked):
    ran = run("approvals")

    assert ran.status == 0
    for line in (
        f"{asked.approval}  pending  until ",
        "  ann asks for:",
        "    send_message",
        '    channel: ""',
        '    text: "the deploy starts at 5"',
        '    to: "bob"',
        "  to erin: Which colour?",
        "    1 red",
    ):
        assert line in ran.out


def test_as_json_it_is_what_the_api_says(run, asked, root):
    ran = run("approvals", "--json").json

    async def ask_api() -> tuple[Any, Any]:
        async with client(choose(root)) as api:
            return await api.get("/api/approvals"), await api.get("/api/questions")

    approvals, questions = asyncio.run(ask_api())
    assert same_times(ran["approvals"]) == same_times(approvals["approvals"])
    assert same_times(ran["questions"]) == same_times(questions["questions"])


def same_times(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {k: datetime.fromisoformat(v) if k.endswith("_at") and v else v for k, v in row.items()}
        for row in rows
    ]


def test_without_anything_that_waits_it_says_so(run, filled):
    assert run("approvals").err == "nothing waits for a person\n"
    assert run("tasks").err == "nothing goes on in the background\n"
    assert run("approvals", "--json").json == {"approvals": [], "questions": []}
    assert run("tasks", "--json").json == {"tasks": []}


# ---------------------------------------------------------------- deciding while the bot runs


def test_a_yes_takes_effect_and_is_the_owners(run, running):
    ran = run("approve", running.approval[:6])

    assert (ran.status, ran.out) == (0, f"{running.approval}  approved\n")
    assert ran.err == "Approved: it starts now.\n"
    assert answers(running) == [("dora", "local", "approve", None)]
    assert run("approvals", "--all").out.count("approved by dora") == 1
    assert "dora" in run("thread", "show", running.thread).out


def test_an_edit_and_a_no_carry_what_was_written(run, running):
    invalid = run("approve", running.approval, "--args", json.dumps({"to": "bob"}))
    edited = run("approve", running.approval, "--args", json.dumps({**ARGS, "text": "at 6"}), "--json")

    assert invalid.status == 1
    assert "cannot be used" in invalid.err
    assert (edited.status, edited.json["status"], edited.json["running"]) == (0, "edited", True)
    (started,) = [
        e.data for e in events(running) if e.type == "tool.started" and e.data.tool == "send_message"
    ]
    assert started.args["text"] == "at 6"


def test_a_no_needs_a_reason_and_comes_with_it(run, running):
    without = run("reject", running.approval)
    ran = run("reject", running.approval, "--because", "not on a Friday", "--as", "erin")

    assert (without.status, "--because" in without.err) == (2, True)
    assert (ran.status, ran.out) == (0, f"{running.approval}  rejected\n")
    assert answers(running) == [("erin", "local", "reject", None)]
    assert "not on a Friday" in run("thread", "show", running.thread).out


def test_questions_and_requests_are_answered(run, running):
    wrong = run("answer", running.question, "1")
    right = run("answer", running.question, "1", "--as", "erin")
    instead = run("answer", running.approval, "he knows already")

    assert (wrong.status, right.status, instead.status) == (1, 0, 0)
    assert right.out == f"{running.question}  answered\n"
    assert instead.out == f"{running.approval}  answered\n"
    assert set(answers(running)) == {
        ("dora", "local", "respond", None),
        ("dora", "local", "", "unauthorised"),
        ("erin", "local", "", None),
    }


def test_who_comes_too_late_hears_who_decided(run, running):
    run("reject", running.approval, "--because", "no", "--as", "erin")

    ran = run("approve", running.approval)

    assert ran.status == 1
    assert "it was already rejected by erin at " in ran.err
    assert len(ran.err.splitlines()) == 1


def test_who_may_not_decide_hears_who_may(run, running, root):
    (root / "config.local.toml").write_text(LOCAL + '\n[[people]]\nname = "bob"\ndemo = false\n')

    ran = run("approve", running.approval, "--as", "bob")

    assert ran.status == 1
    assert "not yours to decide" in ran.err
    assert "allowed: dora, erin" in ran.err
    assert answers(running) == [("bob", "local", "", "unauthorised")]


def test_a_bot_that_runs_for_real_knows_no_demo_people(run, running):
    ran = run("approve", running.approval, "--as", "carol")

    assert ran.status == 1
    assert answers(running) == []


# ---------------------------------------------------------------- deciding while no bot runs


def test_without_a_bot_a_decision_is_written_down(run, asked):
    ran = run("approve", asked.approval, "--json")

    assert (ran.status, ran.json["status"], ran.json["running"]) == (0, "pending", False)
    assert answers(asked) == [("dora", "local", "approve", None)]
    late = run("reject", asked.approval, "--because", "no", "--as", "erin")
    assert late.status == 1
    assert "already approved by dora" in late.err


def test_without_a_bot_the_same_people_may_not_decide(run, asked, root):
    demo = run("approve", asked.approval, "--as", "carol")
    (root / "config.local.toml").write_text(LOCAL.replace('["approver"]', '["member"]'))
    gone = run("approve", asked.approval, "--as", "erin")

    assert (demo.status, gone.status) == (1, 1)
    assert demo.err == "error: carol is a demo person; they act in `bot dev` only\n"
    assert "not yours to decide" in gone.err
    assert answers(asked) == [("erin", "local", "", "unauthorised")]


# ---------------------------------------------------------------- what people get wrong

WRONG = [
    (("approve", "zzz"), 1, 'error: no approval begins with "zzz"; `bot approvals --all` lists them'),
    (("approve", ""), 1, 'error: no approval begins with ""; `bot approvals --all` lists them'),
    (
        ("answer", "%", "x"),
        1,
        'error: no approval or question begins with "%"; `bot approvals --all` lists them',
    ),
    (
        ("approve", "ID", "--as", "king"),
        1,
        'error: nobody is called "king"; there are ann, bob, carol, sarah, dora, erin',
    ),
    (("approve", "ID", "--args", "{x"), 2, "error: Invalid value: --args is not JSON: "),
    (("approve", "ID", "--args", "[]"), 2, "error: Invalid value: --args is list, and has to be an object"),
    (("approve", "QUESTION"), 1, "error: no approval begins with"),
]


@pytest.mark.parametrize(("arguments", "status", "line"), WRONG, ids=[" ".join(row[0]) for row in WRONG])
def test_a_mistake_is_one_clear_line(run, asked, arguments, status, line):
    known = {"ID": asked.approval, "QUESTION": asked.question}

    ran = run(*(known.get(word, word) for word in arguments))

    assert (ran.status, ran.out, len(ran.err.splitlines())) == (status, "", 1)
    assert ran.err.startswith(line)
    assert answers(asked) == []


def test_with_two_owners_somebody_has_to_say_who_decides(run, asked, root):
    (root / "config.local.toml").write_text(LOCAL.replace('["approver"]', '["approver", "owner"]'))

    ran = run("approve", asked.approval)

    assert ran.status == 1
    assert (
        ran.err
        == "error: say as whom you decide, with --as NAME; there are ann, bob, carol, sarah, dora, erin\n"
    )
