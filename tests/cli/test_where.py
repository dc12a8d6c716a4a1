"""Which folder and which database a command is about."""

from pathlib import Path

from bot.cli.place import checkout, choose, find_root
from bot.store.lock import Lock

NOTHING: dict[str, str] = {}


def test_the_folder_given_comes_before_the_current_one_and_that_before_the_checkout(
    root, tmp_path, monkeypatch
):
    monkeypatch.chdir(root)
    assert find_root(tmp_path) == tmp_path
    assert find_root(None) == root

    monkeypatch.chdir(tmp_path)
    assert find_root(None) == checkout()
    assert (checkout() / "config.toml").exists()


def test_database_url_comes_first(root):
    (root / "saywhen-dev.db").touch()
    lock = Lock.acquire(root / "saywhen-dev.db")

    place = choose(root, {"DATABASE_URL": "sqlite:///other.db"})

    assert (place.database, place.dev) == (root / "other.db", False)
    lock.release()


def test_database_url_may_stand_in_dotenv(root):
    (root / ".env").write_text("DATABASE_URL=sqlite:///other.db\n")
    (root / "saywhen-dev.db").touch()

    assert choose(root, NOTHING).database == root / "other.db"


def test_a_running_bot_dev_comes_before_the_database_of_bot_run(root):
    (root / "saywhen.db").touch()
    lock = Lock.acquire(root / "saywhen-dev.db")

    place = choose(root, NOTHING)

    assert (place.database, place.dev) == (root / "saywhen-dev.db", True)
    lock.release()


def test_a_bot_dev_that_has_ended_does_not(root, capsys):
    for name in ("saywhen.db", "saywhen-dev.db"):
        (root / name).touch()
    Lock.acquire(root / "saywhen-dev.db").release()

    place = choose(root, NOTHING)

    assert (place.database, place.dev) == (root / "saywhen.db", False)
    assert capsys.readouterr().err == ""


def test_the_database_of_bot_dev_is_better_than_none_and_that_is_said(root, capsys):
    (root / "saywhen-dev.db").touch()

    place = choose(root, NOTHING)

    assert (place.database, place.dev) == (root / "saywhen-dev.db", True)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "saywhen-dev.db" in captured.err


def test_without_any_database_it_is_that_of_bot_run(root: Path):
    assert choose(root, NOTHING).database == root / "saywhen.db"
