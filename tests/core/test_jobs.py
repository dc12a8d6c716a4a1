import asyncio
import json
import os
import random
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot import job_process
from bot.config import JobConfig
from bot.errors import InvalidStep, StartError, ToolError
from bot.job_folder import MOST_OUTPUT, JobFolder, readable, settle_in, sweep
from bot.jobs import OutcomeUnknown, arguments, run_job_tool
from bot.schema import plain_schema, schema_limits
from bot.secrets import Redactor
from bot.step import checked_args, step_schema
from bot.tools import ToolContext, tools_text
from tests.core.task_kit import NOW, SECRET, eventually, process

CONTEXT = ToolContext(
    key="t1:c7", now=NOW, timezone="UTC", person="ann", thread_id="t1", requester="ann", call_id="c7",
    task_id="0123456789abcdef",
)  # fmt: skip
ECHO = "import json, sys; print(json.dumps(sys.argv[1:]))"

# Notes that it ran, waits for leave, and ends.
ONCE = """
import os, sys, time
with open("ran", "a") as file:
    print(os.getpid(), file=file)
print("it runs", flush=True)
while not os.path.exists("go"):
    time.sleep(0.01)
print("it ends")
"""


def job(command: list[str], **given: Any) -> JobConfig:
    return JobConfig.model_validate({"command": command, **given})


def python(code: str, *arguments: str, **given: Any) -> JobConfig:
    code = code.replace("{", "{{").replace("}", "}}")
    return job(["python", "-c", code, *arguments], **given)


def tool_of(tmp_path, *, clean=str, environ=os.environ, **jobs):
    return run_job_tool(jobs, folder=tmp_path / "jobs", python=sys.executable, clean=clean, environ=environ)


async def call(tool, name="work", **given):
    args = tool.args.model_validate({"job": name, **given})
    return await tool.run(args, CONTEXT)


def folder_of(tmp_path):
    return tmp_path / "jobs" / CONTEXT.task_id


# ---------------------------------------------------------------- arguments

STAGING = job(
    ["deploy", "{version}", "{region}", "--dry={dry}"],
    description="Puts a version on staging.",
    parameters={
        "version": {"pattern": r"\d+\.\d+", "description": "for example 1.4"},
        "region": {"choices": ["eu", "us"], "default": "eu"},
        "dry": {"type": "boolean", "default": False},
    },
)
RESTART = job(
    ["restart", "{service}", "{count}"],
    parameters={"service": {}, "count": {"type": "integer", "minimum": 1, "maximum": 9}},
)
BOTH = {"deploy-staging": STAGING, "restart": RESTART}


def test_the_arguments_name_the_job_and_every_parameter():
    schema: Any = plain_schema(arguments(BOTH))

    assert schema["properties"]["job"]["enum"] == ["deploy-staging", "restart"]
    assert schema["properties"]["job"]["description"] == "deploy-staging: Puts a version on staging.; restart"
    assert schema["required"] == ["job", "version", "region", "dry", "service", "count"]
    assert schema["properties"]["region"]["anyOf"][0]["enum"] == ["eu", "us"]
    assert schema["properties"]["count"]["description"] == "at least 1, at most 9 (for restart only)"
    assert schema_limits(step_schema({"run_job": arguments(BOTH)})) == []


def test_what_every_job_needs_cannot_be_null():
    schema: Any = plain_schema(arguments({"restart": RESTART}))

    assert schema["properties"]["service"] == {"type": "string"}


def test_the_model_reads_what_it_may_run(tmp_path):
    text = tools_text([tool_of(tmp_path, **BOTH)])

    assert text.startswith("<tools>\nrun_job (acts, cannot be taken back): Runs one of the configured jobs")
    assert '- job, "deploy-staging" or "restart": deploy-staging: Puts a version' in text


