"""`bot people token` and `bot people link`."""

import tomllib

from bot.config import token_hash


def test_a_new_token_is_shown_once_and_only_its_hash_is_kept(run, root):
    ran = run("people", "token", "bob")

    token = ran.out.strip()
    local = root / "config.local.toml"
    assert ran.status == 0
    assert token not in ran.err + local.read_text()
    assert tomllib.loads(local.read_text()) == {
        "people": [{"name": "bob", "api_token_hash": token_hash(token)}]
    }
    assert local.stat().st_mode & 0o777 == 0o600
    listed = {each["name"]: each for each in run("people", "--json").json["people"]}
    assert listed["bob"]["has_token"]
    assert "api_token_hash" not in listed["bob"]


def test_a_second_token_replaces_the_first(run, root):
    first, second = (run("people", "token", "bob", "--json").json["token"] for _ in range(2))

    assert first != second
    (bob,) = tomllib.loads((root / "config.local.toml").read_text())["people"]
    assert bob["api_token_hash"] == token_hash(second)


def test_a_token_for_nobody_is_refused(run, root):
    ran = run("people", "token", "king")

    assert (ran.status, ran.err) == (1, 'error: nobody is called "king"; there are ann, bob, carol, sarah\n')
    assert not (root / "config.local.toml").exists()


def test_a_code_is_made_by_a_running_bot_only(run):
    ran = run("people", "link", "bob")

    assert ran.status == 1
    assert "No bot is running" in ran.err
    assert "king" in run("people", "link", "king").err
