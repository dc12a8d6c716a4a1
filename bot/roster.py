"""The agents of this checkout: found, checked, and put together with their prompts, texts and rules."""

import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from importlib.abc import Loader
from pathlib import Path
from traceback import extract_tb
from types import ModuleType

import agents
from bot.config import AgentConfig, Config, ToolConfig
from bot.context import AgentTexts
from bot.errors import StartError
from bot.events import Outgoing
from bot.jobs import run_job_tool
from bot.loop import AgentParts
from bot.one_line import one_line
from bot.people import Contact
from bot.prompts import load_prompts
from bot.rights import tool_rule
from bot.rules import AgentRules, RetryRules, Risk, Rules, Someone
from bot.schema import schema_limits
from bot.secrets import Redactor
from bot.send_reply import send_reply
from bot.step import parse_step, schema_text, step_schema
from bot.tools import Agent, Tool, tools_text


def find_agents(config: Config) -> dict[str, Agent]:
    """All agents by name: those of `[paths] agents` first, then those in agents/; StartError for a wrong file."""
    found: dict[str, Agent] = {}
    for module in (*_from_folders(config.paths.agents), *_from_package()):
        for value in vars(module).values():
            if isinstance(value, Agent):
                found.setdefault(value.name, value)
    return {
        name: _configured(
            _with_drafts(_with_jobs(agent, config), config), config.agents.get(name, AgentConfig()), config
        )
        for name, agent in found.items()
    }


def jobs_folder(config: Config) -> Path:
    """Where jobs keep their output and how they ended: beside the database."""
    return config.database.path.with_name(config.database.path.name + ".jobs")


def _with_jobs(agent: Agent, config: Config) -> Agent:
    """An agent that is offered jobs gets the tool for them, if there are any."""
    if not (agent.jobs and config.jobs):
        return agent
    run_job = run_job_tool(
        config.jobs, folder=jobs_folder(config), python=sys.executable, clean=Redactor(config.secrets())
    )
    return replace(agent, tools=(*agent.tools, run_job))


def _with_drafts(agent: Agent, config: Config) -> Agent:
    """An agent whose answers to strangers a person sees first gets the tool that sends them."""
    if not _drafts(config):
        return agent
    return replace(agent, tools=(*agent.tools, send_reply))


def _drafts(config: Config) -> frozenset[str]:
    """The channels on which answers to strangers are shown to a person first."""
    return frozenset({"email"} if config.channels.email.drafts == "outsiders" else ())


def _from_folders(folders: Iterable[Path]) -> Iterator[ModuleType]:
    for path in (path for folder in folders for path in sorted(folder.glob("[!_]*.py"))):
        spec = importlib.util.spec_from_file_location(f"saywhen_agents_{path.stem}", path)
        if spec is None or spec.loader is None:
            raise StartError(f"{path}: this is not a Python file")
        module = importlib.util.module_from_spec(spec)
        yield _loaded(path, partial(_run, spec.loader, module))


def _from_package() -> Iterator[ModuleType]:
    for folder in agents.__path__:
        for path in sorted(Path(folder).glob("[!_]*.py")):
            yield _loaded(path, partial(importlib.import_module, f"agents.{path.stem}"))


def _run(loader: Loader, module: ModuleType) -> ModuleType:
    loader.exec_module(module)
    return module


def _loaded(path: Path, load: Callable[[], ModuleType]) -> ModuleType:
    """An agent's file is somebody's own code: what is wrong with it is a line that names the place."""
    try:
        return load()
    except Exception as error:
        why = one_line(f"{type(error).__name__}: {error}", most=300, clean=str)
        raise StartError(f"{path}:{_line_in(path, error)}: this agent cannot be loaded: {why}") from error


def _line_in(path: Path, error: Exception) -> int:
    """Where in this file it went wrong; 1 if it was not in this file."""
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return error.lineno or 1
    frames = reversed(extract_tb(error.__traceback__))
    return next((frame.lineno for frame in frames if frame.filename == str(path)), None) or 1


def _configured(agent: Agent, own: AgentConfig, config: Config) -> Agent:
    known = {tool.name for tool in agent.tools}
    if unknown := sorted(set(own.tools) - known):
        raise StartError(
            f"agents.{agent.name}.tools.{unknown[0]}: the agent has no such tool; it has {', '.join(sorted(known))}"
        )
    tools = tuple(_with_rule(tool, own) for tool in agent.tools if _is_offered(tool, own, config))
    most_steps = min(own.max_steps or agent.max_steps, config.limits.max_steps)
    return replace(agent, tools=tools, max_steps=most_steps)


