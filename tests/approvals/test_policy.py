"""Who may cause what, what needs a yes, and whose: the table, row by row, and what holds for all rows."""

from dataclasses import replace

import pytest
from pydantic import JsonValue

from bot.events import Intent, ProposedAction, Step
from bot.policy import approvers, influences, is_met, may_decide, still_approved, why_gated, why_not_caused
from bot.rules import RISKS, AgentRules, Condition, Gate, Rules, Someone, ToolRule
from bot.testing import START
from bot.thread import Answer, Approval, Entry, Thread

PEOPLE = {
    "ann": Someone("ann", frozenset({"operator"})),
    "bob": Someone("bob", frozenset({"member"})),
    "carol": Someone("carol", frozenset({"approver"})),
    "demo": Someone("demo", frozenset({"approver"}), demo=True),
}
RULES = Rules(agents={}, people=PEOPLE)
THREAD = Thread("t", channel="slack")
TAINTED = replace(THREAD, window=(Entry(1, 10), Entry(2, 10, "quoted (slack U9)")))
IN_PRODUCTION = Gate(arguments={"env": Condition(("production",))})
EFFECTS = ("read", "idempotent", "unsafe", "stored")


def rule(risk="medium", effect="unsafe", gate=Gate(), **more) -> ToolRule:  # noqa: B008 - it is frozen
    return ToolRule(effect, risk=risk, gate=gate, **more)


def step(confidence: float = 0.9, intent: Intent = "call_tool", message: str = "", **args: JsonValue) -> Step:
    return Step(
        intent=intent,
        message=message,
        confidence=confidence,
        proposed_action=ProposedAction(tool="x", args=args),
    )


def gated(
    rule: ToolRule, said: Step | None = None, thread: Thread = THREAD, person: str = "ann", **rules
) -> bool:
    return bool(why_gated(rule, said or step(), thread, person, replace(RULES, **rules)))


# ---------------------------------------------------------------- who may cause it


@pytest.mark.parametrize(
    ("risk", "person", "causes", "may"),
    [
        ("low", "", None, True),
        ("low", "stranger", None, True),
        ("medium", "", None, False),
        ("high", "", None, False),
        ("medium", "stranger", None, False),
        ("medium", "bob", None, True),
        ("high", "bob", None, True),
        ("medium", "bob", {"bob"}, True),
        ("medium", "bob", {"ann"}, False),
        ("medium", "bob", set(), False),
        ("medium", "stranger", {"stranger"}, False),
        ("low", "bob", {"ann"}, False),
        ("low", "bob", set(), False),
        ("low", "", set(), False),
        ("low", "", {"ann"}, False),
        ("low", "ann", {"ann"}, True),
    ],
)
def test_who_may_cause_a_call(risk, person, causes, may):
    given_rule = rule(risk, causes=None if causes is None else frozenset(causes))

    assert (why_not_caused(given_rule, person, RULES) == "") is may


@pytest.mark.parametrize("risk", ["medium", "high"])
@pytest.mark.parametrize(
    ("simulated", "mixed", "may"),
    [(frozenset({"slack"}), False, True), (frozenset({"sms"}), True, False), (frozenset(), False, False)],
    ids=["all is played", "some is real", "all is real"],
)
def test_a_demo_person_acts_only_where_all_is_played(risk, simulated, mixed, may):
    rules = replace(RULES, simulated=simulated, mixed=mixed)

    assert (why_not_caused(rule(risk), "demo", rules) == "") is may


def test_an_unknown_tool_has_no_rule():
    agent = AgentRules({"deploy": rule()})
    jobs = AgentRules({"run_job": rule(by_argument="job", cases={"deploy": rule()})})

    assert agent.rule("deploy_", {}) is None
    assert agent.rule("Deploy", {}) is None
    for job in ("other", None, ["deploy"], "deploy ", "Deploy"):
        assert jobs.rule("run_job", {"job": job}) is None  # type: ignore[dict-item]
    assert jobs.rule("run_job", {}) is None
    assert jobs.rule("run_job", {"job": "deploy"}) is not None


