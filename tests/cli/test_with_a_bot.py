"""The commands as a person uses them: real processes, a running `bot dev`, and none."""

import json
import os
import pty
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

import bot
from bot.config.environment import KNOWN
from bot.store.lock import holder

CHECKOUT = Path(bot.__file__).resolve().parent.parent
BOT = [sys.executable, "-m", "bot.cli"]
Run = Callable[..., Any]
START_SECONDS, STOP_SECONDS, ANSWER_SECONDS = 60, 15, 40


@dataclass(frozen=True)
class Dev:
    """A folder in which `bot dev` runs."""

    root: Path
    port: int
    environ: dict[str, str]

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """A command in a process of its own."""
        return subprocess.Popen(
            [*BOT, *arguments],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=self.root, env=self.environ, text=True,
        )  # fmt: skip

    def ask(self, path: str) -> httpx.Response:
        return httpx.get(f"http://127.0.0.1:{self.port}{path}", trust_env=False)

    def pid(self) -> int:
        found: int = self.ask("/healthz").json()["pid"]
        return found

    def wait_until_up(self) -> None:
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            with suppress(httpx.HTTPError):
                if self.ask("/readyz").status_code == 200:
                    return
            time.sleep(0.1)
        raise AssertionError("bot dev did not come up")


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dev]:
    """`bot dev`, on a database and a port of its own."""
    root = tmp_path_factory.mktemp("dev")
    shutil.copy(CHECKOUT / "config.toml", root)
    shutil.copytree(CHECKOUT / "prompts", root / "prompts")
    environ = {name: value for name, value in os.environ.items() if name.upper() not in KNOWN}
    port = free_port()
    environ |= {
        "PORT": str(port),
        "DATABASE_URL": f"sqlite:///{root / 'try.db'}",
        "PYTHONPATH": str(CHECKOUT),
    }
    found = Dev(root, port, environ)
    with found.start("dev") as process:
        try:
            found.wait_until_up()
            yield found
        finally:
            process.terminate()
            process.communicate(timeout=STOP_SECONDS)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def here(dev: Dev, run: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs commands beside that `bot dev`."""
    monkeypatch.setenv("DATABASE_URL", dev.environ["DATABASE_URL"])
    return run


def thread_of(here: Run, conversation: str) -> str:
    found = here("threads", "--json").json["threads"]
    return next(str(each["thread_id"]) for each in found if each["conversation"] == conversation)


# ---------------------------------------------------------------- talking


def test_each_line_of_a_pipe_is_answered_in_order(here):
    ran = here("chat", "--conversation", "pipe", says="what is 6*7?\n\nwhat is 2+3?")

    assert ran.status == 0, ran.err
    assert [part for part in ran.out.split() if part.isdigit()] == ["42", "5"]


def test_answers_are_json_lines_on_request(here):
    ran = here("chat", "--conversation", "lines", "--json", says="what is 6*7?\nwhat is 2+3?\n")

    said = [json.loads(line) for line in ran.out.splitlines()]
    assert [each["outcome"] for each in said] == ["replied", "replied"]
    assert "42" in said[0]["reply"]
    assert {each["thread_id"] for each in said} == {thread_of(here, "lines")}


def test_a_reminder_that_comes_later_is_printed_too(dev):
    with dev.start("chat", "--conversation", "later") as chat:
        chat.stdin.write("remind me in 1 second to stretch\n")
        chat.stdin.flush()
        said = [chat.stdout.readline(), next(line for line in chat.stdout if "Reminder" in line)]
        chat.stdin.close()

        assert chat.wait(ANSWER_SECONDS) == 0
    assert all("stretch" in line for line in said)


def ended(chat: "subprocess.Popen[bytes]", terminal: int) -> int:
    """Press Ctrl-D until it ends: between two lines the terminal may take one for itself."""
    for _ in range(ANSWER_SECONDS):
        os.write(terminal, b"\x04")
        with suppress(subprocess.TimeoutExpired):
            return chat.wait(1)
    raise AssertionError("it does not end")


def test_what_is_being_typed_stays_when_a_reminder_comes(dev):
    ours, theirs = pty.openpty()
    command = [*BOT, "chat", "--conversation", "typing"]
    with subprocess.Popen(
        command, stdin=theirs, stdout=theirs, cwd=dev.root, env={**dev.environ, "TERM": "xterm"}
    ) as chat:
        read_until(ours, r"> ")
        os.write(ours, b"remind me in 2 seconds to stretch\n")
        read_until(ours, r"I will remind you")
        os.write(ours, b"what is 6")
        read_until(ours, r"(?s)Reminder: stretch.*> what is 6")
        os.write(ours, b"*7?\n")
        read_until(ours, r"= 42")

        assert ended(chat, ours) == 0
    os.close(ours)
    os.close(theirs)


def read_until(terminal: int, pattern: str) -> None:
    seen, end = "", time.monotonic() + ANSWER_SECONDS
    while not re.search(pattern, seen) and time.monotonic() < end:
        if select.select([terminal], [], [], 0.2)[0]:
            seen += os.read(terminal, 65536).decode()
    assert re.search(pattern, seen), repr(seen)


def test_a_bot_that_dies_in_the_middle_of_a_talk_costs_no_answer(dev):
    with dev.start("chat", "--conversation", "plug") as chat:
        chat.stdin.write("what is 6*7?\n")
        chat.stdin.flush()
        first = chat.stdout.readline()
        os.kill(dev.pid(), signal.SIGKILL)
        chat.stdin.write("what is 2+3?\n")
        chat.stdin.close()
        rest = chat.stdout.read()

        assert chat.wait(ANSWER_SECONDS) == 0
    dev.wait_until_up()
    assert "42" in first
    assert len(re.findall(r"= 5\b", rest)) == 1


# ---------------------------------------------------------------- looking and steering while it runs


def test_looking_works_while_the_bot_runs(here, tmp_path):
    here("chat", "--conversation", "look", says="what time is it in Tokyo?\n")
    thread = thread_of(here, "look")

    shown = here("thread", "show", thread, "--json").json
    prompt = here("thread", "prompt", thread, "--json")
    backup = here("backup", str(tmp_path / "copy.db"))

    assert shown["status"] == "idle"
    assert shown["events"][-1]["type"] == "turn.ended"
    assert prompt.status == 0
    assert prompt.json["same"]
    assert backup.status == 0
    assert here("doctor", "--dev", "--json").json["status"] != "fail"


def test_a_paused_conversation_gives_no_answer_until_it_is_resumed(here):
    here("chat", "--conversation", "pause", says="what is 1+1?\n")
    thread = thread_of(here, "pause")

    paused = here("thread", "pause", thread, "--because", "looking first", "--json").json
    ran = here("chat", "--conversation", "pause", says="what is 6*7?\n")
    resumed = here("thread", "resume", thread)
    answered = here("chat", "--conversation", "pause", says="what is 2+3?\n")

    assert (paused["status"], paused["running"]) == ("paused", True)
    assert ran.status == 1
    assert "it is paused" in ran.err
    assert resumed.status == 0
    assert "42" in here("thread", "show", thread).out
    assert "5" in answered.out


def test_a_cancelled_conversation_has_nothing_left_to_do(here):
    here("chat", "--conversation", "cancel", says="what is 1+1?\n")

    ran = here("thread", "cancel", thread_of(here, "cancel"), "--because", "enough", "--json")

    assert ran.json["status"] == "idle"
    assert ran.err == ""


def test_a_second_bot_and_a_step_are_refused_with_the_pid_of_the_first(dev, here, monkeypatch):
    here("chat", "--conversation", "second", says="what is 1+1?\n")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-nothing")

    ran = [here("run"), here("dev"), here("thread", "step", thread_of(here, "second"))]

    assert [each.status for each in ran] == [73, 73, 73]
    for each in ran:
        assert str(dev.pid()) in each.err
        assert "Traceback" not in each.err


# ---------------------------------------------------------------- without a bot


def test_without_a_bot_steering_is_written_down_and_a_step_does_exactly_one_thing(run, filled):
    resumed = run("thread", "resume", filled.paused, "--json")
    steps = [run("thread", "step", filled.paused, "--dev", "--json").json for _ in range(3)]

    assert resumed.json["running"] is False
    assert "no bot is running" in resumed.err
    types = [[event["type"] for event in step["events"]] for step in steps]
    assert types == [["turn.started", "model.asked", "model.answered"], ["turn.ended"], []]
    assert [step["status"] for step in steps] == ["working", "idle", "idle"]
    assert holder(filled.path) is None


def test_a_step_needs_a_model_unless_the_demo_brain_may_think(run, filled):
    ran = run("thread", "step", filled.paused)

    assert ran.status == 78
    assert "ANTHROPIC_API_KEY" in ran.err


def test_what_a_command_prints_can_be_cut_off(filled, root):
    command = f"{' '.join(BOT)} --root {root} thread show {filled.answered} --json | head -c 10"

    ran = subprocess.run(["sh", "-c", command], capture_output=True, text=True, cwd=CHECKOUT, check=False)

    assert (ran.stderr, len(ran.stdout)) == ("", 10)
