from bot.config.people import Person, new_token, token_hash
from bot.people import Account, Contact, People

ANN = Person(
    name="ann",
    addresses={"slack": "T001/U001", "email": "ann@example.org"},
    contact_order=("email", "slack"),
    timezone="Europe/Vienna",
    roles=("operator",),
)
BOB = Person(name="bob", addresses={"slack": "T001/U002"})
DEMO = Person(name="demo", addresses={"slack": "T000DEMO/U000DEMO"}, demo=True, roles=("operator",))
PEOPLE = People((ANN, BOB, DEMO), timezone="Asia/Tokyo")
SLACK, EMAIL = Account("slack", "T001"), Account("email", "bot@example.org")
SIMULATED = Account("slack", "T000DEMO", simulated=True)


def test_a_person_is_known_by_address():
    assert PEOPLE.by_address("slack", "T001/U001") is ANN


def test_the_same_user_id_of_another_team_is_a_stranger():
    assert PEOPLE.by_address("slack", "T002/U001") is None


def test_mail_addresses_are_compared_without_regard_to_case():
    assert PEOPLE.by_address("email", "Ann@Example.org") is ANN


def test_a_demo_person_exists_only_for_a_simulated_account():
    assert PEOPLE.by_address("slack", "T000DEMO/U000DEMO") is None
    assert PEOPLE.by_address("slack", "T000DEMO/U000DEMO", simulated=True) is DEMO


def test_a_simulated_account_cannot_pose_as_a_real_person():
    assert PEOPLE.by_address("slack", "T001/U001", simulated=True) is None


def test_on_our_own_channels_the_address_is_a_name():
    assert PEOPLE.by_address("api", "ann") is ANN
    assert PEOPLE.by_address("api", "demo") is None
    assert PEOPLE.by_address("api", "demo", simulated=True) is DEMO


def test_a_person_is_contacted_where_they_want_it_as_far_as_the_channel_is_on():
    assert PEOPLE.contact(ANN, [SLACK, EMAIL]) == Contact("email", "bot@example.org", "ann@example.org")
    assert PEOPLE.contact(ANN, [SLACK]) == Contact("slack", "T001", "T001/U001")
    assert PEOPLE.contact(ANN, []) is None


def test_all_ways_to_a_person_are_known_the_preferred_one_first():
    assert [each.channel for each in PEOPLE.contacts(ANN, [SLACK, EMAIL])] == ["email", "slack"]
    assert PEOPLE.contacts(ANN, [SIMULATED]) == ()
    assert [each.destination for each in PEOPLE.reaches(ANN, [SLACK])] == ["T001/U001"]


def test_a_token_is_its_persons():
    token = new_token()
    people = People((ANN, BOB.model_copy(update={"api_token_hash": token_hash(token)})))

    assert (found := people.by_token(token)) is not None
    assert found.name == "bob"
    assert people.by_token(new_token()) is None
    assert people.by_token("") is None


def test_real_people_are_not_contacted_through_a_simulator_nor_demo_people_for_real():
    assert PEOPLE.contact(ANN, [SIMULATED]) is None
    assert PEOPLE.contact(DEMO, [SLACK]) is None


def test_the_first_operator_who_can_be_reached_is_told():
    assert PEOPLE.operators() == (ANN, DEMO)
    assert PEOPLE.operator_contact([SIMULATED]) == Contact("slack", "T000DEMO", "T000DEMO/U000DEMO")
    assert PEOPLE.operator_contact([]) is None


def test_a_stranger_and_a_person_without_one_have_the_time_zone_of_the_config():
    assert [PEOPLE.timezone_of(who) for who in (ANN, "ann", BOB, "nobody", None)] == [
        "Europe/Vienna", "Europe/Vienna", "Asia/Tokyo", "Asia/Tokyo", "Asia/Tokyo",
    ]  # fmt: skip