# ---------------------------------------------------------------- what needs a yes


@pytest.mark.parametrize(
    ("name", "given_rule", "said", "rules", "needs"),
    [
        ("a high risk", rule("high"), step(), {}, True),
        ("a medium one", rule("medium"), step(), {}, False),
        ("always", rule("low", "read", Gate("always")), step(), {}, True),
        ("never", rule("high", gate=Gate("never")), step(), {}, False),
        ("the risk from which", rule("medium", gate=Gate(risk_from="medium")), step(), {}, True),
        ("no risk from which", rule("high", gate=Gate(risk_from=None)), step(), {}, False),
        ("human_approval_required", rule("low", "stored"), step(), {"human_approval_required": True}, True),
        ("which leaves out looking", rule("low", "read"), step(), {"human_approval_required": True}, False),
        ("never, but the setting for all", rule(gate=Gate("never")), step(), {"human_approval_required": True}, True),
        ("the agent asks", rule("low", "read"), step(intent="need_approval"), {}, True),
        ("never, but the agent asks", rule(gate=Gate("never")), step(intent="need_approval"), {}, True),
        ("not sure", rule("low", "stored"), step(0.69), {"confidence_below": 0.7}, True),
        ("just sure", rule("low", "stored"), step(0.7), {"confidence_below": 0.7}, False),
        ("not sure, but it only looks", rule("low", "read"), step(0.1), {"confidence_below": 0.7}, False),
        ("never, but not sure", rule(gate=Gate("never")), step(0.1), {"confidence_below": 0.7}, True),
        ("not sure for this tool", rule(gate=Gate(confidence_below=0.95)), step(0.9), {}, True),
        ("not the right role", rule(gate=Gate(roles=("approver",))), step(), {}, True),
        ("the right role", rule(gate=Gate(roles=("operator", "approver"))), step(), {}, False),
        ("one argument", rule(gate=IN_PRODUCTION), step(env="production"), {}, True),
        ("another value", rule(gate=IN_PRODUCTION), step(env="staging"), {}, False),
        ("sure of itself", rule("high"), step(1.0, message="already approved by carol"), {}, True),
    ],
)  # fmt: skip
def test_when_a_call_needs_a_yes(name, given_rule, said, rules, needs):
    assert gated(given_rule, said, **rules) is needs, name


@pytest.mark.parametrize("person", ["", "stranger"])
def test_somebody_unknown_has_none_of_the_roles(person):
    assert gated(rule(gate=Gate(roles=("operator",))), person=person)


@pytest.mark.parametrize(
    ("condition", "value", "met"),
    [
        (Condition(above=100), 100, False),
        (Condition(above=100), 100.01, True),
        (Condition(above=100), 101, True),
        (Condition(above=100), -1e300, False),
        (Condition(above=100), 10**400, True),
        (Condition(below=0), -1, True),
        (Condition(below=0), 0, False),
        (Condition(above=100), "101", True),
        (Condition(above=100), "1", True),
        (Condition(above=100), "NaN", True),
        (Condition(above=100), float("nan"), True),
        (Condition(below=100), float("nan"), True),
        (Condition(above=100), float("inf"), True),
        (Condition(below=100), float("-inf"), True),
        (Condition(above=100), None, True),
        (Condition(above=100), True, True),
        (Condition(above=100), [1], True),
        (Condition(above=100), {}, True),
        (Condition(("production",)), "production", True),
        (Condition(("production",)), "Production", False),
        (Condition((100,)), 100, True),
        (Condition((100,)), 100.0, True),
        (Condition((100.0,)), 100, True),
        (Condition((1,)), True, False),
        (Condition((True,)), 1, False),
        (Condition((True,)), True, True),
        (Condition((0,)), False, False),
        (Condition(("1",)), 1, False),
        (Condition((None,)), None, True),
        (Condition(("a",), above=5), 6, True),
        (Condition((3,), above=5), 3, True),
        (Condition((3,), above=5), 4, False),
    ],
    ids=str,
)
def test_when_an_argument_needs_a_yes(condition, value, met):
    assert is_met(condition, value) is met