def test_defaults_are_part_of_what_is_approved():
    given = {
        "job": "deploy-staging",
        "version": "1.4",
        "region": None,
        "dry": None,
        "service": None,
        "count": None,
    }

    assert checked_args(arguments(BOTH), given) == {**given, "region": "eu", "dry": False}


ALL = {"version": None, "region": None, "dry": None, "service": None, "count": None}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"job": "deploy"}, "args.job: Input should be 'deploy-staging' or 'restart', found \"deploy\""),
        ({"job": "deploy-staging"}, "args.version: it has to be given, found null"),
        ({"job": "deploy-staging", "version": "1.4; rm"}, r'args.version: it has to match \d+\.\d+, found "1.4; rm"'),
        ({"job": "deploy-staging", "version": "1.4\n"}, "args.version: it holds a line break"),
        ({"job": "deploy-staging", "version": "1.4\0"}, "args.version: it holds a line break or another"),
        ({"job": "deploy-staging", "version": "1.4", "region": "cn"}, "args.region"),
        ({"job": "deploy-staging", "version": "1.4", "service": "db"}, "args.service: no such parameter"),
        ({"job": "restart", "service": "-rf", "count": 1}, "args.service: it may not begin with -"),
        ({"job": "restart", "service": "db", "count": 0}, "args.count: at least 1 is wanted, found 0"),
        ({"job": "restart", "service": "db", "count": "1"}, "args.count: Input should be a valid integer"),
        ({"job": "restart", "service": "", "count": 1}, "args.service: it is empty"),
        ({"job": "restart", "service": "a" * 101, "count": 1}, "args.service: it has 101 characters"),
        ({"job": "restart", "service": "db", "count": 1, "more": "x"}, "args.more: unknown argument"),
    ],
)  # fmt: skip
def test_what_a_job_does_not_take_is_refused_in_one_line(given, words):
    with pytest.raises(InvalidStep) as refused:
        checked_args(arguments(BOTH), {**ALL, **given})

    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_parameter_of_two_types_is_refused_at_the_start():
    other = job(["x", "{count}"], parameters={"count": {}})

    with pytest.raises(
        StartError, match="parameter count is of type integer for restart and of type string for x"
    ):
        arguments({"restart": RESTART, "x": other})


def test_a_parameter_cannot_be_called_job():
    with pytest.raises(StartError, match="cannot be called job"):
        arguments({"x": job(["x", "{job}"], parameters={"job": {}})})


@pytest.mark.parametrize(
    "name", ["json", "copy", "model_config", "model_fields", "class", "from", "check", "validate"]
)
async def test_a_parameter_may_have_any_name(tmp_path, name):
    tool = tool_of(tmp_path, work=python(ECHO, f"{{{name}}}", parameters={name: {}}))

    args = checked_args(tool.args, {"job": "work", name: "value"})

    assert args == {"job": "work", name: "value"}
    assert '["value"]' in await tool.run(tool.args.model_validate(args), CONTEXT)


def test_a_job_that_was_taken_away_is_refused():
    jobs = dict(BOTH)
    model = arguments(jobs)
    del jobs["restart"]

    with pytest.raises(InvalidStep, match=r"args\.job: this job is no longer offered"):
        checked_args(model, {**ALL, "job": "restart", "service": "db", "count": 1})


# ---------------------------------------------------------------- the command


@pytest.mark.parametrize(
    "text",
    [
        "; rm -rf /", "$(touch /tmp/x)", "`id`", "--flag", "-rf", "a b  c", "'", '"', "\\", "*", "~", "{text}", "{}",
        "| cat", "&& id", "> file", "ünïcödé 漢字 🙂", "%s", "$HOME", "!", "#",
    ],
)  # fmt: skip
async def test_whatever_a_person_writes_is_one_argument(tmp_path, text):
    work = python(ECHO, "{text}", "x={text}", parameters={"text": {"allow_leading_dash": True}})

    said = await call(tool_of(tmp_path, work=work), text=text)

    assert json.loads(said.splitlines()[-1]) == [text, f"x={text}"]


