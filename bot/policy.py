"""What needs a person's yes. Pure; the model can ask for more, never for less."""

from bot.events import Intent
from bot.rules import Rules, ToolRule


def why_gated(rule: ToolRule, intent: Intent, rules: Rules) -> str:
    """The reason why this call needs a yes, or "" if it may run."""
    if rule.always_ask:
        return "the configuration says that this tool always needs a person's yes"
    if rules.human_approval_required and rule.effect != "read":
        return "human_approval_required is on, and this tool does more than read"
    if intent == "need_approval":
        return "the agent itself asked for a person's yes"
    return ""
