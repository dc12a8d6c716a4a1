"""One-time codes: who gets to be the owner, and who may add an address."""

import tomllib
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, strategies as st

from bot.claims import Claims, NoSuchPerson, Redeemed, Refused, is_claim, new_code, owner_name
from bot.config import Person, load

BASE = """\
[[people]]
name = "dora"
roles = ["on-call"]
addresses = { slack = "T001/U001" }
[[people]]
name = "eve"
addresses = { sms = "+15550100002" }
[[people]]
name = "demo"
addresses = { sms = "+15550100003" }
demo = true
"""
PHONE = "+15550100009"


class Office:
    """A folder of settings, a clock, and the codes of a running bot."""

    def __init__(self, folder):
        self.folder, self.now, self.refreshed = folder, datetime(2026, 11, 23, tzinfo=UTC), 0
        (folder / "config.toml").write_text(BASE)
        self.claims = Claims(folder, self.load, clock=lambda: self.now, check=self.load, refresh=self.refresh)

    def load(self):
        return load(root=self.folder, environ={}, look=True)

    def refresh(self):
        self.refreshed += 1

    def person(self, name):
        return self.load().person_by_name(name)

    @property
    def written(self):
        path = self.folder / "config.local.toml"
        return tomllib.loads(path.read_text()) if path.exists() else {}


@pytest.fixture
def office(tmp_path):
    return Office(tmp_path)


def test_the_owners_code_makes_a_stranger_the_owner(office):
    code = office.claims.new_owner_claim()

    done = office.claims.redeem(f"claim {code}", "slack", "T001/U999", display="Frida Müller")

    assert done == Redeemed("frida-m-ller", owner=True)
    assert office.person("frida-m-ller").roles == ("owner", "operator", "approver", "member")
    assert office.person("frida-m-ller").addresses == {"slack": "T001/U999"}
    assert office.refreshed == 1


def test_the_owners_code_gives_somebody_known_the_owners_roles_besides_their_own(office):
    code = office.claims.new_owner_claim()

    assert office.claims.redeem(f"Claim {code}", "slack", "T001/U001") == Redeemed("dora", owner=True)
    assert office.person("dora").roles == ("owner", "operator", "approver", "member", "on-call")


def test_a_link_adds_one_more_address(office):
    code = office.claims.new_link("dora")

    assert office.claims.redeem(f"  LINK {code.lower()}.", "sms", PHONE) == Redeemed("dora", owner=False)
    assert office.person("dora").addresses == {"slack": "T001/U001", "sms": PHONE}
    assert office.person("dora").roles == ("on-call",)


def test_a_link_is_for_somebody_who_is_known(office):
    with pytest.raises(NoSuchPerson, match="nobody called 'king'"):
        office.claims.new_link("king")


@pytest.mark.parametrize(
    "text", ["", "hello", "claim", "claim me", "please claim 23456789", "claim 23456789 now", "link 2345678"]
)
def test_other_texts_are_not_claims(office, text):
    assert not is_claim(text)
    assert office.claims.redeem(text, "sms", PHONE) is None


def test_a_code_works_once(office):
    code = office.claims.new_link("dora")
    office.claims.redeem(f"link {code}", "sms", PHONE)

    assert isinstance(office.claims.redeem(f"link {code}", "sms", "+15550100008"), Refused)


def test_a_code_is_good_for_its_own_word_only(office):
    owner, link = office.claims.new_owner_claim(), office.claims.new_link("dora")

    assert isinstance(office.claims.redeem(f"link {owner}", "sms", PHONE), Refused)
    assert isinstance(office.claims.redeem(f"claim {link}", "sms", PHONE), Refused)
    assert office.written == {}
    assert isinstance(office.claims.redeem(f"claim {owner}", "sms", PHONE), Redeemed)


def test_a_code_is_too_old_after_a_quarter_of_an_hour(office):
    code = office.claims.new_owner_claim()
    office.now += timedelta(minutes=15)

    assert isinstance(office.claims.redeem(f"claim {code}", "sms", PHONE), Refused)


def test_a_new_code_takes_the_place_of_the_one_before(office):
    old, new = office.claims.new_link("dora"), office.claims.new_link("dora")

    assert isinstance(office.claims.redeem(f"link {old}", "sms", PHONE), Refused)
    assert isinstance(office.claims.redeem(f"link {new}", "sms", PHONE), Redeemed)


def test_after_five_wrong_codes_even_the_right_one_has_to_wait(office):
    code = office.claims.new_owner_claim()
    for _ in range(5):
        office.claims.redeem("claim 22222222", "sms", PHONE)

    refused = office.claims.redeem(f"claim {code}", "sms", PHONE)

    assert isinstance(refused, Refused)
    assert "too many" in refused.why
    office.now += timedelta(minutes=15)
    code = office.claims.new_owner_claim()
    assert isinstance(office.claims.redeem(f"claim {code}", "sms", PHONE), Redeemed)


def test_the_wrong_codes_of_one_address_do_not_lock_out_another(office):
    code = office.claims.new_owner_claim()
    for _ in range(9):
        office.claims.redeem("claim 22222222", "sms", PHONE)

    assert isinstance(office.claims.redeem(f"claim {code}", "slack", "T001/U999"), Redeemed)


def test_ten_thousand_guesses_find_nothing(office):
    code = office.claims.new_owner_claim()
    guesses = (new_code() for _ in range(10_000))

    found = [
        office.claims.redeem(f"claim {guess}", "sms", f"+1555{number:07}")
        for number, guess in enumerate(guesses)
        if guess != code
    ]

    assert not [each for each in found if isinstance(each, Redeemed)]
    assert office.written == {}


def test_a_simulated_account_proves_nothing(office):
    code = office.claims.new_owner_claim()

    assert isinstance(office.claims.redeem(f"claim {code}", "slack", "T0DEMO/U0X", simulated=True), Refused)
    assert isinstance(office.claims.redeem(f"claim {code}", "slack", "T001/U999"), Redeemed)


def test_an_address_stays_with_whom_it_belongs_to(office):
    code = office.claims.new_link("dora")

    refused = office.claims.redeem(f"link {code}", "sms", "+15550100002")

    assert isinstance(refused, Refused)
    assert "eve" in refused.why
    assert office.written == {}


@pytest.mark.parametrize(
    ("channel", "address"), [("api", "dora"), ("terminal", "x"), ("sms", "nonsense"), ("sms", "+15550100003")]
)
def test_what_is_nobodys_address_becomes_nobodys(office, channel, address):
    code = office.claims.new_owner_claim()

    assert isinstance(office.claims.redeem(f"claim {code}", channel, address), Refused)
    assert office.written == {}


def test_a_file_that_cannot_be_edited_is_said(office):
    (office.folder / "config.local.toml").write_text('people = [{ name = "dora" }]\n')
    code = office.claims.new_link("dora")

    refused = office.claims.redeem(f"link {code}", "sms", PHONE)

    assert isinstance(refused, Refused)
    assert "by hand" in refused.why


def test_a_code_is_one_that_is_taken():
    assert is_claim(f"claim {new_code()}")


@given(st.text(max_size=40), st.lists(st.sampled_from(["me", "me-2", "ann", "owner", "bob"]), unique=True))
def test_a_new_owner_has_a_name_that_nobody_has(display, names):
    people = tuple(Person(name=name) for name in names)

    name = owner_name(display, people)

    assert Person(name=name).name not in [*names, "owner", "operator", "approver", "member"]
