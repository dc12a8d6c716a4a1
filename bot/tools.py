"""What an agent may do: a tool is a Python function, a pydantic model of its arguments and an effect."""

import inspect
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar, get_args, get_type_hints

from pydantic import BaseModel

from bot.errors import ToolError
from bot.events import Effect, Invite, Outgoing, Then
from bot.rules import Risk
from bot.schema import in_words, plain_schema

A = TypeVar("A", bound=BaseModel)

FEWEST_STEPS, MOST_STEPS = 3, 10

_EFFECTS: Mapping[Effect, str] = {
    "read": "only looks",
    "idempotent": "may be repeated",
    "unsafe": "acts, cannot be taken back",
    "stored": "kept by us",
}
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


_RISK: Mapping[Effect, Risk] = {"read": "low", "idempotent": "medium", "unsafe": "medium", "stored": "medium"}
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Ask:
    """A question to a person whom the configuration knows; `options` are answers to choose from."""

    to: str
    text: str
    options: tuple[str, ...] = ()
    expires: timedelta = DAY


@dataclass(frozen=True, slots=True)
class Addressee:
    """Where a mail goes. `name` and `timezone` are those of a person of the configuration, "" for anybody else."""

    address: str
    name: str = ""
    timezone: str = ""


class Directory(Protocol):
    """The people a tool may write to: by name. Only a mail goes to an address, which is then shown to who decides."""

    def names(self) -> tuple[str, ...]:
        """Who can be reached from this conversation."""
        ...

    def message(self, name: str, text: str, *, channel: str = "") -> Outgoing:
        """A message to a person, on this channel or the one they like best; raises ToolError if there is none."""
        ...

    def question(self, ask: Ask, question_id: str) -> Outgoing:
        """A question to a person; raises ToolError if they cannot be reached."""
        ...

    def addressee(self, to: str) -> Addressee:
        """Where a mail to this person's name or this address goes; raises ToolError if it cannot go anywhere."""
        ...

    def letter(self, to: str, subject: str, text: str, invite: Invite | None = None) -> Outgoing:
        """A mail to a person's name or to an address; raises ToolError like `addressee`."""
        ...


class _Nobody:
    """A directory without people."""

    def names(self) -> tuple[str, ...]:
        return ()

    def message(self, name: str, text: str, *, channel: str = "") -> Outgoing:
        raise ToolError(f"{name}: nobody can be reached from here", retryable=False)

    def question(self, ask: Ask, question_id: str) -> Outgoing:
        raise ToolError(f"{ask.to}: nobody can be reached from here", retryable=False)

    def addressee(self, to: str) -> Addressee:
        raise ToolError(f"{to[:40]}: nobody can be reached from here", retryable=False)

    def letter(self, to: str, subject: str, text: str, invite: Invite | None = None) -> Outgoing:
        raise ToolError(f"{to[:40]}: nobody can be reached from here", retryable=False)


async def _no_progress(note: str) -> None:
    """A call that runs inside its turn has nobody to tell how far it is."""


@dataclass(frozen=True, slots=True)
class ToolContext:
    """What a tool knows besides its arguments. `now` is in UTC, `key` the same for every try of one call.

    `waiting` are the seqs of this conversation's open requests for a yes. For a call that an outside system
    finishes (`Pending`): that system posts to `task_url` with the one-time `task_token`. A background call says
    how far it is with `progress`, and `attempt` counts its starts.
    """

    key: str
    now: datetime
    timezone: str
    person: str | None
    thread_id: str
    requester: str
    call_id: str
    directory: Directory = field(default_factory=_Nobody)
    waiting: frozenset[int] = frozenset()
    task_id: str = ""
    task_token: str = field(default="", repr=False)
    task_url: str = ""
    progress: Callable[[str], Awaitable[None]] = _no_progress
    attempt: int = 1


@dataclass(frozen=True, slots=True)
class Timer:
    """Brings `text` back into the thread at `due_at`."""

    due_at: datetime
    text: str


@dataclass(frozen=True, slots=True)
class Stored:
    """What a `stored` tool returns: written down in one commit together with its result.

    `withdraws` are the seqs of open requests for a yes that are taken back.
    """

    text: str
    timers: tuple[Timer, ...] = ()
    outgoing: tuple[Outgoing, ...] = ()
    questions: tuple[Ask, ...] = ()
    withdraws: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Pending:
    """What a tool returns when an outside system will finish the call, within `expires`; `text` tells people so."""

    expires: timedelta
    text: str = ""


