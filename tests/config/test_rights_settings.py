"""People, approvals and the SMS channel: what is refused, and what is warned of."""

from datetime import timedelta

import pytest

from bot.config import GateConfig
from bot.config.people import KNOWN_ROLES

ANN = '[[people]]\nname = "ann"\nroles = ["operator"]\naddresses = { sms = "+15550100001" }\n'
BOB = '[[people]]\nname = "bob"\nroles = ["on-call"]\n'
READY = {"ANTHROPIC_API_KEY": "sk-ant-something"}
TWILIO = {
    "TWILIO_ACCOUNT_SID": f"AC{'0' * 32}",
    "TWILIO_AUTH_TOKEN": "0123456789abcdef" * 2,
    "TWILIO_FROM": "+15550100999",
}
JOB = '[jobs.deploy]\ncommand = ["true"]\n'
TOOL = "agents.assistant.tools.remind"

WRONG = [
    ('[approvals]\napprovers = ["dora"]', "approvals.approvers", "ann, bob, on-call, operator"),
    ('[approvals]\napprovers = ["ann", "Bob"]', "approvals.approvers.1", "name or the role"),
    ("[approvals]\nquorum = 0", "approvals.quorum", "from 1"),
    ("[approvals]\nquorum = 2", "approvals.quorum", "at most 1"),
    ('[approvals]\nexpires = "1ms"', "approvals.expires", "duration"),
    ('[approvals]\nlevels = [{ after = "4h", approvers = ["bob"] }]', "approvals.expires", "more than 4h"),
    ('[approvals]\non_expiry = "pass_on"', "approvals.on_expiry", "levels to pass it on to"),
    ('[approvals]\non_expiry = "run"', "approvals.on_expiry", "'deny' or 'pass_on'"),
    ("[approvals]\nconfidence_below = 1.5", "approvals.confidence_below", "from 0 to 1"),
    ('[approvals]\nconfidence_below = "1"', "approvals.confidence_below", "from 0 to 1"),
    ("[approvals]\nconfidence_below = true", "approvals.confidence_below", "from 0 to 1"),
    ("[approvals]\nmost_open = 0", "approvals.most_open", "from 1"),
    ('[approvals]\nlevels = [{ after = "1h" }]', "approvals.levels.0.approvers", "there is no default"),
    (
        '[approvals]\nlevels = [{ after = "2h", approvers = ["bob"] }, { after = "1h", approvers = ["ann"] }]',
        "approvals.levels",
        "growing",
    ),
    (f'[{TOOL}]\napprovers = ["nobody"]', f"{TOOL}.approvers", "operator"),
    (f'[{TOOL}]\ncauses = ["nobody"]', f"{TOOL}.causes", "operator"),
    (f"[{TOOL}]\nquorum = 2", f"{TOOL}.quorum", "at most 1"),
    (f'[{TOOL}]\nexpires = "20m"\nlevels = [{{ after = "30m", approvers = ["bob"] }}]', f"{TOOL}.expires", ""),
    (f'[{TOOL}]\napproval = {{ risk = "huge" }}', f"{TOOL}.approval.risk", "'none', 'low'"),
    (f'[{TOOL}]\napproval = {{ roles = ["kings"] }}', f"{TOOL}.approval", "operator"),
    (f"[{TOOL}]\napproval = {{ confidence = 0.8 }}", f"{TOOL}.approval.confidence", "confidence_below"),
    (f"[{TOOL}]\napproval = true", f"{TOOL}.approval", "a table of conditions"),
    (f"[{TOOL}]\napproval = {{ arguments = {{ a = [] }} }}", f"{TOOL}.approval.arguments.a", "a list of values"),
    (f"[{TOOL}]\napproval = {{ arguments = {{ a = 3 }} }}", f"{TOOL}.approval.arguments.a", ""),
    (f"[{TOOL}]\napproval = {{ arguments = {{ a = [[1]] }} }}", f"{TOOL}.approval.arguments.a.values.0", "text"),
    (
        f"[{TOOL}]\napproval = {{ arguments = {{ a = {{ above = nan }} }} }}",
        f"{TOOL}.approval.arguments.a.above",
        "a number",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("config", "key", "allowed"), WRONG)
def test_a_rule_that_cannot_be_meant_is_refused(write, refuse, config, key, allowed):
    write(f"{ANN}{BOB}{config}\n")

    problem, *_ = refuse()

    assert problem.key == key
    assert allowed in problem.allowed


def test_who_approves_is_looked_for_under_a_similar_name(write, refuse):
    write(f'{ANN}{BOB}[approvals]\napprovers = ["on-cal"]\n')

    (problem,) = refuse()

    assert problem.fix == 'did you mean "on-call"?'


def test_a_known_role_that_nobody_has_is_warned_of(write, read):
    write(f'{ANN}[approvals]\napprovers = ["owner"]\n')

    (warning,) = read().warnings

    assert (warning.where, warning.key) == ("config.toml:6", "approvals.approvers")
    assert "a role that nobody has" in warning.found


def test_an_empty_list_of_approvers_is_nobody_and_not_an_error(write, read):
    write(f"{ANN}[approvals]\napprovers = []\n")

    config = read()

    assert config.approvals.approvers == ()
    assert config.warnings == ()


def test_levels_count_as_possible_approvers(write, read):
    write(f'{ANN}{BOB}[approvals]\nquorum = 2\nlevels = [{{ after = "1h", approvers = ["bob"] }}]\n')

    assert read().approvals.levels[0].after == timedelta(hours=1)


def test_a_tool_takes_what_it_does_not_say_from_approvals(write, read):
    write(
        f'{ANN}{BOB}[approvals]\nexpires = "1h"\n[{TOOL}]\napprovers = ["bob"]\nseparation_of_duties = true\n'
    )
    config = read()

    whole = config.agents["assistant"].tools["remind"].over(config.approvals)

    assert whole.approvers == ("bob",)
    assert whole.separation_of_duties
    assert whole.expires == timedelta(hours=1)


def test_conditions_keep_the_types_of_their_values(write, read):
    write(
        f"{ANN}[{TOOL}]\napproval = {{ risk = 'none', arguments = "
        "{ environment = ['production'], count = [5, 5.5, true], amount = { above = 100 } } }\n"
    )

    gate = read().agents["assistant"].tools["remind"].approval

    assert isinstance(gate, GateConfig)
    assert [type(value) for value in gate.arguments["count"].values] == [int, float, bool]
    assert gate.arguments["environment"].values == ("production",)
    assert gate.arguments["amount"].above == 100


# ---------------------------------------------------------------- people


def test_roles_are_words_of_ones_own(write, read):
    write(ANN + BOB)

    assert [person.roles for person in read().people] == [("operator",), ("on-call",)]
    assert read().warnings == ()


@pytest.mark.parametrize("role", ["operators", "oparator", "owners", "memberr", "aprover"])
def test_a_role_that_nearly_is_a_known_one_is_warned_of(write, read, role):
    write(f'[[people]]\nname = "ann"\nroles = ["{role}"]\n')

    (warning,) = read().warnings

    assert any(f'did you mean "{known}"?' == warning.fix for known in KNOWN_ROLES)


def test_a_role_that_is_somebodys_name_is_refused(write, refuse):
    write(ANN + '[[people]]\nname = "bob"\nroles = ["ann"]\n')

    (problem,) = refuse()

    assert problem.key == "people.bob.roles"
    assert "the name of a person" in problem.found


def test_a_preferred_channel_without_an_address_is_warned_of(write, read):
    write('[[people]]\nname = "ann"\ncontact_order = ["sms"]\n')

    assert [warning.key for warning in read().warnings] == ["people.ann.contact_order"]


def test_two_people_with_one_token_are_refused(write, refuse):
    token = f'api_token_hash = "sha256:{"0" * 64}"\n'
    write(f'[[people]]\nname = "ann"\n{token}[[people]]\nname = "bob"\n{token}')

    (problem,) = refuse()

    assert problem.key == "people.bob.api_token_hash"


def test_our_own_number_is_nobodys(write, refuse):
    write(ANN)

    (problem,) = refuse({**TWILIO, "TWILIO_FROM": "+15550100001"})

    assert problem.key == "people.ann.addresses.sms"
    assert "the bot itself" in problem.found


# ---------------------------------------------------------------- who can be reached


def test_a_gated_call_whose_approvers_nobody_reaches_is_warned_of(write, read):
    write(ANN + JOB)

    assert [warning.key for warning in read(READY, look=False).warnings] == ["jobs.deploy.approvers"]
    assert read({**READY, **TWILIO}, look=False).warnings == ()


def test_what_never_needs_a_yes_needs_nobody(write, read):
    write(f'{ANN}{JOB}approval = "never"\n')

    assert read(READY, look=False).warnings == ()


def test_demo_approvers_are_reached_in_bot_dev_only(write, read):
    write(
        f"human_approval_required = true\n{ANN}demo = true\n" + ANN.replace("ann", "eve").replace("01", "02")
    )

    config = read({**READY}, look=False)

    assert [warning.key for warning in config.warnings] == ["approvals.approvers"]
    assert "bot dev only" in config.warnings[0].found
    assert read(look=False, dev=True).warnings == ()


# ---------------------------------------------------------------- SMS


def test_sms_is_on_when_it_has_its_credentials(write, read):
    write(ANN)

    assert not read(READY, look=False).channels.sms.on
    sms = read({**READY, **TWILIO}, look=False).channels.sms
    assert sms.on
    assert (sms.number, sms.strangers) == ("+15550100999", "refuse")


def test_sms_that_is_enabled_without_credentials_does_not_start(write, refuse, read):
    write(f"{ANN}[channels.sms]\nenabled = true\n")

    problems = refuse(READY, look=False)

    assert [problem.key for problem in problems] == [
        "channels.sms.account_sid", "channels.sms.auth_token", "channels.sms.number",
    ]  # fmt: skip
    assert "TWILIO_ACCOUNT_SID" in problems[0].fix
    assert read(READY, look=False, dev=True).channels.sms.on


@pytest.mark.parametrize("missing", sorted(TWILIO))
def test_sms_with_half_its_credentials_is_a_mistake(write, refuse, missing):
    write(ANN)

    (problem,) = refuse({**READY, **TWILIO, missing: ""}, look=False)

    assert missing in problem.fix


@pytest.mark.parametrize(
    ("name", "value", "key"),
    [
        ("TWILIO_ACCOUNT_SID", f"SK{'0' * 32}", "account_sid"),
        ("TWILIO_AUTH_TOKEN", "0123456789abcdef", "auth_token"),
        ("TWILIO_AUTH_TOKEN", "changeme", "auth_token"),
        ("TWILIO_AUTH_TOKEN", "xoxb-12345678-1234", "auth_token"),
        ("TWILIO_FROM", "5550100", "number"),
    ],
)
def test_credentials_that_cannot_be_right_are_refused_without_being_shown(write, refuse, name, value, key):
    write()

    (problem,) = refuse({**TWILIO, name: value})

    assert problem.key == f"channels.sms.{key}"
    assert key != "auth_token" or value not in str(problem)


def test_a_stand_in_for_twilio_takes_any_credentials(write, read):
    write()
    environ = {"TWILIO_ACCOUNT_SID": "demo", "TWILIO_AUTH_TOKEN": "demo-demo", "TWILIO_FROM": "+15550100"}

    assert read({**environ, "TWILIO_API_URL": "http://127.0.0.1:8001/twilio"}).channels.sms.on


def test_webhooks_need_a_public_address_outside_of_bot_dev(write, read):
    write('[channels.sms]\ninbound = "webhook"\n')

    assert read({"PUBLIC_URL": "https://bot.example.org"}).channels.sms.inbound == "webhook"
    assert read(dev=True).channels.sms.inbound == "webhook"
