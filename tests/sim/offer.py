"""What the agent of a random world can do, and what the configuration says about it: today, and after a change."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from pydantic import BaseModel

from bot.errors import ToolError
from bot.events import Level
from bot.rules import AgentRules, Gate, RetryRules, Rules, Someone, ToolRule
from bot.tools import Ask, Pending, Stored, Timer, Tool, ToolContext, tool

FEW = timedelta(seconds=200)
SOME = timedelta(seconds=600)
ALWAYS = Gate(approval="always")


class Args(BaseModel):
    n: int


@dataclass(frozen=True, slots=True)
class Today:
    """How the configuration differs from the one that everything began with."""

    removed: frozenset[str] = frozenset()  # people who may approve nothing any more
    barred: frozenset[str] = frozenset()  # people who may cause nothing any more
    two: bool = False  # whatever needed one yes needs two


RULES: Mapping[str, ToolRule] = {
    "deploy": ToolRule(
        "unsafe", "high", approvers=("carol", "dave"), expires=SOME, start_within=timedelta(seconds=120)
    ),
    "pay": ToolRule(
        "unsafe", "medium", ALWAYS, approvers=("carol", "dave", "ann"), quorum=2, expires=SOME,
        start_within=timedelta(seconds=300),
    ),
    "grant": ToolRule(
        "unsafe", "high", approvers=("ann", "carol"), separation_of_duties=True, expires=SOME,
        start_within=timedelta(seconds=60),
    ),
    "page": ToolRule(
        "unsafe", "high", approvers=("carol",), levels=(Level(after=60, approvers=("dave",)),), expires=SOME
    ),
    "send": ToolRule(
        "stored", "high", approvers=("carol",), expires=FEW, on_expiry="pass_on",
        levels=(Level(after=100_000, approvers=("dave",)),),
    ),
    "build": ToolRule("idempotent", "high", approvers=("carol", "dave"), expires=SOME),
}  # fmt: skip
"""The tools that always need a yes."""

GATED = frozenset(RULES)
UNGATED = (
    "look", "put", "job", "remind", "broken", "batch", *("ask", "withdraw", "work", "order", "ask", "order") * 2,
)  # fmt: skip
UNSAFE = frozenset({"deploy", "pay", "grant", "page", "job", "work", "batch", "order"})


def rule_of(name: str, today: Today = Today()) -> ToolRule | None:
    """What config says about one of these tools, as far as approvals are concerned."""
    rule = RULES.get(name)
    if rule is None:
        return None
    kept = tuple(each for each in rule.approvers if each not in today.removed)
    levels = tuple(
        Level(after=level.after, approvers=tuple(set(level.approvers) - today.removed))
        for level in rule.levels
    )
    quorum = max(rule.quorum, 2) if today.two else rule.quorum
    causes = frozenset({"ann", "bob", "carol", "dave"}) - today.barred if today.barred else None
    return replace(rule, approvers=kept, levels=levels, quorum=quorum, causes=causes)


def entitled(name: str, requester: str, today: Today) -> frozenset[str]:
    """Who may say yes today, with all levels: written anew here, for the checks."""
    rule = RULES.get(name)
    listed = {"carol", "dave"} if rule is None else {*rule.approvers}
    for level in rule.levels if rule else ():
        listed |= {*level.approvers}
    if rule and rule.separation_of_duties:
        listed -= {requester}
    return frozenset(listed - today.removed)


def needed(name: str, today: Today) -> int:
    """How many must say yes today."""
    rule = RULES.get(name)
    quorum = rule.quorum if rule else 1
    return max(quorum, 2) if today.two else quorum


def make_rules(tools: Sequence[Tool], people: Mapping[str, Someone], today: Today) -> Rules:
    approvers = tuple(name for name in ("carol", "dave") if name not in today.removed)
    others = {
        each.name: ToolRule(
            each.effect, each.risk, approvers=approvers, quorum=2 if today.two else 1, expires=SOME
        )
        for each in tools
    }
    gated = {name: rule for name in RULES if (rule := rule_of(name, today))}
    return Rules(
        agents={"assistant": AgentRules({**others, **gated}, max_steps=6, fixed_tokens=300)},
        max_context_tokens=1000,
        retry=RetryRules(
            first=timedelta(seconds=2), most=timedelta(seconds=60), give_up=timedelta(seconds=300)
        ),
        people=people,
    )


# ---------------------------------------------------------------- the tools

Acts = Callable[[str, int, ToolContext], Awaitable[None]]


def make_tools(acts: Acts, background: Acts) -> list[Tool]:
    """`acts` is called by each call in its turn, `background` by each outside of one."""
    return [*_plain(acts), *_stored(acts), *_gated(acts), *_long(acts, background)]


def _plain(acts: Acts) -> list[Tool]:
    @tool(effect="read")
    async def look(args: Args, ctx: ToolContext) -> str:
        """Look."""
        await acts("look", args.n, ctx)
        return "seen"

    @tool(effect="idempotent")
    async def put(args: Args, ctx: ToolContext) -> str:
        """Put."""
        await acts("put", args.n, ctx)
        return "there"

    @tool(effect="unsafe")
    async def job(args: Args, ctx: ToolContext) -> str:
        """Do it once."""
        await acts("job", args.n, ctx)
        return "done"

    @tool(effect="read")
    async def broken(args: Args, ctx: ToolContext) -> str:
        """Break."""
        await acts("broken", args.n, ctx)
        raise RuntimeError("broken")

    return [look, put, job, broken]


def _stored(acts: Acts) -> list[Tool]:
    @tool(effect="stored", then="finish")
    async def remind(args: Args, ctx: ToolContext) -> Stored:
        """Remind."""
        await acts("remind", args.n, ctx)
        return Stored("will do", timers=(Timer(ctx.now + timedelta(seconds=args.n * 40), "now"),))

    @tool(effect="stored", then="finish")
    async def ask(args: Args, ctx: ToolContext) -> Stored:
        """Ask somebody."""
        await acts("ask", args.n, ctx)
        to = ("bob", "carol", "dave")[args.n % 3]
        return Stored("asked", questions=(Ask(to, f"question {args.n}?", ("red", "blue"), FEW),))

    @tool(effect="stored", risk="low")
    async def withdraw(args: Args, ctx: ToolContext) -> Stored:
        """Take a request back."""
        await acts("withdraw", args.n, ctx)
        if not ctx.waiting:
            raise ToolError("nothing waits")
        return Stored("withdrawn", withdraws=(sorted(ctx.waiting)[args.n % len(ctx.waiting)],))

    return [remind, ask, withdraw]


def _gated(acts: Acts) -> list[Tool]:
    @tool(effect="unsafe", risk="high")
    async def deploy(args: Args, ctx: ToolContext) -> str:
        """Deploy."""
        await acts("deploy", args.n, ctx)
        return "deployed"

    @tool(effect="unsafe")
    async def pay(args: Args, ctx: ToolContext) -> str:
        """Pay."""
        await acts("pay", args.n, ctx)
        return "paid"

    @tool(effect="unsafe", risk="high")
    async def grant(args: Args, ctx: ToolContext) -> str:
        """Grant."""
        await acts("grant", args.n, ctx)
        return "granted"

    @tool(effect="unsafe", risk="high")
    async def page(args: Args, ctx: ToolContext) -> str:
        """Page."""
        await acts("page", args.n, ctx)
        raise ToolError("nobody there")

    @tool(effect="stored", then="finish", risk="high")
    async def send(args: Args, ctx: ToolContext) -> Stored:
        """Send."""
        await acts("send", args.n, ctx)
        return Stored("sent", outgoing=(ctx.directory.message("bob", f"hello {args.n}"),))

    return [deploy, pay, grant, page, send]


def _long(acts: Acts, background: Acts) -> list[Tool]:
    @tool(effect="idempotent", risk="high", background=True)
    async def build(args: Args, ctx: ToolContext) -> str:
        """Build."""
        await background("build", args.n, ctx)
        return "built"

    @tool(effect="unsafe", background=True)
    async def work(args: Args, ctx: ToolContext) -> str:
        """Work."""
        await background("work", args.n, ctx)
        return "worked"

    async def take_up(args: Args, ctx: ToolContext) -> str:
        await background("take up", args.n, ctx)
        return "took up"

    @tool(effect="unsafe", background=True, recover=take_up)
    async def batch(args: Args, ctx: ToolContext) -> str:
        """Work that can be taken up."""
        await background("batch", args.n, ctx)
        return "batched"

    @tool(effect="unsafe")
    async def order(args: Args, ctx: ToolContext) -> Pending:
        """Let somebody else do it."""
        await acts("order", args.n, ctx)
        return Pending(SOME, "ordered")

    return [build, work, batch, order]
