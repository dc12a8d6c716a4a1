"""The table of next_action, row by row, on the pure core alone."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot import events as ev
from bot.decide import AskModel, RunTool, Wait, decide
from bot.drafting import fold_drafts
from bot.ending import give_up
from bot.events import Block, Draft, Event, Failure, ModelAnswered, Outgoing, ProposedAction, Sender, Step
from bot.fold import fold, fold_all
from bot.rules import AgentRules, Gate, Rules, ToolRule
from bot.sizes import message_size
from bot.thread import Thread

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
TOOLS = {
    "look": ToolRule("read"),
    "put": ToolRule("idempotent"),
    "job": ToolRule("unsafe"),
    "remind": ToolRule("stored"),
    "deploy": ToolRule("unsafe", gate=Gate("always")),
}
OPERATOR = Outgoing(text="", channel="slack", account="T1", destination="T1/UOP")
RULES = Rules(
    agents={"assistant": AgentRules(TOOLS, max_steps=4)},
    operator=OPERATOR,
    operator_name="ann",
    thread_link="http://h/",
)


def said(thread, text="hi", by="U1", place=None, **more):
    data = ev.MessageReceived(
        place=place or f"p{thread.seq + 1}",
        blocks=(Block(source="person", text=text),),
        sender=Sender(channel="slack", address=by, proof="provider"),
        **more,
    )
    return arrives(thread, data)


def arrives(thread, data):
    return fold(thread, Event(thread.id, thread.seq + 1, "", NOW, data, channel="slack"))


def opened():
    data = ev.ThreadOpened(conversation="c", agent="assistant", account="T1", destination="T1/D1")
    return fold(Thread("t"), Event("t", 1, "", NOW, data, channel="slack"))


def announced(thread, rules=RULES, tries=0, now=NOW):
    """The thread after the plan is stored, the announcement included, and the plan."""
    plan = decide(thread, now, rules, tries=tries)
    thread = fold_drafts(thread, plan.drafts, now)
    if isinstance(plan.action, AskModel) and plan.action.resume is None:
        thread = fold_drafts(thread, [Draft(an_ask(plan.action.degraded), run=plan.action.run)], now)
    return thread, plan


def an_ask(degraded=False):
    settings = ev.AskSettings(
        render_version=1, max_tokens=9, structured=True, timezone="UTC", block_clip=16000
    )
    return ev.ModelAsked(
        model="m", now=NOW, settings=settings, prompt="", tools="", output_schema="", request="", estimated_tokens=1,
        degraded=degraded,
    )  # fmt: skip


def answers(thread, step=None, **failure):
    run = thread.turn.run
    data = ModelAnswered(step=step, failure=Failure(message="m", **failure) if failure else None)
    return fold_drafts(thread, [Draft(data, run=run)], NOW)


def step(intent="reply", message="hello", tool="", **args):
    action = ProposedAction(tool=tool, args=args) if tool else None
    return Step(intent=intent, message=message, confidence=0.9, proposed_action=action)


def finishes(thread, status="ok", result="r", **more):
    calling = thread.turn.pending
    data = ev.ToolFinished(
        call_id=calling.call_id,
        tool=calling.tool,
        args_digest=calling.args_digest,
        status=status,
        result=result,
        **more,
    )
    return fold_drafts(thread, [Draft(data, run=thread.turn.run)], NOW)


def kinds(plan):
    return [draft.data.type for draft in plan.drafts]


def last(plan):
    return plan.drafts[-1].data


def asked(text="hi", thread=None):
    return announced(said(thread or opened(), text))[0]


def calling(tool, thread=None, **args):
    thread = answers(thread or asked(), step("call_tool", "", tool, **args))
    return announced(thread)


def test_a_message_starts_a_turn_and_asks_the_model():
    plan = announced(said(opened()))[1]

    assert kinds(plan) == ["turn.started"]
    assert plan.action == AskModel("r2")


@pytest.mark.parametrize("intent", ["reply", "need_clarification", "task_complete"])
def test_an_answer_ends_the_turn_and_goes_to_the_thread_with_its_link(intent):
    thread, plan = announced(answers(asked(), step(intent, "hello")))

    assert last(plan).outcome == "replied"
    assert last(plan).outgoing[0].destination == "T1/D1"
    assert last(plan).outgoing[0].link == "http://h/t"
    assert plan.action == Wait()
    assert thread.status == "idle"


def test_twenty_messages_are_twenty_turns_in_order():
    thread = opened()
    for number in range(20):
        thread = said(thread, f"m{number}")
    order = []

    for _ in range(20):
        thread, _ = announced(thread)
        order.append(thread.turn.input)
        thread = fold_drafts(
            answers(thread, step()), decide(answers(thread, step()), NOW, RULES).drafts[:1], NOW
        )

    assert order == list(range(2, 22))
    assert decide(thread, NOW, RULES).action == Wait()


def test_a_call_is_announced_before_it_runs_and_its_result_goes_back_to_the_model():
    thread, plan = calling("look", x=1)
    finished = announced(finishes(thread))[1]

    assert kinds(plan) == ["tool.started"]
    assert plan.action == RunTool("r2", "c5", "look", "t:c5")
    assert finished.action == AskModel("r2")


def test_a_tool_that_finishes_answers_without_a_further_model_call():
    thread, _ = calling("remind", text="x")
    plan = announced(finishes(thread, result="I will remind you.", then="finish"))[1]

    assert last(plan).reply == "I will remind you."


def test_a_gated_call_is_denied_as_data_and_never_starts():
    for rules, tool in ((RULES, "deploy"), (replace(RULES, human_approval_required=True), "put")):
        thread = answers(asked(), step("call_tool", "", tool))
        plan = decide(thread, NOW, rules)

        assert kinds(plan) == ["tool.finished"]
        assert plan.drafts[0].data.status == "denied"


def test_the_models_own_wish_for_a_yes_gates_and_a_reading_tool_runs_ungated():
    wish = decide(answers(asked(), step("need_approval", "", "look")), NOW, RULES)
    reading = decide(
        answers(asked(), step("call_tool", "", "look")), NOW, replace(RULES, human_approval_required=True)
    )

    assert wish.drafts[0].data.status == "denied"
    assert isinstance(reading.action, RunTool)


def test_an_unknown_tool_never_starts():
    plan = decide(answers(asked(), step("call_tool", "", "rm")), NOW, RULES)

    assert plan.drafts[0].data.status == "denied"


def test_a_stop_before_the_call_is_announced_prevents_it():
    thread = answers(asked(), step("call_tool", "", "job"))
    thread = arrives(thread, ev.ControlRequested(action="stop", by="ann"))
    plan = decide(thread, NOW, RULES)

    assert kinds(plan) == ["turn.ended"]
    assert last(plan).outcome == "cancelled"


def test_a_stop_while_nothing_runs_drops_what_waits_and_is_answered_once():
    thread = said(said(replace(opened(), paused=True)))
    thread = replace(arrives(thread, ev.ControlRequested(action="stop", by="ann")), paused=False)
    plan = decide(thread, NOW, RULES)

    assert kinds(plan) == ["turn.started", "turn.ended"]
    assert plan.action == Wait()
    assert plan.thread.unread == ()


def test_a_stop_of_an_interrupted_unsafe_call_says_that_its_outcome_is_unknown():
    thread, _ = calling("job")
    plan = decide(arrives(thread, ev.ControlRequested(action="stop", by="ann")), NOW, RULES)

    assert kinds(plan) == ["tool.finished", "turn.ended"]
    assert plan.drafts[0].data.status == "unknown"


def test_paused_waits_and_resume_goes_on():
    thread = said(arrives(opened(), ev.ControlRequested(action="pause", by="ann")))
    waiting = decide(thread, NOW, RULES)
    resumed = decide(arrives(thread, ev.ControlRequested(action="resume", by="ann")), NOW, RULES)

    assert waiting.action == Wait()
    assert waiting.drafts == ()
    assert resumed.action == AskModel("r3")


@pytest.mark.parametrize(("tool", "again"), [("look", True), ("put", True), ("remind", True), ("job", False)])
def test_on_take_over_a_call_is_repeated_only_if_its_effect_allows_it(tool, again):
    thread, _ = calling(tool)
    plan = decide(thread, NOW, RULES, tries=1)

    if again:
        assert kinds(plan) == ["turn.resumed"]
        assert isinstance(plan.action, RunTool)
    else:
        assert kinds(plan) == ["tool.finished", "takeover.started", "turn.ended"]
        assert plan.action == Wait()


def test_on_take_over_a_model_call_is_asked_again_with_the_same_request():
    plan = decide(asked(), NOW, RULES, tries=1)

    assert kinds(plan) == ["turn.resumed"]
    assert plan.action == AskModel("r2", resume=4)


def test_after_three_take_overs_the_thread_is_parked_and_an_operator_told():
    plan = decide(asked(), NOW, RULES, tries=3)

    assert kinds(plan) == ["thread.parked"]
    assert [out.kind for out in last(plan).outgoing] == ["reply", "notice"]
    assert plan.thread.status == "parked"


def test_three_failures_in_a_row_go_to_a_person_and_a_success_clears_them():
    thread = asked()
    for number in range(3):
        thread, _ = calling("look", thread, n=number)
        if number < 2:
            thread, _ = announced(finishes(thread, "failed"))
    plan = decide(finishes(thread, "failed"), NOW, RULES)
    cleared = decide(finishes(thread, "ok"), NOW, replace(RULES, agents={"assistant": AgentRules(TOOLS)}))

    assert kinds(plan) == ["takeover.started", "turn.ended"]
    assert plan.drafts[0].data.reason == "consecutive_errors"
    assert cleared.thread.runs["r2"].fails == {}


def test_the_same_call_failing_twice_breaks_the_loop_and_a_final_failure_goes_to_a_person_at_once():
    thread, _ = calling("look", x=1)
    thread, _ = announced(finishes(thread, "failed"))
    thread, _ = calling("look", thread, x=1)
    again = decide(finishes(thread, "failed"), NOW, RULES)
    final = decide(finishes(calling("look")[0], "failed", retryable=False), NOW, RULES)

    assert again.drafts[0].data.reason == "repeated_call"
    assert final.drafts[0].data.reason == "not_retryable"


def test_at_the_cap_the_turn_ends_with_someone_to_go_on():
    thread = asked()
    for number in range(4):
        thread, _ = calling("look", thread, n=number)
        thread, plan = announced(finishes(thread))

    assert last(plan).outcome == "capped"
    assert [out.kind for out in last(plan).outgoing] == ["reply", "notice"]


def test_one_correction_then_a_person():
    thread, first = announced(answers(asked(), kind="invalid"))
    second = decide(answers(thread, kind="invalid"), NOW, RULES)

    assert isinstance(first.action, AskModel)
    assert second.drafts[0].data.reason == "invalid_answers"


def test_an_unreachable_model_means_the_backup_then_a_retry_timer():
    rules = replace(RULES, backup_model=True)
    thread, first = announced(answers(asked(), kind="unavailable"), rules)
    second = decide(answers(thread, kind="unavailable"), NOW, rules)

    assert first.action == AskModel("r2", degraded=True)
    assert kinds(second) == ["timer.set", "turn.ended"]
    assert second.drafts[0].data.due_at == NOW + timedelta(seconds=2)


def test_a_retry_goes_on_with_the_run_and_does_not_count_as_a_step():
    thread, plan = announced(answers(asked(), kind="unavailable"))
    timer = plan.drafts[0].data
    fired = ev.TimerFired(timer_id=timer.timer_id, purpose="retry", due_at=NOW)
    plan = decide(arrives(thread, fired), NOW, RULES)

    assert plan.action == AskModel("r2")
    assert plan.thread.runs["r2"].steps == 0


def test_the_requester_hears_once_of_a_long_outage_and_after_an_hour_a_person_is_called():
    thread, now, replies = asked(), NOW, []
    for _ in range(60):
        thread, plan = announced(answers(thread, kind="unavailable"), now=now)
        if kinds(plan)[0] == "takeover.started":
            break
        replies += [last(plan).reply] if last(plan).reply else []
        timer = plan.drafts[0].data
        now = timer.due_at
        thread = arrives(thread, ev.TimerFired(timer_id=timer.timer_id, purpose="retry", due_at=now))
        thread, _ = announced(thread, now=now)

    assert len(replies) == 1
    assert plan.drafts[0].data.reason == "model_unavailable"


def test_a_request_too_large_is_compacted_once_then_a_person_is_called():
    thread = said(opened(), "first")
    thread, _ = announced(thread)
    thread, _ = announced(answers(thread, step()))
    thread, _ = announced(said(thread, "second"))
    thread, first = announced(answers(thread, kind="too_large"))
    second = decide(answers(thread, kind="too_large"), NOW, RULES)

    assert kinds(first) == ["context.compacted"]
    assert isinstance(first.action, AskModel)
    assert second.drafts[0].data.reason == "too_large"


def test_a_window_over_budget_is_halved_before_the_model_is_asked():
    thread, decided = opened(), []
    for number in range(12):
        thread, plan = announced(said(thread, f"{number} " + "x" * 4000))
        decided += kinds(plan)
        thread, _ = announced(answers(thread, step()))

    assert "context.compacted" in decided
    assert sum(entry.size for entry in thread.window) // 4 < RULES.max_context_tokens


def test_an_edit_of_an_unread_message_changes_what_is_read_and_a_delete_skips_it():
    thread = arrives(said(opened(), "teh", place="p"), edit("p", "1", "the"))
    skipped = arrives(thread, ev.MessageDeleted(place="p", sender=a_sender()))

    started = decide(thread, NOW, RULES).drafts[0].data
    assert (started.input, started.version) == (2, 3)
    assert decide(skipped, NOW, RULES).action == Wait()


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2), (1, 2, 0), (2, 0, 1), (0, 2, 1)])
def test_edits_in_any_order_come_to_the_same_state(order):
    changes = [lambda t: said(t, "one", place="p"), edit("p", "1", "two"), edit("p", "2", "three!")]
    thread = opened()
    for number in order:
        change = changes[number]
        thread = change(thread) if callable(change) else arrives(thread, change)
    unread = thread.unread[0]

    assert thread.messages[unread.seq].edited_at == "2"
    assert unread.size == message_size((Block(source="person", text="three!"),), "")


def test_an_edit_of_what_this_turn_read_makes_the_model_think_again_before_it_acts():
    thread = announced(said(opened(), "deploy", place="p"))[0]
    thread = arrives(thread, edit("p", "1", "do not"))
    acting = decide(answers(thread, step("call_tool", "", "job")), NOW, RULES)
    reading = decide(answers(thread, step("call_tool", "", "look")), NOW, RULES)

    assert isinstance(acting.action, AskModel)
    assert isinstance(reading.action, RunTool)


def test_a_further_message_of_the_requester_is_read_before_an_unsafe_call():
    thread = said(asked(), "wait, use v2")
    plan = decide(answers(thread, step("call_tool", "", "job")), NOW, RULES)
    other = decide(answers(said(asked(), "me too", by="U2"), step("call_tool", "", "job")), NOW, RULES)

    assert kinds(plan) == ["turn.read"]
    assert isinstance(plan.action, AskModel)
    assert isinstance(other.action, RunTool)


def test_a_person_who_has_the_thread_is_not_talked_over_until_it_is_handed_back():
    thread, _ = announced(answers(asked(), step("escalate", "I need help")))
    silent = decide(said(thread, "anyone?"), NOW, RULES)
    back = arrives(said(thread, "anyone?"), ev.ControlRequested(action="hand_back", by="ann"))

    assert thread.status == "with_person"
    assert silent.action == Wait()
    assert decide(said(back, "again"), NOW, RULES).action == AskModel("r10")


def test_our_own_error_ends_the_turn_tells_people_and_parks():
    thread = fold_drafts(asked(), give_up(asked(), "bug", RULES), NOW)

    assert thread.turn is None
    assert thread.status == "parked"


def test_an_inputs_fold_never_moves_the_head():
    thread = asked()

    assert said(thread).head == thread.head == 4


def edit(place, at, text):
    return ev.MessageEdited(
        place=place, edited_at=at, blocks=(Block(source="person", text=text),), sender=a_sender()
    )


def a_sender():
    return Sender(channel="slack", address="U1", proof="provider")


def test_fold_all_is_fold_one_by_one():
    events = [Event("t", 1, "", NOW, ev.ThreadOpened(conversation="c", agent="a"))]

    assert fold_all(Thread("t"), events) == fold(Thread("t"), events[0])
