"""A background call that was announced, and whose process died before it was put in line, has done nothing yet."""

from datetime import UTC, datetime

from bot.decide import RunTool, decide
from bot.drafting import fold_drafts
from bot.events import Draft, ToolStarted, TurnStarted
from bot.rules import AgentRules, Rules, ToolRule
from tests.core.test_decide import opened, said

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def announced(*, background: bool):
    started = ToolStarted(
        call_id="c1", tool="job", args={}, args_digest="d", effect="unsafe", key="k", background=background
    )
    thread = said(opened(), "run the job")
    drafts = [Draft(TurnStarted(input=2, version=2), run="r2"), Draft(started, run="r2", correlation="c1")]
    return fold_drafts(thread, drafts, NOW)


RULES = Rules(agents={"assistant": AgentRules({"job": ToolRule("unsafe", background=True)})})


def test_a_background_call_that_was_cut_off_before_it_was_in_line_is_put_in_line_again():
    plan = decide(announced(background=True), NOW, RULES, tries=1)

    assert isinstance(plan.action, RunTool)


def test_any_other_unsafe_call_that_was_cut_off_is_not_run_again():
    plan = decide(announced(background=False), NOW, RULES, tries=1)

    assert not isinstance(plan.action, RunTool)
    assert any(getattr(draft.data, "status", "") == "unknown" for draft in plan.drafts)