async def test_the_command_sees_its_directory_and_nothing_of_our_environment_but_what_is_listed(tmp_path):
    (tmp_path / "here").mkdir()
    code = "import json, os; print(json.dumps([os.getcwd(), dict(os.environ)]))"
    environ = {
        "PATH": os.environ["PATH"], "HOME": "/home/ann", "LANG": "C.UTF-8", "TZ": "Europe/Vienna",
        "API_KEY": "for the job", "SLACK_BOT_TOKEN": "not for the job", "PYTHONPATH": "/nowhere",
    }  # fmt: skip
    work = python(code, directory=str(tmp_path / "here"), environment_variables=["API_KEY", "UNSET"])

    said = await call(tool_of(tmp_path, environ=environ, work=work))

    directory, seen = json.loads(said.splitlines()[-1])
    assert directory == str(tmp_path / "here")
    assert set(seen) - {"LC_CTYPE", "__CF_USER_TEXT_ENCODING"} == {"PATH", "HOME", "LANG", "TZ", "API_KEY"}
    assert "for the job" not in (folder_of(tmp_path) / "command.json").read_text()


async def test_a_job_without_output_says_so(tmp_path):
    said = await call(tool_of(tmp_path, work=python("pass")))

    assert said.startswith("exit code 0 after 0.")
    assert said.endswith(" s; it printed nothing")


async def test_its_folder_is_nobody_elses(tmp_path):
    await call(tool_of(tmp_path, work=python("print(1)")))

    assert folder_of(tmp_path).stat().st_mode & 0o777 == 0o700


async def test_a_command_that_fails_is_a_failure_with_its_last_words(tmp_path):
    code = "import sys; print('reading'); print('no such host', file=sys.stderr); sys.exit(3)"

    with pytest.raises(ToolError) as failed:
        await call(tool_of(tmp_path, work=python(code)))

    assert str(failed.value).startswith("exit code 3 after 0.")
    assert "its output ended with: " in str(failed.value)
    assert "no such host" in str(failed.value)


async def test_a_command_that_is_killed_is_a_failure(tmp_path):
    with pytest.raises(ToolError, match="exit code -9"):
        await call(tool_of(tmp_path, work=python("import os; os.kill(os.getpid(), 9)")))


@pytest.mark.parametrize("command", [["no-such-program-here"], ["/etc/passwd"]])
async def test_a_command_that_cannot_be_started_did_not_begin(tmp_path, command):
    with pytest.raises(ToolError, match="it did not begin: "):
        await call(tool_of(tmp_path, work=job(command)))


async def test_a_directory_that_is_gone_is_a_failure(tmp_path):
    with pytest.raises(ToolError, match="it did not begin: gone: No such file"):
        await call(tool_of(tmp_path, work=python("pass", directory=str(tmp_path / "gone"))))


async def test_without_the_program_that_runs_it_it_did_not_begin(tmp_path):
    tool = run_job_tool({"work": python("pass")}, folder=tmp_path / "jobs", python="/no/such/python")

    with pytest.raises(ToolError, match="it could not be started"):
        await call(tool)


async def test_a_process_that_dies_before_the_command_leaves_it_not_begun_for_ever(tmp_path):
    tool = run_job_tool(
        {"work": python(ONCE, directory=str(tmp_path))}, folder=tmp_path / "jobs", python="/bin/false"
    )
    with pytest.raises(ToolError, match="it did not begin"):
        await call(tool)

    with pytest.raises(ToolError, match="cancelled before it began"):
        await call(tool_of(tmp_path, work=python(ONCE, directory=str(tmp_path))))

    assert not (tmp_path / "ran").exists()


async def test_a_job_is_only_run_as_a_task(tmp_path):
    tool = tool_of(tmp_path, work=python("pass"))

    with pytest.raises(ValueError, match="background task"):
        await tool.run(tool.args.model_validate({"job": "work"}), replace(CONTEXT, task_id=""))


