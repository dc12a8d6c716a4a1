"""What holds for every rule, person and conversation, whatever the agent says."""

from dataclasses import replace

from hypothesis import given, strategies as st

from bot.events import Level
from bot.policy import approvers, why_gated
from bot.rules import RISKS, Gate, ToolRule
from tests.approvals.test_policy import EFFECTS, PEOPLE, RULES, TAINTED, THREAD, rule, step

GATES = st.builds(
    Gate,
    st.sampled_from(["never", "always", "rule"]),
    risk_from=st.sampled_from([None, *RISKS]),
    confidence_below=st.floats(0, 1),
    roles=st.sampled_from([(), ("operator",), ("nobody",)]),
    untrusted=st.booleans(),
)
TOOL_RULES = st.builds(ToolRule, st.sampled_from(EFFECTS), risk=st.sampled_from(RISKS), gate=GATES)
WHO = st.sampled_from(["", "ann", "bob", "carol", "demo", "stranger"])
CONFIDENCE = st.floats(0, 1)
THREADS = st.sampled_from([THREAD, TAINTED])
SETTINGS = st.builds(
    lambda human, below: replace(RULES, human_approval_required=human, confidence_below=below),
    st.booleans(),
    CONFIDENCE,
)


@given(TOOL_RULES, CONFIDENCE, THREADS, WHO, SETTINGS)
def test_the_agent_can_ask_for_more_and_never_for_less(given_rule, confidence, thread, person, rules):
    calls = why_gated(given_rule, step(confidence), thread, person, rules)
    asks = why_gated(given_rule, step(confidence, "need_approval"), thread, person, rules)

    assert asks
    assert bool(calls) <= bool(asks)


@given(TOOL_RULES, CONFIDENCE, THREADS, WHO, SETTINGS, st.text())
def test_what_the_agent_says_changes_nothing(given_rule, confidence, thread, person, rules, message):
    quiet = why_gated(given_rule, step(confidence), thread, person, rules)
    loud = why_gated(given_rule, step(confidence, message=message), thread, person, rules)

    assert quiet == loud


@given(TOOL_RULES, CONFIDENCE, THREADS, WHO, SETTINGS)
def test_being_surer_never_helps_against_a_gate_that_is_not_about_that(
    given_rule, confidence, thread, person, rules
):
    rules = replace(rules, confidence_below=0.0)
    given_rule = replace(given_rule, gate=replace(given_rule.gate, confidence_below=0.0))

    unsure, sure = (why_gated(given_rule, step(c), thread, person, rules) for c in (confidence, 1.0))

    assert bool(unsure) == bool(sure)


@given(TOOL_RULES, CONFIDENCE, WHO, SETTINGS)
def test_others_words_only_add_a_gate(given_rule, confidence, person, rules):
    clean = why_gated(given_rule, step(confidence), THREAD, person, rules)
    tainted = why_gated(given_rule, step(confidence), TAINTED, person, rules)

    assert bool(clean) <= bool(tainted)


LISTED = st.lists(st.sampled_from(["ann", "bob", "carol", "demo", "eve", ""]), max_size=4).map(tuple)


@given(LISTED, LISTED, WHO, st.booleans(), st.integers(0, 2))
def test_only_people_who_are_known_and_listed_decide(listed, later, requester, separated, level):
    given_rule = rule(
        approvers=listed, levels=(Level(after=1, approvers=later),), separation_of_duties=separated
    )

    may = approvers(given_rule, THREAD, requester, RULES, level=level)

    assert len(may) == len(set(may))
    assert set(may) <= set(PEOPLE) & {*listed, *(later if level else ())}
    assert "demo" not in may
    assert not (separated and requester in may)