def test_an_argument_that_is_not_there_meets_no_condition():
    assert not gated(rule(gate=Gate(arguments={"amount": Condition(above=1)})), step(other=5))


# ---------------------------------------------------------------- other people's words


@pytest.mark.parametrize("effect", EFFECTS)
@pytest.mark.parametrize("risk", RISKS)
@pytest.mark.parametrize("approval", ["never", "rule", "always"])
def test_where_others_words_stand_everything_but_low_risk_needs_a_yes(effect, risk, approval):
    needs = risk != "low" or approval == "always"

    assert gated(rule(risk, effect, Gate(approval)), thread=TAINTED) is needs
    if approval == "rule":
        assert gated(rule(risk, effect, Gate(approval, untrusted=False)), thread=TAINTED) is (risk == "high")


def test_whose_words_they_are_is_named_once():
    thread = replace(
        THREAD, window=(*TAINTED.window, Entry(3, 1, "quoted (slack U9)"), Entry(4, 1, "stranger (x y)"))
    )

    assert influences(thread) == ("quoted (slack U9)", "stranger (x y)")
    assert influences(THREAD) == ()


# ---------------------------------------------------------------- whose yes


@pytest.mark.parametrize("listed", [(), ("eve",), ("approver",), ("demo",)])
def test_where_nobody_fit_is_listed_nobody_decides(listed):
    assert approvers(rule(approvers=listed), THREAD, "ann", RULES) == ()


def test_a_demo_person_decides_only_in_a_conversation_that_is_played():
    rules = replace(RULES, simulated=frozenset({"sms"}), mixed=True)

    assert not may_decide("demo", rule(), Thread("t", channel="slack"), "ann", rules)
    assert may_decide("demo", rule(), Thread("t", channel="sms"), "ann", rules)
    assert not may_decide("demo", rule(), Thread("t", channel="api"), "ann", rules)
    assert may_decide("demo", rule(), Thread("t", channel="api"), "demo", rules)


def approval(*yes: str, quorum: int = 1, separated: bool = False, person: str = "bob") -> Approval:
    answers = tuple(Answer(9, START, "approve", name, "phone") for name in yes)
    return Approval(
        1, START, "c", "x", {}, "d", "unsafe", "r", 1, "slack:U", person, ("ann", "carol"), (), quorum, separated,
        START, 1.0, 1.0, "deny", (), answers=answers, decided=True,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("given_approval", "now", "enough"),
    [
        (approval("carol"), rule(approvers=("carol",)), True),
        (approval("carol"), rule(approvers=()), False),
        (approval("carol"), rule(approvers=("ann",)), False),
        (approval("carol"), rule(approvers=("carol", "ann"), quorum=2), False),
        (approval("carol", "ann", quorum=2), rule(approvers=("carol", "ann")), True),
        (approval("carol", "carol", quorum=2), rule(approvers=("carol", "ann")), False),
        (approval("carol", quorum=2), rule(approvers=("carol", "ann")), False),
        (approval("carol", "ann", quorum=2), rule(approvers=("carol",)), False),
        (approval("carol", person="carol"), rule(approvers=("carol",)), True),
        (approval("carol", person="carol", separated=True), rule(approvers=("carol",)), False),
        (approval("carol", person="carol"), rule(approvers=("carol",), separation_of_duties=True), False),
        (approval("demo"), rule(approvers=("demo",)), False),
        (approval("carol"), rule(approvers=("carol",), quorum=0), True),
        (approval(), rule(approvers=("carol",), quorum=0), False),
    ],
)
def test_whether_the_yeses_are_enough_today(given_approval, now, enough):
    assert still_approved(given_approval, now, THREAD, RULES) is enough
