"""Today's configuration as the pure core sees it: what `next_action` may consult besides the thread."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from bot.events import Effect, Outgoing


@dataclass(frozen=True, slots=True)
class ToolRule:
    """What config says about one tool: its effect, and whether it always needs a person's yes."""

    effect: Effect
    always_ask: bool = False


@dataclass(frozen=True, slots=True)
class AgentRules:
    """One agent's tools and caps. `fixed_tokens` estimates what is sent with every request."""

    tools: Mapping[str, ToolRule]
    max_steps: int = 10
    fixed_tokens: int = 900


@dataclass(frozen=True, slots=True)
class RetryRules:
    """When to ask a model again that could not be reached."""

    first: timedelta = timedelta(seconds=2)
    most: timedelta = timedelta(minutes=5)
    give_up: timedelta = timedelta(hours=1)
    tell_after: timedelta = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Rules:
    """Everything that is configured and matters to a decision."""

    agents: Mapping[str, AgentRules]
    max_context_tokens: int = 8192
    block_clip: int = 16_000
    backup_model: bool = False
    human_approval_required: bool = False
    retry: RetryRules = field(default_factory=RetryRules)
    consecutive_errors: int = 3
    take_over_tries: int = 3
    operator: Outgoing | None = None
    operator_name: str = ""
    thread_link: str = ""

    def agent(self, name: str) -> AgentRules:
        """The rules of one agent; raises LookupError, which parks the thread, if config has no such agent."""
        if name not in self.agents:
            known = ", ".join(sorted(self.agents)) or "none"
            raise LookupError(
                f"this thread belongs to the agent {name!r}, which is not configured (known: {known})"
            )
        return self.agents[name]

    def link(self, thread_id: str) -> str:
        """The page of a thread, or "" where no address is known."""
        return self.thread_link + thread_id if self.thread_link else ""