Result = str | dict[str, Any] | list[Any] | BaseModel | Stored | Pending
Run = Callable[[Any, ToolContext], Awaitable[Result]]
Check = Callable[[Any, ToolContext], BaseModel | None]


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that an agent may call. `timeout` None means the bot's own `tool_timeout`.

    A `background` one runs outside the turn. After a crash `recover` (the same shape as `run`) takes up what was
    under way; without it a call that may be repeated is repeated, and of any other the outcome is unknown.

    `check` looks at a call as soon as the model proposes it, before anybody is asked: a ToolError that it raises
    goes back to the model. It acts on nothing and waits for nothing. It may return the arguments spelled out, such as
    the address of a person who was named: these are shown to whoever decides, and run.

    `channel` names the channel without which the tool is not offered, `address` the argument that says whom it
    writes to: somebody whom the configuration does not know needs a person's yes, whatever is configured. One that
    is not `offered` is not the model's to call.
    """

    name: str
    description: str
    args: type[BaseModel]
    run: Run
    effect: Effect
    then: Then = "continue"
    timeout: timedelta | None = None
    risk: Risk = "low"
    background: bool = False
    recover: Run | None = None
    check: Check | None = None
    channel: str = ""
    address: str = ""
    offered: bool = True


def tool(
    *,
    effect: Effect,
    then: Then = "continue",
    timeout: timedelta | None = None,
    risk: Risk | None = None,
    background: bool = False,
    recover: Run | None = None,
    check: Check | None = None,
    channel: str = "",
    address: str = "",
) -> Callable[[Callable[[A, ToolContext], Awaitable[Result]]], Tool]:
    """Make a tool of `async def name(args: Args, ctx: ToolContext) -> Result`.

    The first paragraph of its docstring is what the model reads. Raises TypeError for anything else.
    """
    if effect not in get_args(Effect) or then not in get_args(Then):
        effects, thens = ", ".join(get_args(Effect)), ", ".join(get_args(Then))
        raise TypeError(f"@tool: effect is one of {effects}; then is one of {thens}")
    if background and (effect == "stored" or then == "finish"):
        raise TypeError("@tool: a background tool is not `stored`, and its result goes to the model")

    def made(run: Callable[[A, ToolContext], Awaitable[Result]]) -> Tool:
        args = _args(run)
        if address and address not in args.model_fields:
            raise TypeError(f"the tool {_name(run)}: address={address!r} is none of its arguments")
        return Tool(
            _name(run), _description(run), args, run, effect, then, timeout,
            risk=risk or _RISK[effect], background=background, recover=recover, check=check,
            channel=channel, address=address,
        )  # fmt: skip

    return made


def _name(run: Callable[..., object]) -> str:
    name: str = getattr(run, "__name__", "")
    if not inspect.iscoroutinefunction(run):
        raise TypeError(f"the tool {name}: write it as `async def`")
    if not _NAME.fullmatch(name):
        raise TypeError(f"the tool {name}: a name is a-z first, then a-z, 0-9 and _, at most 40 characters")
    return name


def _description(run: Callable[..., object]) -> str:
    paragraph = (inspect.getdoc(run) or "").strip().split("\n\n")[0]
    if not paragraph:
        raise TypeError(f"the tool {_name(run)}: its docstring is what the model reads; write one")
    return " ".join(paragraph.split())


def _args(run: Callable[..., object]) -> type[BaseModel]:
    """The model of the first parameter, if the function has the shape of a tool."""
    shape = (
        f"the tool {_name(run)}: write it as `async def {_name(run)}(args: Args, ctx: ToolContext) -> Result`"
    )
    parameters = list(inspect.signature(run).parameters)
    try:
        hints = get_type_hints(run)
    except NameError as error:
        raise TypeError(f"{shape}; {error}") from None
    if len(parameters) != 2 or hints.get(parameters[1]) is not ToolContext:
        raise TypeError(f"{shape}, with exactly these two parameters")
    model = hints.get(parameters[0])
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        raise TypeError(f"{shape}, where Args is a pydantic model")
    plain_schema(model)
    return model


# ---------------------------------------------------------------- agents


@dataclass(frozen=True, slots=True)
class Agent:
    """One micro-agent: its prompt, its tools and how many steps it may take in one run.

    With `jobs` it is also offered `run_job`, if the configuration has jobs.
    """

    name: str
    description: str
    prompt: str
    tools: tuple[Tool, ...] = ()
    max_steps: int = MOST_STEPS
    jobs: bool = False

    def __post_init__(self) -> None:
        if not FEWEST_STEPS <= self.max_steps <= MOST_STEPS:
            allowed = f"{FEWEST_STEPS} to {MOST_STEPS}"
            raise ValueError(f"the agent {self.name}: max_steps is {self.max_steps}, allowed is {allowed}")
        names = [each.name for each in self.tools]
        if double := [name for name in names if names.count(name) > 1]:
            raise ValueError(f"the agent {self.name} has two tools called {double[0]}")

    @property
    def calls(self) -> dict[str, type[BaseModel]]:
        """What the model may call: the arguments of each tool by its name."""
        return {each.name: each.args for each in self.tools if each.offered}

    @property
    def all_calls(self) -> dict[str, type[BaseModel]]:
        """The same with the calls that the program makes of what the model says."""
        return {each.name: each.args for each in self.tools}


def tools_text(tools: Sequence[Tool]) -> str:
    """The tools as the model reads them; the same bytes for the same tools."""
    shown = "\n".join(_shown(each) for each in tools if each.offered)
    return f"<tools>\n{shown or 'none'}\n</tools>"


def _shown(tool: Tool) -> str:
    lines = [f"{tool.name} ({_EFFECTS[tool.effect]}): {tool.description}"]
    properties: Any = plain_schema(tool.args)["properties"]
    for name, schema in properties.items():
        about = f": {schema['description']}" if "description" in schema else ""
        lines.append(f"- {name}, {in_words(schema)}{about}")
    return "\n".join(lines)
