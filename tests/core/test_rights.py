"""From the words of the configuration to the rules of the core."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given, strategies as st
from pydantic import BaseModel

from bot.config import Config, Person, ToolConfig, resolve
from bot.events import Effect
from bot.people import Account, People
from bot.rights import gate_of, people_now, quiet_hours, tool_rule
from bot.rules import AgentRules, Condition, Gate, QuietHours
from bot.tools import Tool, ToolContext

WORDS = st.sampled_from(["ann", "bob", "carol", "operator", "approver", "nobody"])
PEOPLE = [
    {"name": "ann", "roles": ["operator"]},
    {"name": "bob", "roles": ["member", "approver"]},
    {"name": "carol", "roles": ["approver"]},
]


class Args(BaseModel):
    job: str


async def run(args: Args, ctx: ToolContext) -> str:
    return args.job


def tool(name: str = "remind", effect: Effect = "stored") -> Tool:
    return Tool(name, "does something", Args, run, effect)


def config(**more: object) -> Config:
    return Config.model_validate({"people": PEOPLE, **more})


def rule(own: dict[str, object] | None = None, **more: object):
    return tool_rule(config(**more), ToolConfig.model_validate(own or {}), tool())


# ---------------------------------------------------------------- names


def test_roles_and_names_become_names_in_the_order_they_are_written():
    people = config().people

    assert resolve(["approver", "ann", "bob"], people) == ("bob", "carol", "ann")
    assert resolve([], people) == ()
    assert resolve(["king"], people) == ()


@given(st.lists(WORDS))
def test_nobody_is_named_twice_and_nobody_who_is_not_meant(words):
    people = config().people

    names = resolve(words, people)

    assert len(set(names)) == len(names)
    assert set(names) == {p.name for p in people if p.name in words or set(p.roles) & set(words)}


# ---------------------------------------------------------------- tools


def test_what_is_not_set_is_as_approvals_say():
    found = rule(
        approvals={"approvers": ["approver"], "quorum": 2, "expires": "1h", "separation_of_duties": True}
    )

    assert found.approvers == ("bob", "carol")
    assert (found.quorum, found.expires, found.separation_of_duties) == (2, timedelta(hours=1), True)
    assert found.gate == Gate()
    assert found.causes is None


def test_what_is_set_for_a_tool_wins():
    found = rule(
        {
            "approvers": ["ann"],
            "causes": ["approver"],
            "levels": [],
            "on_expiry": "deny",
            "start_within": "1m",
        },
        approvals={"on_expiry": "pass_on", "levels": [{"after": "90s", "approvers": ["approver", "ann"]}]},
    )

    assert (found.approvers, found.causes) == (("ann",), {"bob", "carol"})
    assert (found.levels, found.on_expiry, found.start_within) == ((), "deny", timedelta(minutes=1))


def test_levels_name_people_and_wait_for_seconds():
    (level,) = rule(approvals={"levels": [{"after": "90s", "approvers": ["approver"]}]}).levels

    assert (level.after, level.approvers) == (90.0, ("bob", "carol"))


def test_an_empty_list_and_a_role_that_nobody_has_are_nobody():
    assert rule({"approvers": []}).approvers == ()
    assert rule({"approvers": ["owner"]}).approvers == ()
    assert rule({"causes": []}).causes == frozenset()
    assert rule({"causes": ["owner"]}).causes == frozenset()


@pytest.mark.parametrize(
    ("approval", "gate"),
    [
        (None, Gate()),
        ("never", Gate("never")),
        ("always", Gate("always")),
        ({}, Gate()),
        ({"risk": "none"}, Gate(risk_from=None)),
        ({"risk": "low", "untrusted": False}, Gate(risk_from="low", untrusted=False)),
        ({"roles": ["operator"], "confidence_below": 0.8}, Gate(roles=("operator",), confidence_below=0.8)),
        (
            {"arguments": {"environment": ["production"], "amount": {"above": 100}}},
            Gate(
                arguments={"environment": Condition(values=("production",)), "amount": Condition(above=100)}
            ),
        ),
    ],
)
def test_an_approval_becomes_a_gate(approval, gate):
    assert gate_of(ToolConfig.model_validate({"approval": approval})) == gate


def test_effect_and_risk_are_the_tools_own():
    made = tool_rule(config(), ToolConfig(), replace(tool(effect="unsafe"), risk="high"))

    assert (made.effect, made.risk) == ("unsafe", "high")


# ---------------------------------------------------------------- jobs


JOBS = {
    "deploy": {"command": ["true"], "approvers": ["carol"]},
    "report": {"command": ["true"], "unsafe": False, "causes": ["bob"]},
    "quick": {"command": ["true"], "approval": "never"},
}


def jobs_rules(own: dict[str, object] | None = None):
    made = tool_rule(
        config(jobs=JOBS, approvals={"expires": "1h"}),
        ToolConfig.model_validate(own or {}),
        tool("run_job", "unsafe"),
    )
    return AgentRules({"run_job": made})


def test_each_job_has_a_rule_of_its_own():
    rules = jobs_rules()

    deploy, report = rules.rule("run_job", {"job": "deploy"}), rules.rule("run_job", {"job": "report"})

    assert deploy is not None
    assert (deploy.effect, deploy.risk, deploy.approvers) == ("unsafe", "high", ("carol",))
    assert report is not None
    assert (report.effect, report.risk, report.approvers) == ("idempotent", "medium", ("ann",))
    assert report.causes == {"bob"}
    assert report.expires == timedelta(hours=1)


@pytest.mark.parametrize("args", [{}, {"job": "other"}, {"job": None}, {"job": ["deploy"]}])
def test_a_job_that_does_not_exist_is_nobodys(args):
    assert jobs_rules().rule("run_job", args) is None


def test_what_is_set_for_the_tool_holds_for_jobs_that_do_not_say_it():
    rules = jobs_rules({"approval": "always", "causes": ["operator"], "approvers": ["bob"], "quorum": 1})

    deploy, report = rules.rule("run_job", {"job": "deploy"}), rules.rule("run_job", {"job": "report"})
    quick = rules.rule("run_job", {"job": "quick"})

    assert deploy is not None
    assert (deploy.gate, deploy.causes, deploy.approvers) == (Gate("always"), {"ann"}, ("carol",))
    assert report is not None
    assert (report.causes, report.approvers) == ({"bob"}, ("bob",))
    assert quick is not None
    assert quick.gate == Gate("never")


# ---------------------------------------------------------------- people


DORA = Person(
    name="dora",
    roles=("operator", "on-call"),
    addresses={"slack": "T001/U001", "sms": "+15550100"},
    contact_order=("sms",),
    quiet_hours="22:00-07:00",
    timezone="Europe/Vienna",
)
EVE = Person(name="eve", addresses={"slack": "T000DEMO/U001"}, demo=True)
ACCOUNTS = [
    Account("slack", "T001"),
    Account("sms", "+15550199"),
    Account("slack", "T000DEMO", simulated=True),
]


def test_people_are_as_the_rules_want_them():
    found = people_now(
        People((DORA, EVE), timezone="Asia/Tokyo"), ACCOUNTS, {"sms": lambda text: len(text) < 10}
    )

    dora, eve = found["dora"], found["eve"]
    assert dora.roles == {"operator", "on-call"}
    assert [(reach.channel, reach.account, reach.destination) for reach in dora.reaches] == [
        ("sms", "+15550199", "+15550100"),
        ("slack", "T001", "T001/U001"),
    ]
    assert [reach.fits("longer than ten") for reach in dora.reaches] == [False, True]
    assert (dora.timezone, eve.timezone) == ("Europe/Vienna", "Asia/Tokyo")
    assert [reach.account for reach in eve.reaches] == ["T000DEMO"]
    assert (dora.demo, eve.demo, eve.quiet) == (False, True, None)


def test_quiet_hours_are_local_times():
    quiet = quiet_hours(DORA)

    assert quiet == QuietHours(time(22), time(7))
    night = datetime(2026, 11, 23, 23, tzinfo=UTC)  # midnight in Vienna
    assert quiet.until(night, "Europe/Vienna") == datetime(2026, 11, 24, 6, tzinfo=UTC)
    assert quiet.until(night, "Asia/Tokyo") is None


def test_every_gate_of_the_config_can_be_made():
    for word in ("never", "always"):
        assert gate_of(ToolConfig(approval=word)).approval == word
