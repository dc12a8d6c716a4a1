"""One person is written into config.local.toml; everything else stays as it was, byte for byte."""

import difflib
import threading
import tomllib

import pytest
from hypothesis import given, strategies as st

from bot.config import ConfigError, load
from bot.config.write_local import CannotWrite, Change, changed, write_person

HASH = f"sha256:{'a' * 64}"
FILE = """\
# mine
[web]   # the address
port = 81

[[people]]   # me
  name = "dora"  # not Dora
  roles = [
    "operator",  # is told
    "member",
  ]
  addresses = { slack = "T012AB3CD/U045EF6GH" } # work

[[people]]
name = 'eve'
api_token_hash = "sha256:0"   # old
[people.addresses]
slack = "T012AB3CD/U045EF6GI"

[log]
level = "DEBUG\""""


def people(text):
    return {person["name"]: person for person in tomllib.loads(text)["people"]}


def diff(before, after):
    lines = difflib.ndiff(before.splitlines(keepends=True), after.splitlines(keepends=True))
    return [line.rstrip("\n") for line in lines if line[0] in "+-"]


def test_a_new_person_stands_at_the_end():
    after = changed(FILE, Change("me", {"sms": "+15550100"}, ("owner", "operator"), HASH))

    assert after.startswith(FILE)
    assert people(after)["me"] == {
        "name": "me", "roles": ["owner", "operator"], "api_token_hash": HASH, "addresses": {"sms": "+15550100"},
    }  # fmt: skip


def test_a_setting_that_is_new_stands_below_the_others_of_its_person():
    after = changed(FILE, Change("dora", api_token_hash=HASH))

    assert diff(FILE, after) == [f'+ api_token_hash = "{HASH}"']
    assert people(after)["dora"]["api_token_hash"] == HASH


def test_a_setting_is_replaced_where_it_stands_and_keeps_its_comment():
    after = changed(FILE, Change("eve", api_token_hash=HASH))

    assert diff(FILE, after) == [
        '- api_token_hash = "sha256:0"   # old',
        f'+ api_token_hash = "{HASH}"   # old',
    ]


def test_a_list_over_several_lines_is_replaced_as_a_whole():
    after = changed(FILE, Change("dora", roles=("owner",)))

    assert people(after)["dora"]["roles"] == ["owner"]
    assert "# is told" not in after
    assert after.endswith(FILE[FILE.index("  addresses") :])


@pytest.mark.parametrize("name", ["dora", "eve"])
def test_an_address_joins_the_others_as_they_are_written(name):
    after = changed(FILE, Change(name, {"sms": "+15550100"}))

    addresses = people(after)[name]["addresses"]
    assert addresses["sms"] == "+15550100"
    assert addresses["slack"].startswith("T012AB3CD/")
    assert len(diff(FILE, after)) <= 2


def test_dotted_addresses_are_known_as_well():
    file = '[[people]]\nname = "dora"\naddresses.slack = "T012AB3CD/U045EF6GH"\n'

    after = changed(file, Change("dora", {"slack": "T012AB3CD/U000000", "sms": "+15550100"}))

    assert after == (
        '[[people]]\nname = "dora"\naddresses.slack = "T012AB3CD/U000000"\naddresses.sms = "+15550100"\n'
    )


def test_people_in_one_line_are_left_alone_and_said_so():
    file = 'people = [{ name = "dora" }]\n'

    with pytest.raises(CannotWrite, match="by hand"):
        changed(file, Change("dora", api_token_hash=HASH))
    with pytest.raises(CannotWrite):
        changed("people = \n", Change("dora"))


def test_the_ends_of_lines_and_the_byte_order_mark_stay():
    file = '\ufeff[[people]]\r\nname = "dora"\r\n'

    after = changed(file, Change("dora", {"sms": "+15550100"}))

    assert after == f'{file}addresses = {{ sms = "+15550100" }}\r\n'


NAMES = st.sampled_from(["ann", "bob", "eve"])
CHANGES = st.builds(
    Change,
    NAMES,
    st.dictionaries(st.sampled_from(["slack", "sms", "email"]), st.text(max_size=8), max_size=2),
    st.none() | st.lists(st.text(max_size=5), max_size=3).map(tuple),
    st.none() | st.text(max_size=8),
)


@given(st.lists(CHANGES, max_size=6))
def test_whatever_is_written_is_read_again_and_the_rest_stays(changes):
    text, wanted = FILE, people(FILE)
    for change in changes:
        text = changed(text, change)
        person = wanted.setdefault(change.name, {"name": change.name})
        person |= {name: list(v) if name == "roles" else v for name, v in change.plain.items()}
        if change.addresses:
            person["addresses"] = {**person.get("addresses", {}), **change.addresses}

    assert people(text) == wanted
    assert text.startswith(FILE[: FILE.index("[[people]]")])
    assert {k: v for k, v in tomllib.loads(text).items() if k != "people"} == {
        k: v for k, v in tomllib.loads(FILE).items() if k != "people"
    }


# ---------------------------------------------------------------- the file


def test_the_file_is_made_for_its_owner_only(write, read, tmp_path):
    write('[[people]]\nname = "dora"\n')

    write_person(tmp_path, Change("dora", {"sms": "+15550100"}), check=read)

    local = tmp_path / "config.local.toml"
    assert local.stat().st_mode & 0o777 == 0o600
    assert read().person_by_name("dora").addresses == {"sms": "+15550100"}
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_link_is_followed_and_stays_a_link(write, read, tmp_path):
    write()
    real = tmp_path / "elsewhere.toml"
    real.write_text("# here\n")
    (tmp_path / "config.local.toml").symlink_to(real)

    write_person(tmp_path, Change("dora"), check=read)

    assert (tmp_path / "config.local.toml").is_symlink()
    assert real.read_text().startswith("# here\n")


@pytest.mark.parametrize("local", [None, "# mine\n"])
def test_what_the_settings_refuse_is_taken_back(write, read, tmp_path, local):
    write('[[people]]\nname = "ann"\naddresses = { sms = "+15550100" }\n', local=local)

    with pytest.raises(ConfigError):
        write_person(tmp_path, Change("bob", {"sms": "+15550100"}), check=read)

    path = tmp_path / "config.local.toml"
    assert (path.read_text() if path.exists() else None) == local


def test_writers_at_the_same_time_do_not_lose_each_others_people(write, tmp_path):
    write()

    def add(number):
        change = Change(f"p{number}", {"sms": f"+1555010{number:04}"})
        write_person(tmp_path, change, check=lambda: load(root=tmp_path, environ={}, look=True))

    threads = [threading.Thread(target=add, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(load(root=tmp_path, environ={}, look=True).people) == 12
