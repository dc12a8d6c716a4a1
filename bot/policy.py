"""Who may cause what, what needs a person's yes, and whose. Pure; the model can ask for more, never for less."""

from collections.abc import Mapping

from pydantic import JsonValue

from bot.events import Step
from bot.folding import ECHO
from bot.rules import NAMED, RISKS, Condition, Risk, Rules, Someone, ToolRule
from bot.thread import Approval, Thread

STRANGERS = "only people whom the configuration knows may cause it"


def why_not_caused(rule: ToolRule, person: str, rules: Rules) -> str:
    """Why this person may not cause this call, or "" if they may. Strangers cause only what is harmless."""
    if rule.causes is not None and person not in rule.causes:
        return f"{person or 'somebody unknown'} may not cause it"
    if rule.risk == "low":
        return ""
    someone = rules.people.get(person)
    if someone is None:
        return STRANGERS
    if _is_only_played(someone, rules):
        return "a demo person has no rights where something is real"
    return ""


def why_gated(rule: ToolRule, step: Step, thread: Thread, person: str, rules: Rules) -> str:
    """The reason why this call needs a yes, or "" if it may run."""
    gate, acts = rule.gate, rule.effect != "read"
    if gate.approval == "always":
        return "the configuration says that it always needs a person's yes"
    if rules.human_approval_required and acts:
        return "human_approval_required is on, and it does more than read"
    if step.intent == "need_approval":
        return "the agent itself asked for a person's yes"
    if acts and step.confidence < rules.confidence_below:
        return f"the agent is not sure enough ({step.confidence:g})"
    if gate.untrusted and rule.risk != "low" and influences(thread):
        return "words of somebody else than the people it works for may have caused it"
    args = step.proposed_action.args if step.proposed_action else {}
    if rule.address_argument and _is_outsider(args.get(rule.address_argument), rules):
        return "it goes to somebody whom the configuration does not know"
    if gate.approval == "never":
        return ""
    return _by_rule(rule, args, step.confidence, person, rules)


def _is_outsider(value: JsonValue, rules: Rules) -> bool:
    someone = whose(value, rules) if isinstance(value, str) else None
    return someone is None or _is_only_played(someone, rules)


def _is_only_played(someone: Someone, rules: Rules) -> bool:
    return someone.demo and (rules.mixed or not rules.simulated)


def whose(value: str, rules: Rules) -> Someone | None:
    """The person of the configuration who has this name, or this very address on a channel that is on."""
    wanted = value.strip()
    for someone in rules.people.values():
        own = {each.destination.lower() for each in someone.reaches}
        if wanted.casefold() == someone.name.casefold() or wanted.lower() in own:
            return someone
    return None


def _by_rule(
    rule: ToolRule, args: Mapping[str, JsonValue], confidence: float, person: str, rules: Rules
) -> str:
    gate = rule.gate
    if gate.risk_from is not None and _at_least(rule.risk, gate.risk_from):
        return f"its risk is {rule.risk}"
    if confidence < gate.confidence_below:
        return f"the agent is not sure enough ({confidence:g})"
    someone = rules.people.get(person)
    if gate.roles and not (someone and someone.roles & set(gate.roles)):
        return f"it was asked for by somebody who is not {' or '.join(gate.roles)}"
    met = (
        name for name, condition in gate.arguments.items() if name in args and is_met(condition, args[name])
    )
    name = next(met, "")
    return f"its argument {name} needs one" if name else ""


def _at_least(risk: Risk, least: Risk) -> bool:
    return RISKS.index(risk) >= RISKS.index(least)


def is_met(condition: Condition, value: JsonValue) -> bool:
    """Whether an argument makes a call need a yes."""
    if any(value == each and isinstance(value, bool) is isinstance(each, bool) for each in condition.values):
        return True
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
        # What should be compared as a number and is none is not let through.
        return condition.above is not None or condition.below is not None
    too_much = condition.above is not None and value > condition.above
    return too_much or (condition.below is not None and value < condition.below)


def influences(thread: Thread) -> tuple[str, ...]:
    """Whose words, other than known people's own, the agent has before it."""
    found = dict.fromkeys(entry.taint for entry in thread.window if entry.taint)
    return tuple(taint for taint in found if taint != ECHO or len(found) == 1)


# ---------------------------------------------------------------- whose yes


def is_simulated(thread: Thread, person: str, rules: Rules) -> bool:
    """Whether a thread belongs to simulated people, so that they may decide in it."""
    if thread.channel in NAMED and rules.simulated:
        someone = rules.people.get(person)
        return bool(someone and someone.demo) or not rules.mixed
    return thread.channel in rules.simulated


def may_decide(name: str, rule: ToolRule, thread: Thread, requester: str, rules: Rules) -> bool:
    """Whether somebody who is listed may say yes to what this requester asked for in this thread."""
    someone = rules.people.get(name)
    if someone is None or (someone.demo and not is_simulated(thread, requester, rules)):
        return False
    return not (rule.separation_of_duties and name == requester)


def approvers(
    rule: ToolRule, thread: Thread, requester: str, rules: Rules, *, level: int = 0
) -> tuple[str, ...]:
    """Who may decide, with the further levels up to this one; nobody if config names nobody."""
    listed = dict.fromkeys(
        (*rule.approvers, *(name for each in rule.levels[:level] for name in each.approvers))
    )
    return tuple(name for name in listed if may_decide(name, rule, thread, requester, rules))


def still_approved(approval: Approval, rule: ToolRule, thread: Thread, rules: Rules) -> bool:
    """Whether the answers so far are enough by today's rules, and by those it was asked under."""
    entitled = set(approvers(rule, thread, approval.person, rules, level=approval.level))
    if approval.separation_of_duties:
        entitled.discard(approval.person)
    given = {answer.person for answer in approval.answers if answer.decision in ("approve", "edit")}
    return len(given & entitled) >= max(1, approval.quorum, rule.quorum)
