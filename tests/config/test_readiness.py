"""What `bot run` cannot do without, and what commands that only look can."""

import os
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

READY = {"ANTHROPIC_API_KEY": "sk-ant-something"}
NOBODY = 65534


def test_a_bot_without_a_model_key_does_not_start(write, refuse, read):
    write()

    (problem,) = refuse(look=False)

    assert "ANTHROPIC_API_KEY" in problem.fix
    assert read(look=True)
    assert read(look=False, dev=True)
    assert read({"ANTHROPIC_BASE_URL": "http://127.0.0.1:1"}, look=False)


def test_a_channel_that_is_enabled_without_its_tokens_does_not_start(write, refuse, read):
    write("[channels.slack]\nenabled = true\n")

    problems = refuse(READY, look=False)

    assert [problem.key for problem in problems] == ["channels.slack.bot_token", "channels.slack.app_token"]
    assert all(problem.where == "config.toml:1" for problem in problems)
    assert read(READY, look=False, dev=True).channels.slack.on
    assert read(look=True)


def test_a_channel_without_credentials_is_off_by_itself(write, read):
    write()

    assert not read(READY, look=False).channels.slack.on


def test_a_channel_with_half_its_credentials_is_a_mistake(write, refuse, read):
    write()
    environ = {**READY, "SLACK_BOT_TOKEN": "xoxb-1-real"}

    assert [problem.key for problem in refuse(environ, look=False)] == ["channels.slack.app_token"]
    assert [problem.key for problem in refuse(environ, look=False, dev=True)] == ["channels.slack.app_token"]
    write("[channels.slack]\nenabled = false\n")
    assert not read(environ, look=False).channels.slack.on


@pytest.mark.parametrize(
    "address", ["http://localhost:8000", "http://127.0.0.1:8000", "https://bot.example.org"]
)
def test_a_public_address_is_https_or_this_machine(write, read, address):
    write()

    assert read({"PUBLIC_URL": address}).web.public_url == address


def test_a_public_address_in_the_clear_is_refused_in_production(write, refuse, read):
    write()
    environ = {"PUBLIC_URL": "http://bot.example.org"}

    (problem,) = refuse(environ)

    assert problem.key == "web.public_url"
    assert read(environ, dev=True)


def test_a_database_in_a_folder_that_does_not_exist_is_refused(write, refuse, read):
    write()
    environ = {**READY, "DATABASE_URL": "sqlite:///missing/x.db"}

    (problem,) = refuse(environ, look=False)

    assert "does not exist" in problem.found
    assert read(environ, look=True)


def test_a_database_that_is_a_folder_is_refused(write, refuse, tmp_path):
    write()
    (tmp_path / "x.db").mkdir()

    (problem,) = refuse({**READY, "DATABASE_URL": "sqlite:///x.db"}, look=False)

    assert "directory" in problem.found


def test_a_database_that_is_a_link_to_itself_is_left_to_the_store(write, read, tmp_path):
    write()
    (tmp_path / "x.db").symlink_to("x.db")

    config = read({**READY, "DATABASE_URL": "sqlite:///x.db"}, look=False)

    assert config.database.path.name == "x.db"


def as_somebody_else(check: Callable[[], None], folder: Path) -> bool:
    """Whether the check passes for a user who is not root, whom nothing stops."""
    if os.geteuid() != 0:
        check()
        return True
    for place in (folder, *list(folder.parents)[:3]):
        place.chmod(0o711)
    child = os.fork()
    if child == 0:
        os.setgid(NOBODY)
        os.setuid(NOBODY)
        try:
            check()
        except BaseException:  # noqa: BLE001 - a forked child speaks through its exit status alone
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_database_where_we_may_not_even_look_is_refused(write, refuse, tmp_path):
    write()
    (tmp_path / "hidden" / "inner").mkdir(parents=True)
    (tmp_path / "hidden").chmod(0o000)

    def check():
        (problem,) = refuse({**READY, "DATABASE_URL": "sqlite:///hidden/inner/x.db"}, look=False)
        assert "does not exist or is hidden" in problem.found

    assert as_somebody_else(check, tmp_path)


def test_a_database_where_we_may_not_write_is_refused(write, refuse, tmp_path):
    write()
    (tmp_path / "locked").mkdir()
    (tmp_path / "locked").chmod(0o555)

    def check():
        (problem,) = refuse({**READY, "DATABASE_URL": "sqlite:///locked/x.db"}, look=False)
        assert "may not write" in problem.found

    assert as_somebody_else(check, tmp_path)


def test_a_bot_without_a_real_operator_is_warned_of(write, read):
    demo = '[[people]]\nname = "ann"\nroles = ["operator"]\ndemo = true\n'
    write(demo)
    assert [warning.key for warning in read(READY, look=False).warnings] == ["people"]

    write(demo + '[[people]]\nname = "dora"\nroles = ["operator"]\n')
    assert read(READY, look=False).warnings == ()