# ---------------------------------------------------------------- output


async def test_the_end_of_a_long_output_is_shown(tmp_path):
    said = await call(tool_of(tmp_path, work=python("for n in range(9999): print('line', n)")))

    assert "the end of its output, more is kept" in said.splitlines()[0]
    assert said.endswith("line 9997\nline 9998")
    assert 1900 < len(said) < 2200


async def test_an_output_of_100_mb_is_capped(tmp_path):
    code = "import sys\nfor n in range(100): sys.stdout.write('x' * 999_999 + '\\n')\nprint('the very end')"

    said = await call(tool_of(tmp_path, work=python(code)))

    output = folder_of(tmp_path) / "output.log"
    assert said.endswith("the very end")
    assert MOST_OUTPUT < output.stat().st_size < MOST_OUTPUT + 70_000
    assert b" bytes left out]" in output.read_bytes()


async def test_binary_garbage_is_readable_text_in_the_end(tmp_path):
    code = (
        "import os, sys; sys.stdout.buffer.write(os.urandom(100_000) + b'\\0\\x1b[31mred\\x1b[0m \\xff end')"
    )

    said = await call(tool_of(tmp_path, work=python(code)))

    assert said.endswith("red \ufffd end")
    assert all(char.isprintable() or char == "\n" for char in said)


@pytest.mark.parametrize(
    ("printed", "read"),
    [
        ("plain\nlines", "plain\nlines"),
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        (" 10 %\r 50 %\r100 %\n", "100 %\n"),
        ("windows\r\nlines\r\n", "windows\nlines\n"),
        ("a\tb\0c\x08d", "a bcd"),
        ("evil \u202e txt", "evil  txt"),
        ("\x1b", ""),
    ],
)
def test_what_a_terminal_would_show(printed, read):
    assert readable(printed) == read


async def test_a_secret_at_any_place_of_the_cut_leaves_no_half_of_itself(tmp_path):
    folder = JobFolder(tmp_path)
    for after in range(1950, 2030):
        (tmp_path / "output.log").write_text("a" * 50_000 + SECRET + "b" * after)

        text, whole = folder.last_output(2000, Redactor([SECRET]))

        assert "key" not in text
        assert "s3cr" not in text
        assert not whole


async def test_the_last_whole_line_is_how_far_it_is(tmp_path):
    notes = []

    async def progress(note):
        notes.append(note)
        (tmp_path / "go").touch()

    code = "import os, time\nprint('step 1', flush=True)\nprint('half of', end='', flush=True)\n"
    code += "while not os.path.exists('go'): time.sleep(0.01)"
    tool = tool_of(tmp_path, work=python(code, directory=str(tmp_path)))

    await tool.run(tool.args.model_validate({"job": "work"}), replace(CONTEXT, progress=progress))

    assert notes[0] == "step 1"


# ---------------------------------------------------------------- time and stop


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and is not reaped yet does not."""
    with suppress(FileNotFoundError, ProcessLookupError):
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        return state != "Z"
    return False


async def has_lines(path: Path, count: int = 1) -> list[str]:
    return lines_of(path, count)


def lines_of(path: Path, count: int = 1) -> list[str]:
    text = path.read_text() if path.exists() else ""
    return text.splitlines() if text.endswith("\n") and text.count("\n") >= count else []


# A parent and a child that both do not mind TERM.
STUBBORN = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = os.fork()
with open("ran", "a") as file:
    print(os.getpid(), file=file)
print("here", flush=True)
while True:
    time.sleep(0.05)
"""


async def test_a_job_that_takes_too_long_is_ended_with_all_its_children(tmp_path):
    tool = tool_of(tmp_path, work=python(STUBBORN, directory=str(tmp_path), timeout="1s"))

    with pytest.raises(ToolError) as failed:
        await call(tool)

    said = str(failed.value)
    assert said.startswith("timed out after 6")  # a second, and five between TERM and KILL
    assert "what it had done stays done; its output ended with: here" in said
    pids = await has_lines(tmp_path / "ran", 2)
    assert not any(alive(int(pid)) for pid in pids)


