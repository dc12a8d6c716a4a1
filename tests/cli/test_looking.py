"""Commands that look: at threads, their logs, their prompts and the outbox."""

import json

import pytest

from bot.store.lock import Lock


def test_threads_are_listed_with_where_each_stands(run, filled):
    ran = run("threads")

    assert ran.status == 0
    lines = ran.out.splitlines()
    assert [line.split()[:2] for line in lines[1:]] == [
        [filled.paused, "paused"],
        [filled.undelivered, "idle"],
        [filled.answered, "idle"],
    ]


def test_as_many_threads_as_asked_for_are_listed(run, filled):
    ran = run("threads", "--limit", "1", "--json")

    assert [thread["thread_id"] for thread in ran.json["threads"]] == [filled.paused]


def test_a_thread_is_shown_as_a_timeline(run, filled):
    ran = run("thread", "show", filled.answered)

    assert ran.status == 0
    for words in ("what is a?", 'look_up {"key": "a"} starts (read)', "look_up ok", "It is 42.", "outbox"):
        assert words in ran.out


def test_a_thread_as_json_has_every_event_with_its_full_data(run, filled):
    ran = run("thread", "show", filled.answered, "--json")

    assert (ran.json["thread_id"], ran.json["status"]) == (filled.answered, "idle")
    seqs = [event["seq"] for event in ran.json["events"]]
    assert seqs == list(range(1, ran.json["last_seq"] + 1))
    assert ran.json["events"][1]["data"]["blocks"][0]["text"] == "what is a?"


def test_only_the_last_events_are_shown_on_request(run, filled):
    ran = run("thread", "show", filled.answered, "--last", "2", "--json")

    assert [event["seq"] for event in ran.json["events"]] == [ran.json["last_seq"] - 1, ran.json["last_seq"]]


def test_a_log_with_events_of_a_newer_version_is_shown_all_the_same(run, filled):
    filled.add_unknown_event(filled.answered)

    shown, listed = run("thread", "show", filled.answered), run("threads", "--json")
    whole = run("thread", "show", filled.answered, "--json")

    assert shown.status == whole.status == 0
    assert "moon.landed" in shown.out
    assert whole.json["events"][-1]["data"] == {"who": "Neil"}
    assert whole.json["events"][-1]["broken"]
    assert listed.json["threads"][-1]["status"] == "parked"


def test_what_steers_a_terminal_is_shown_and_not_obeyed(run, filled):
    ran = run("thread", "show", filled.undelivered)

    assert "\x1b" not in ran.out
    assert "\\x1b[2Jhello" in ran.out


def test_an_id_may_be_shortened_to_what_makes_it_unique(run, filled):
    ran = run("thread", "show", filled.answered[:-1].upper(), "--json")

    assert ran.json["thread_id"] == filled.answered


def test_an_id_that_fits_several_threads_names_them(run, filled):
    ran = run("thread", "show", filled.answered[:4])

    assert ran.status == 1
    assert filled.answered in ran.err
    assert filled.paused in ran.err


@pytest.mark.parametrize("command", ["show", "prompt", "pause", "resume", "cancel", "step"])
@pytest.mark.parametrize("wrong", ["zzz", "", "%", "'; DROP TABLE events --"])
def test_an_id_that_fits_nothing_is_one_clear_line(run, filled, command, wrong):
    ran = run("thread", command, wrong)

    assert ran.status == 1
    assert ran.err == f'error: no thread begins with "{wrong.lower()}"; `bot threads` lists them\n'


def test_the_last_prompt_is_worked_out_again_from_the_log(run, filled):
    ran = run("thread", "prompt", filled.answered, "--json")

    assert ran.status == 0
    assert ran.json["same"]
    assert ran.json["hash"] == ran.json["logged_hash"]
    assert "what is a?" in json.dumps(ran.json["request"]["messages"])
    assert "42" in json.dumps(ran.json["request"]["messages"])


def test_an_earlier_prompt_shows_only_what_was_known_then(run, filled):
    ran = run("thread", "prompt", filled.answered, "--at", "4")

    assert ran.status == 0
    assert "what is a?" in ran.out
    assert "a is 42" not in ran.out
    assert "the same as in the log" in ran.err


def test_a_place_without_a_prompt_says_where_there_are_some(run, filled):
    ran = run("thread", "prompt", filled.answered, "--at", "3")

    assert ran.status == 1
    assert ran.err == "error: 3 is not a model.asked; the last ones of this thread are 4, 8\n"


def test_a_thread_without_a_prompt_says_so(run, filled):
    ran = run("thread", "prompt", filled.paused)

    assert (ran.status, ran.err) == (1, "error: The model has not been asked anything in this thread yet.\n")


def test_a_prompt_that_is_not_the_logged_one_ends_with_1(run, filled):
    import sqlite3

    with sqlite3.connect(filled.path) as connection:
        connection.execute("UPDATE events SET data = replace(data, 'what is a?', 'what is b?') WHERE seq = 2")
    connection.close()

    ran = run("thread", "prompt", filled.answered, "--json")

    assert ran.status == 1
    assert not ran.json["same"]


def test_messages_that_were_given_up_are_in_the_outbox(run, filled):
    shown, whole = run("outbox"), run("outbox", "--json")

    assert "dead" in shown.out
    (row,) = [row for row in whole.json["outbox"] if row["state"] == "dead"]
    assert (row["thread_id"], row["destination"]) == (filled.undelivered, "c2")


def test_looking_works_while_another_process_has_the_database(run, filled):
    lock = Lock.acquire(filled.path, url="http://127.0.0.1:1")

    try:
        assert run("threads").status == run("thread", "show", filled.answered).status == 0
    finally:
        lock.release()


def test_a_backup_is_a_database_like_the_original(run, filled, tmp_path, monkeypatch):
    before = run("threads", "--json").json

    ran = run("backup", str(tmp_path / "copy.db"), "--json")
    again = run("backup", str(tmp_path / "copy.db"))
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'copy.db'}")

    assert ran.json["bytes"] == (tmp_path / "copy.db").stat().st_size
    assert again.status == 1
    assert "exists already" in again.err
    assert run("threads", "--json").json == before


@pytest.mark.parametrize(
    "command", [("threads",), ("thread", "show", "0"), ("outbox",), ("backup", "copy.db")], ids=" ".join
)
def test_without_a_database_a_command_says_what_makes_one(run, root, command):
    ran = run(*command)

    assert ran.status == 78
    assert "There is no database" in ran.err
    assert not (root / "saywhen.db").exists()


def test_a_file_that_is_no_database_is_one_clear_line(run, root):
    (root / "saywhen.db").write_text("not a database, but long enough to be looked at " * 10)

    ran = run("threads")

    assert ran.status == 78
    assert "is not an SQLite database" in ran.err
    assert "Traceback" not in ran.err