def _is_offered(tool: Tool, own: AgentConfig, config: Config) -> bool:
    """A tool that was switched off is not, and neither is one whose channel is off."""
    switched_on = tool.name not in own.tools or own.tools[tool.name].enabled
    return switched_on and (not tool.channel or getattr(config.channels, tool.channel).on)


def _with_rule(tool: Tool, config: AgentConfig) -> Tool:
    rule = config.tools.get(tool.name)
    return replace(tool, timeout=rule.timeout) if rule and rule.timeout else tool


def put_together(config: Config, agents: Mapping[str, Agent]) -> dict[str, AgentParts]:
    """Each agent with its texts and the check of its answers; StartError if a prompt or schema is wrong."""
    if config.default_agent not in agents:
        raise StartError(
            f"default_agent: found {config.default_agent!r}, there are {', '.join(sorted(agents)) or 'none'}"
        )
    prompts = load_prompts((*config.paths.prompts, config.root / "prompts"), agents=agents.values())
    parts = {}
    for name, agent in agents.items():
        own = config.agents.get(name, AgentConfig())
        if own.model not in config.models:
            raise StartError(
                f"agents.{name}.model: found {own.model!r}, there are {', '.join(config.models)}"
            )
        prompt = prompts[agent.prompt].render(
            agent_name=agent.name, agent_description=agent.description, language=config.language
        )
        parts[name] = _parts(agent, prompt, own.model, structured=config.models[own.model].structured)
    return parts


def _parts(agent: Agent, prompt: str, model: str, *, structured: bool) -> AgentParts:
    schema = step_schema(agent.calls)
    if problems := schema_limits(schema):
        raise StartError(f"the agent {agent.name}: {'; '.join(problems)}")
    texts = AgentTexts(prompt, tools_text(agent.tools), schema_text(agent.calls))
    check = partial(parse_step, calls=agent.calls, structured=structured)
    return AgentParts(agent, texts, check, model)


def rules_of(
    config: Config,
    parts: Mapping[str, AgentParts],
    *,
    operator: Contact | None,
    operator_name: str,
    link: str,
    people: Mapping[str, Someone] | None = None,
    caps: Mapping[str, Risk] | None = None,
    accounts: Mapping[str, str] | None = None,
    answers_sender: frozenset[str] = frozenset(),
    simulated: frozenset[str] = frozenset(),
    mixed: bool = False,
) -> Rules:
    """What the pure core may know of the configuration."""
    contact = None if operator is None else _notice_to(operator)
    retry = RetryRules(
        first=config.model_retry.first, most=config.model_retry.max, give_up=config.model_retry.give_up
    )
    return Rules(
        agents={name: _agent_rules(each, config) for name, each in parts.items()},
        max_context_tokens=config.max_context_tokens,
        block_clip=min(config.limits.block_clip, config.max_context_tokens * 2),
        backup_model="backup" in config.models,
        human_approval_required=config.human_approval_required,
        retry=retry,
        consecutive_errors=config.limits.consecutive_errors,
        take_over_tries=config.limits.take_over_tries,
        operator=contact,
        operator_name=operator_name,
        thread_link=f"{link}/threads/" if link else "",
        confidence_below=config.approvals.confidence_below,
        most_approvals=config.approvals.most_open,
        people=people or {},
        caps=caps or {},
        accounts=accounts or {},
        answers_sender=answers_sender,
        drafts=_drafts(config),
        links=config.links,
        timezone=config.timezone,
        simulated=simulated,
        mixed=mixed,
    )


def _notice_to(operator: Contact) -> Outgoing:
    return Outgoing(
        text="",
        kind="notice",
        channel=operator.channel,
        account=operator.account,
        destination=operator.destination,
    )


def _agent_rules(parts: AgentParts, config: Config) -> AgentRules:
    own = config.agents.get(parts.agent.name, AgentConfig())
    tools = {
        tool.name: tool_rule(config, own.tools.get(tool.name, ToolConfig()), tool)
        for tool in parts.agent.tools
        if _is_offered(tool, own, config)  # one that was switched off since the start is nobody's
    }
    fixed = parts.texts.tokens
    if not config.models[parts.model].structured:
        fixed += len(parts.texts.output_schema.encode()) // 4  # the schema is then part of the text
    return AgentRules(tools, max_steps=parts.agent.max_steps, fixed_tokens=fixed)