async def test_a_cancelled_job_is_ended_with_all_its_children(tmp_path):
    tool = tool_of(tmp_path, work=python(STUBBORN, directory=str(tmp_path)))
    running = asyncio.ensure_future(call(tool))
    pids = await eventually(lambda: has_lines(tmp_path / "ran", 2))

    running.cancel("stopped")

    with pytest.raises(ToolError, match=r"cancelled after .* s; what it had done stays done"):
        await running
    assert not any(alive(int(pid)) for pid in pids)


async def test_a_cancelled_job_may_clean_up(tmp_path):
    code = (
        "import os, signal, sys, time\n"
        "def clean(*_):\n    open('cleaned', 'w').close()\n    sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, clean)\nprint('x', file=open('ran', 'w'), flush=True)\n"
        "while True: time.sleep(0.05)"
    )
    running = asyncio.ensure_future(call(tool_of(tmp_path, work=python(code, directory=str(tmp_path)))))
    await eventually(lambda: has_lines(tmp_path / "ran"))

    running.cancel("stopped")

    with pytest.raises(ToolError, match="cancelled after"):
        await running
    assert (tmp_path / "cleaned").exists()


async def test_a_process_that_the_command_leaves_behind_is_not_waited_for(tmp_path):
    code = (
        "import os, subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "open('child', 'w').write(str(child.pid))\nprint('started', flush=True)\nos._exit(0)"
    )

    said = await call(tool_of(tmp_path, work=python(code, directory=str(tmp_path))))

    child = int((tmp_path / "child").read_text())
    still_alive = alive(child)
    os.kill(child, signal.SIGKILL)
    assert said.endswith("started")
    assert still_alive


# ---------------------------------------------------------------- through the bot's own end


async def test_a_job_goes_on_when_the_bot_ends_and_the_next_one_finds_it(tmp_path):
    tool = tool_of(tmp_path, work=python(ONCE, directory=str(tmp_path)))
    running = asyncio.ensure_future(call(tool))
    await eventually(lambda: has_lines(tmp_path / "ran"))
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    (tmp_path / "go").touch()

    said = await call(tool_of(tmp_path, work=python(ONCE, directory=str(tmp_path))))

    assert said.endswith("it runs\nit ends")
    assert len(await has_lines(tmp_path / "ran")) == 1


async def test_whoever_asks_again_finds_the_same_end(tmp_path):
    (tmp_path / "go").touch()
    tool = tool_of(tmp_path, work=python(ONCE, directory=str(tmp_path)))

    first, *others = await asyncio.gather(*(call(tool) for _ in range(8)))

    assert set(others) == {first}
    assert await call(tool) == first
    assert len(await has_lines(tmp_path / "ran")) == 1


BOT = """
import asyncio, json, sys
from pathlib import Path
from bot.config import JobConfig
from bot.jobs import run_job_tool
from tests.core.test_jobs import CONTEXT, ONCE

root = Path(sys.argv[1])
job = JobConfig.model_validate({"command": ["python", "-c", ONCE], "directory": str(root)})
tool = run_job_tool({"work": job}, folder=root / "jobs", python=sys.executable)
print("ready", flush=True)
asyncio.run(tool.run(tool.args.model_validate({"job": "work"}), CONTEXT))
"""


def start_bot(tmp_path: Path) -> "subprocess.Popen[bytes]":
    root = Path(job_process.__file__).parents[1]
    bot = subprocess.Popen(
        [sys.executable, "-c", BOT, str(tmp_path)], cwd=root, stdout=subprocess.PIPE, start_new_session=True
    )
    assert bot.stdout is not None
    bot.stdout.readline()
    return bot


