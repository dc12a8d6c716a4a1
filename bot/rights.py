"""From the words of the configuration to names: who may cause a call, whose yes it needs, and when. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import time, timedelta

from bot.config import ApprovalsConfig, CallConfig, Config, GateConfig, Person, ToolConfig, resolve
from bot.config.approvals import ArgumentConfig, LevelConfig
from bot.events import Effect, Level
from bot.people import Account, People
from bot.rules import Condition, Gate, QuietHours, Risk, Someone, ToolRule
from bot.tools import Tool

RUN_JOB, JOB = "run_job", "job"
"""The tool that runs jobs, and its argument that names one."""

Fits = Mapping[str, Callable[[str], bool]]


# ---------------------------------------------------------------- people


def people_now(people: People, accounts: Iterable[Account], fits: Fits | None = None) -> dict[str, Someone]:
    """Everybody, with the ways on which the accounts of this moment reach them."""
    on = tuple(accounts)
    return {
        person.name: Someone(
            name=person.name,
            roles=frozenset(person.roles),
            reaches=people.reaches(person, on, fits),
            timezone=people.timezone_of(person),
            quiet=quiet_hours(person),
            demo=person.demo,
        )
        for person in people
    }


def quiet_hours(person: Person) -> QuietHours | None:
    if person.quiet_hours is None:
        return None
    start, _, end = person.quiet_hours.partition("-")
    return QuietHours(time.fromisoformat(start), time.fromisoformat(end))


# ---------------------------------------------------------------- tools and jobs


def tool_rule(config: Config, own: ToolConfig, tool: Tool) -> ToolRule:
    """The rule of a tool; that of the jobs' tool is a rule for each job."""
    rule = rule_of(own, config.approvals, config.people, effect=tool.effect, risk=tool.risk)
    rule = replace(rule, background=tool.background, address_argument=tool.address)
    return _with_jobs(rule, config, own) if tool.name == RUN_JOB else rule


def _with_jobs(rule: ToolRule, config: Config, own: ToolConfig) -> ToolRule:
    """A job has its own rule under the tool's: what is set for the tool holds for jobs that do not say it."""
    general = own.over(config.approvals)
    cases = {}
    for name, job in config.jobs.items():
        inherited = {key: getattr(own, key) for key in ("approval", "causes") if getattr(job, key) is None}
        effect: Effect = "unsafe" if job.unsafe else "idempotent"
        risk: Risk = "high" if job.unsafe else "medium"
        merged = job.model_copy(update=inherited)
        cases[name] = replace(
            rule_of(merged, general, config.people, effect=effect, risk=risk), background=rule.background
        )
    return replace(rule, by_argument=JOB, cases=cases)


def rule_of(
    own: CallConfig, general: ApprovalsConfig, people: Sequence[Person], *, effect: Effect, risk: Risk
) -> ToolRule:
    """What is set for a tool or job, and where nothing is, what holds for all."""
    whole = own.over(general)
    return ToolRule(
        effect=effect,
        risk=risk,
        gate=gate_of(own),
        causes=None if own.causes is None else frozenset(resolve(own.causes, people)),
        approvers=resolve(whole.approvers, people),
        quorum=whole.quorum,
        separation_of_duties=whole.separation_of_duties,
        expires=whole.expires,
        start_within=whole.start_within,
        on_expiry=whole.on_expiry,
        levels=tuple(_level(level, people) for level in whole.levels),
    )


def _level(level: LevelConfig, people: Sequence[Person]) -> Level:
    return Level(after=level.after / timedelta(seconds=1), approvers=resolve(level.approvers, people))


def gate_of(own: CallConfig) -> Gate:
    """When a call needs a yes. Where nothing is set, when its risk is high."""
    match own.approval:
        case None:
            return Gate()
        case GateConfig() as gate:
            return Gate(
                approval="rule",
                risk_from=None if gate.risk == "none" else gate.risk,
                arguments={name: _condition(each) for name, each in gate.arguments.items()},
                confidence_below=gate.confidence_below,
                roles=gate.roles,
                untrusted=gate.untrusted,
            )
        case word:
            return Gate(approval=word)


def _condition(argument: ArgumentConfig) -> Condition:
    return Condition(values=argument.values, above=argument.above, below=argument.below)
