"""What people type wrong, and what fails: one line, and the right exit status."""

import pytest

from bot.cli.failures import status_of, tell
from bot.cli.given import Given
from bot.errors import SaywhenError, StartError, StoreFailed
from bot.store.lock import Lock


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("bogus",), "error: No such command 'bogus'. (`bot --help`)\n"),
        (("thred",), "error: No such command 'thred'. Did you mean 'thread', 'threads'? (`bot --help`)\n"),
        (("thread", "show"), "error: Missing argument 'ID'. (`bot thread show --help`)\n"),
        (
            ("config", "--jsn"),
            "error: No such option: --jsn (Possible options: --json) (`bot config --help`)\n",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_command_that_does_not_exist_is_one_line_and_2(run, arguments, line):
    ran = run(*arguments)

    assert (ran.status, ran.out) == (2, "")
    assert ran.err == line


def test_the_version_is_said(run):
    ran = run("--version")

    assert ran.status == 0
    assert ran.out.startswith("saywhen ")


def test_a_folder_without_settings_is_78_and_says_how_to_go_on(run, root):
    (root / "config.toml").unlink()

    ran = run("threads")

    assert ran.status == 78
    assert ran.err.startswith("error: config.toml: found no such file")


def test_bot_run_without_a_key_names_each_missing_key_and_ends_with_78(run):
    ran = run("run")

    assert ran.status == 78
    assert [line.split(": ")[2] for line in ran.err.splitlines()] == [
        "models.main.api_key",
        "models.backup.api_key",
    ]


def test_a_second_bot_names_the_pid_of_the_first_and_ends_with_73(run, filled):
    import os

    lock = Lock.acquire(filled.path, url="http://127.0.0.1:1")

    started, stepped = run("dev"), run("thread", "step", filled.paused)

    lock.release()
    assert started.status == stepped.status == 73
    assert str(os.getpid()) in started.err
    assert str(os.getpid()) in stepped.err


def test_chat_without_a_bot_says_how_to_start_one(run, filled):
    ran = run("chat")

    assert ran.status == 1
    assert ran.err == "error: No bot is running here. Start one in another terminal: make run\n"


def test_a_bot_that_does_not_answer_is_one_clear_line(run, filled):
    lock = Lock.acquire(filled.path, url="http://127.0.0.1:9")

    ran = run("thread", "pause", filled.answered)

    lock.release()
    assert ran.status == 1
    assert ran.err.startswith("error: the bot at http://127.0.0.1:9 does not answer")


def test_a_bot_that_is_still_starting_is_one_clear_line(run, filled):
    lock = Lock.acquire(filled.path)

    ran = run("thread", "pause", filled.answered)

    lock.release()
    assert ran.status == 1
    assert "still starting" in ran.err


# ---------------------------------------------------------------- errors and their exit status


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (StartError("x"), 78),
        (StartError("x", code=73), 73),
        (StoreFailed(), 74),
        (SaywhenError("x"), 1),
        (ValueError("x"), 1),
        (ExceptionGroup("parts", [ValueError("x"), ExceptionGroup("more", [StoreFailed()])]), 74),
        (ExceptionGroup("parts", [SaywhenError("x"), StartError("y")]), 78),
    ],
    ids=repr,
)
def test_the_exit_status_says_what_kind_of_error_it_was(error, status):
    assert status_of(error) == status


def test_an_error_of_our_own_is_one_line_and_its_trace_is_there_on_request(capsys):
    tell(ValueError("odd"), Given())
    short = capsys.readouterr().err

    tell(ValueError("odd"), Given(debug=True))
    long = capsys.readouterr().err

    assert short == "error: ValueError: odd (`bot --debug ...` shows where)\n"
    assert "ValueError: odd" in long


def test_a_group_of_errors_is_told_by_the_one_that_says_why(capsys):
    tell(ExceptionGroup("parts", [ValueError("x"), StartError("the port is taken")]), Given())

    assert capsys.readouterr().err == "error: the port is taken\n"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("x = 1\ndef (\n", ":2: this agent cannot be loaded: SyntaxError: "),
        ("\nimport nosuchmodule\n", ":2: this agent cannot be loaded: ModuleNotFoundError: "),
        ("x = 1 / 0\n", ":1: this agent cannot be loaded: ZeroDivisionError: division by zero"),
    ],
)
def test_an_agent_that_cannot_be_loaded_is_a_line_with_its_place_and_78(run, root, text, why):
    (root / "mine").mkdir()
    (root / "mine" / "wrong.py").write_text(text)
    (root / "config.local.toml").write_text('[paths]\nagents = ["mine"]\n')

    ran = run("tools")

    assert ran.status == 78
    assert len(ran.err.splitlines()) == 1
    assert f"wrong.py{why}" in ran.err


def test_damage_that_only_a_query_finds_is_74_and_names_doctor(run, filled):
    with filled.path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (filled.path.stat().st_size - 4096))

    ran = run("threads")

    assert ran.status == 74
    assert ran.err.startswith("error: ")
    assert "is damaged" in ran.err
    assert len(ran.err.splitlines()) == 1