def kill(bot: "subprocess.Popen[bytes]") -> None:
    os.killpg(bot.pid, signal.SIGKILL)
    bot.wait()
    assert bot.stdout is not None
    bot.stdout.close()


async def test_a_job_survives_that_the_bot_is_killed(tmp_path):
    bot = start_bot(tmp_path)
    await eventually(lambda: has_lines(tmp_path / "ran"))
    kill(bot)
    (tmp_path / "go").touch()

    said = await call(tool_of(tmp_path, work=python(ONCE, directory=str(tmp_path))))

    assert said.endswith("it runs\nit ends")
    assert len(await has_lines(tmp_path / "ran")) == 1


@pytest.mark.slow
async def test_a_bot_that_is_killed_at_any_moment_runs_the_command_once(tmp_path):
    chance = random.Random(7)
    for number in range(12):
        place = tmp_path / str(number)
        place.mkdir()
        (place / "go").touch()
        bot = start_bot(place)
        await asyncio.sleep(chance.uniform(0, 0.12))
        kill(bot)

        said = await call(tool_of(place, work=python(ONCE, directory=str(place))))

        assert said.endswith("it runs\nit ends")
        assert len(await has_lines(place / "ran")) == 1


async def exists(path: Path) -> bool:
    return path.exists()  # noqa: ASYNC240 - a condition to wait for


def processes(tmp_path: Path) -> dict[str, int]:
    found: dict[str, int] = json.loads((folder_of(tmp_path) / "pid.json").read_text())
    return found


async def test_if_nobody_watched_the_command_the_outcome_is_unknown_and_it_is_not_run_again(tmp_path):
    tool = tool_of(tmp_path, work=python(ONCE, directory=str(tmp_path)))
    running = asyncio.ensure_future(call(tool))
    await eventually(lambda: has_lines(tmp_path / "ran"))
    await eventually(lambda: exists(folder_of(tmp_path) / "pid.json"))
    os.kill(processes(tmp_path)["supervisor"], signal.SIGKILL)

    for _ in range(2):
        with pytest.raises(OutcomeUnknown):
            await running
        running = asyncio.ensure_future(call(tool_of(tmp_path, work=python(ONCE, directory=str(tmp_path)))))
    with pytest.raises(OutcomeUnknown):
        await running

    os.kill(processes(tmp_path)["command"], signal.SIGKILL)
    assert len(await has_lines(tmp_path / "ran")) == 1


def run_orders(folder: Path, count: int) -> None:
    command = [sys.executable, "-I", "-S", job_process.__file__, str(folder)]
    for order in [subprocess.Popen(command) for _ in range(count)]:
        order.wait()


async def test_processes_with_the_same_order_run_it_once(tmp_path):
    (tmp_path / "go").touch()
    await call(tool_of(tmp_path, work=python(ONCE, directory=str(tmp_path))))
    done = folder_of(tmp_path)
    for name in ("started", "result.json", "pid.json", "output.log"):
        (done / name).unlink()
    (tmp_path / "ran").unlink()

    run_orders(done, 10)

    assert len(await has_lines(tmp_path / "ran")) == 1
    assert (done / "result.json").exists()


async def test_a_command_that_was_never_begun_is_begun_by_the_next_bot(tmp_path):
    (tmp_path / "go").touch()
    folder_of(tmp_path).mkdir(parents=True)

    said = await call(tool_of(tmp_path, work=python(ONCE, directory=str(tmp_path))))

    assert said.endswith("it ends")


async def test_an_order_to_end_that_came_first_lets_nothing_begin(tmp_path):
    JobFolder(folder_of(tmp_path)).cancel()

    with pytest.raises(ToolError, match="cancelled before it began"):
        await call(tool_of(tmp_path, work=python(ONCE, directory=str(tmp_path))))

    assert not (tmp_path / "ran").exists()


# ---------------------------------------------------------------- as a task of a conversation


