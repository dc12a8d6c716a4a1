"""Today's configuration as the pure core sees it: what `next_action` may consult besides the thread."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import JsonValue

from bot.events import Effect, Level, OnExpiry, Outgoing, Risk as Risk

RISKS: tuple[Risk, ...] = ("low", "medium", "high")
NAMED = frozenset({"api", "terminal"})
"""Channels without providers, where we gave out the tokens ourselves: an address there is a person's name."""


# ---------------------------------------------------------------- people


@dataclass(frozen=True, slots=True)
class Reach:
    """One way to reach a person now. `fits` says whether a text can be shown there whole, in one piece."""

    channel: str
    account: str
    destination: str
    fits: Callable[[str], bool] = lambda text: True


@dataclass(frozen=True, slots=True)
class QuietHours:
    """Local times of the day between which a person's phone stays silent; `start` may be later than `end`."""

    start: time
    end: time

    def until(self, now: datetime, timezone: str) -> datetime | None:
        """When the silence that holds now ends, in UTC; None if none holds."""
        local = now.astimezone(ZoneInfo(timezone))
        at = local.time()
        inside = self.start <= at < self.end if self.start <= self.end else not self.end <= at < self.start
        if not inside:
            return None
        end = local.replace(hour=self.end.hour, minute=self.end.minute, second=0, microsecond=0)
        return (end if end > local else end + timedelta(days=1)).astimezone(now.tzinfo)


@dataclass(frozen=True, slots=True)
class Someone:
    """A person of the config: what they are and where they are reached, the preferred way first."""

    name: str
    roles: frozenset[str] = frozenset()
    reaches: tuple[Reach, ...] = ()
    timezone: str = "UTC"
    quiet: QuietHours | None = None
    demo: bool = False


# ---------------------------------------------------------------- tools


@dataclass(frozen=True, slots=True)
class Condition:
    """When an argument makes a call need a yes: it is one of these values, or above or below a number."""

    values: tuple[JsonValue, ...] = ()
    above: float | None = None
    below: float | None = None


@dataclass(frozen=True, slots=True)
class Gate:
    """When a call needs a person's yes: "never", "always", or by any one of the conditions that follow.

    `risk_from` gates tools of at least that risk, `confidence_below` steps the agent is less sure of,
    `roles` everybody who does not have one of these roles, `untrusted` what strangers or quotes may have caused.
    """

    approval: Literal["never", "always", "rule"] = "rule"
    risk_from: Risk | None = "high"
    arguments: Mapping[str, Condition] = field(default_factory=dict)
    confidence_below: float = 0.0
    roles: tuple[str, ...] = ()
    untrusted: bool = True


@dataclass(frozen=True, slots=True)
class ToolRule:
    """What config says about one tool. `causes` and `approvers` are names of people; None: everybody known.

    `cases` are rules of their own for the values of the argument `by_argument`, such as each job's. A `background`
    call runs outside of the turn that announces it. `address_argument` says whom a call writes to: for anybody whom
    the configuration does not know it needs a yes, whatever else is set.
    """

    effect: Effect
    risk: Risk = "low"
    gate: Gate = field(default_factory=Gate)
    causes: frozenset[str] | None = None
    approvers: tuple[str, ...] = ()
    quorum: int = 1
    separation_of_duties: bool = False
    expires: timedelta = timedelta(hours=4)
    start_within: timedelta = timedelta(minutes=15)
    on_expiry: OnExpiry = "deny"
    levels: tuple[Level, ...] = ()
    background: bool = False
    by_argument: str = ""
    address_argument: str = ""
    cases: Mapping[str, "ToolRule"] = field(default_factory=dict)

    def case(self, args: Mapping[str, JsonValue]) -> "ToolRule | None":
        """The rule for these arguments; None if there is none, so that nobody may do it."""
        if not self.by_argument:
            return self
        value = args.get(self.by_argument)
        return self.cases.get(value) if isinstance(value, str) else None


@dataclass(frozen=True, slots=True)
class AgentRules:
    """One agent's tools and caps. `fixed_tokens` estimates what is sent with every request."""

    tools: Mapping[str, ToolRule]
    max_steps: int = 10
    fixed_tokens: int = 900

    def rule(self, tool: str, args: Mapping[str, JsonValue]) -> ToolRule | None:
        """The rule for a call; None if there is none: an unknown tool is nobody's."""
        found = self.tools.get(tool)
        return found.case(args) if found else None


@dataclass(frozen=True, slots=True)
class RetryRules:
    """When to ask a model again that could not be reached."""

    first: timedelta = timedelta(seconds=2)
    most: timedelta = timedelta(minutes=5)
    give_up: timedelta = timedelta(hours=1)
    tell_after: timedelta = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Rules:
    """Everything that is configured and matters to a decision.

    `caps` is the highest risk that may be decided on a channel, "high" where nothing is said. `simulated` names the
    channels that a simulator plays; with `mixed` there are real ones besides, and demo people lose every right that
    matters. `accounts` are our own at the channels that are on. On a channel in `answers_sender` a reply goes to
    whoever wrote, not to a place that all read; on one in `drafts` what the agent answers to strangers needs a yes.
    `timezone` is that of people without one of their own. While words of others are before the agent, only links to
    the domains in `links` leave in its answers (None: all do).
    """

    agents: Mapping[str, AgentRules]
    max_context_tokens: int = 8192
    block_clip: int = 16_000
    backup_model: bool = False
    human_approval_required: bool = False
    confidence_below: float = 0.0
    retry: RetryRules = field(default_factory=RetryRules)
    consecutive_errors: int = 3
    take_over_tries: int = 3
    most_approvals: int = 10
    operator: Outgoing | None = None
    operator_name: str = ""
    thread_link: str = ""
    people: Mapping[str, Someone] = field(default_factory=dict)
    caps: Mapping[str, Risk] = field(default_factory=dict)
    accounts: Mapping[str, str] = field(default_factory=dict)
    simulated: frozenset[str] = frozenset()
    mixed: bool = False
    answers_sender: frozenset[str] = frozenset()
    drafts: frozenset[str] = frozenset()
    links: tuple[str, ...] | None = None
    timezone: str = "UTC"

    def agent(self, name: str) -> AgentRules:
        """The rules of one agent; raises LookupError, which parks the thread, if config has no such agent."""
        if name not in self.agents:
            known = ", ".join(sorted(self.agents)) or "none"
            raise LookupError(
                f"this thread belongs to the agent {name!r}, which is not configured (known: {known})"
            )
        return self.agents[name]

    def timezone_of(self, person: str) -> str:
        """The time zone in which a person thinks."""
        someone = self.people.get(person)
        return someone.timezone if someone else self.timezone

    def may_carry(self, channel: str, risk: Risk) -> bool:
        """Whether something of this risk may be decided on a channel."""
        return RISKS.index(risk) <= RISKS.index(self.caps.get(channel, "high"))

    def link(self, thread_id: str) -> str:
        """The page of a thread, or "" where no address is known."""
        return self.thread_link + thread_id if self.thread_link else ""