async def test_a_job_in_a_conversation_ends_as_its_result(tmp_path):
    tool = tool_of(tmp_path, clean=Redactor([SECRET]), work=python(f"print('key {SECRET}')"))
    async with process(tmp_path, tool) as kit:
        finished = await kit.ended(await kit.begin(tool, {"job": "work"}))

    assert finished.outcome == "ok"
    assert finished.result.endswith("its output:\nkey [redacted]")


async def test_a_failure_in_a_conversation_is_one_line(tmp_path):
    code = "import sys; print('one\\ntwo'); sys.exit('/srv/app/x.py failed')"
    tool = tool_of(tmp_path, work=python(code))
    async with process(tmp_path, tool) as kit:
        finished = await kit.ended(await kit.begin(tool, {"job": "work"}))

    assert finished.outcome == "failed"
    assert "exit code 1 after " in finished.result
    assert "one | two" in finished.result
    assert "/srv" not in finished.result


async def test_a_stopped_conversation_ends_its_job(tmp_path):
    tool = tool_of(tmp_path, work=python(ONCE, directory=str(tmp_path)))
    async with process(tmp_path, tool) as kit:
        task_id = await kit.begin(tool, {"job": "work"})
        (pid,) = await eventually(lambda: has_lines(tmp_path / "ran"))

        await kit.stop(await kit.thread_of(task_id))

        finished = await kit.ended(task_id)
    assert finished.outcome == "cancelled"
    assert finished.result.startswith("cancelled after ")
    assert not alive(int(pid))


async def test_a_job_outlives_a_bot_and_is_ended_by_a_stop_that_nobody_heard(tmp_path):
    tool = tool_of(tmp_path, work=python(ONCE, directory=str(tmp_path)))
    async with process(tmp_path, tool) as kit:
        task_id = await kit.begin(tool, {"job": "work"})
        (pid,) = await eventually(lambda: has_lines(tmp_path / "ran"))
    async with process(tmp_path) as kit:
        await kit.stop(await kit.thread_of(task_id))
    assert alive(int(pid))

    async with process(tmp_path, tool) as kit:
        await kit.tasks.recover()
        finished = await kit.ended(task_id)

    assert (finished.outcome, alive(int(pid))) == ("cancelled", False)


async def test_a_stop_that_nobody_heard_lets_a_job_that_had_not_begun_not_begin(tmp_path):
    tool = tool_of(tmp_path, work=python(ONCE, directory=str(tmp_path)))
    async with process(tmp_path, tool) as kit:
        thread, _ = await kit.announce(tool, {"job": "work"})
        await kit.stop(thread.id)

    async with process(tmp_path, tool) as kit:
        await kit.tasks.recover()
        finished = await kit.ended(next(iter(thread.tasks)))

    assert finished.outcome == "cancelled"
    assert not (tmp_path / "ran").exists()


# ---------------------------------------------------------------- what is left


def test_what_jobs_left_long_ago_is_removed(tmp_path):
    now = datetime(2026, 11, 23, tzinfo=UTC)
    for name, days in (("old", 31), ("new", 29), ("open", 31)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "result.json").write_text("{}")
        then = (now - timedelta(days=days)).timestamp()
        os.utime(tmp_path / name / "result.json", (then, then))
    (tmp_path / "running").mkdir()

    assert sweep(tmp_path, now, open_tasks={"open"}) == 1

    assert {path.name for path in tmp_path.iterdir()} == {"new", "open", "running"}
    assert sweep(tmp_path / "nowhere", now, open_tasks=()) == 0


def test_where_the_folder_of_all_jobs_is_missing_no_open_job_begins_again(tmp_path: Path) -> None:
    root = tmp_path / "x.db.jobs"

    settle_in(root, {"open"})
    settle_in(root, {"open", "later"})

    assert JobFolder(root / "open").look().begun
    assert not JobFolder(root / "later").look().begun
