"""`bot config`, `bot tools` and `bot prompts`: what is set, and what follows from it."""

import os
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli.given import AsJson, given_to, place_of

if TYPE_CHECKING:
    from bot.config import Config, ConfigError, Problem
    from bot.tools import Agent, Tool


def config(
    context: typer.Context,
    dev: Annotated[bool, typer.Option("--dev", help="As `bot dev` sees them.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show every setting, its value and where it comes from; secrets are masked.

    If something is wrong, all of it is said at once, and it ends with 78.

    ```
    bot config
    TOOL_TIMEOUT=1m bot config --json | jq '.values[] | select(.source != "default")'
    ```
    """
    from bot.cli.output import note, print_json, print_table
    from bot.cli.place import find_root
    from bot.config import ConfigError, load

    root = find_root(given_to(context).root)
    try:
        found = load(root=root, environ=os.environ, look=True, dev=dev)
    except ConfigError as error:
        if as_json:
            _print_problems(error)
        raise
    values, warnings = found.effective(), found.warnings
    if as_json:
        document = {"root": str(found.root), "values": [row._asdict() for row in values]}
        print_json({**document, "problems": [_problem(each) for each in warnings]})
        return
    print_table(("setting", "value", "from"), values)
    for warning in warnings:
        note(f"warning: {warning}")


def _print_problems(error: "ConfigError") -> None:
    from bot.cli.output import print_json

    print_json({"values": [], "problems": [_problem(each) for each in error.problems]})


def _problem(problem: "Problem") -> dict[str, str]:
    from dataclasses import asdict

    return {**asdict(problem), "line": str(problem)}


def tools(context: typer.Context, as_json: AsJson = False) -> None:
    """List what each agent may do: arguments, effect, and whether it needs a person's yes.

    bot tools --json | jq '.tools[] | {name, effect, needs_yes}'
    """
    from bot.cli.output import print_json, print_table
    from bot.roster import find_agents

    config = place_of(context).config
    found = [_tool(config, agent, tool) for agent in find_agents(config).values() for tool in agent.tools]
    if as_json:
        print_json({"tools": found})
        return
    rows = [
        (each["agent"], each["name"], each["effect"], each["needs_yes"] or "no", each["timeout"],
         each["description"], ", ".join(each["arguments"]))
        for each in found
    ]  # fmt: skip
    print_table(("agent", "tool", "effect", "needs a yes", "timeout", "does", "arguments"), rows)


def _tool(config: "Config", agent: "Agent", tool: "Tool") -> dict[str, Any]:
    from bot.schema import in_words, plain_schema

    schema: dict[str, Any] = plain_schema(tool.args)
    return {
        "agent": agent.name,
        "name": tool.name,
        "description": tool.description,
        "effect": tool.effect,
        "then": tool.then,
        "timeout": f"{(tool.timeout or config.tool_timeout).total_seconds():g}s",
        "needs_yes": _needs_yes(config, agent, tool),
        "arguments": [f"{name}: {in_words(each)}" for name, each in schema["properties"].items()],
        "schema": schema,
    }


def _needs_yes(config: "Config", agent: "Agent", tool: "Tool") -> str:
    """When a call of this tool waits for a person, "" if no rule of its own says so."""
    from bot.config import AgentConfig, ToolConfig
    from bot.rights import tool_rule
    from bot.rules import RISKS

    own = config.agents.get(agent.name, AgentConfig())
    rule = tool_rule(config, own.tools.get(tool.name, ToolConfig()), tool)
    gate = rule.gate
    if gate.approval == "always":
        return "always"
    if config.human_approval_required and tool.effect != "read":
        return "always: human_approval_required"
    if rule.by_argument:
        return f"as each {rule.by_argument} says"
    if gate.approval == "never":
        return ""
    if gate.risk_from is not None and RISKS.index(rule.risk) >= RISKS.index(gate.risk_from):
        return f"always: its risk is {rule.risk}"
    reasons = [f"confidence below {gate.confidence_below:g}"] if gate.confidence_below else []
    reasons += [f"asked for by others than {', '.join(gate.roles)}"] if gate.roles else []
    reasons += [f"by its {', '.join(gate.arguments)}"] if gate.arguments else []
    return "; ".join(reasons)


def prompts(
    context: typer.Context,
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Print this one as the model reads it.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the prompts, or print one as the model reads it.

    Folders of [paths] prompts come before prompts/.

    ```
    bot prompts assistant
    ```
    """
    from bot.cli.output import print_json, print_table, say
    from bot.errors import StartError

    found = _prompts(place_of(context).config)
    if name is not None and name not in found:
        raise StartError(f'no prompt is called "{name}"; there are {", ".join(sorted(found))}', code=1)
    if as_json:
        print_json(found[name] if name else {"prompts": list(found.values())})
    elif name:
        say(found[name]["text"].rstrip("\n"))
    else:
        rows = [
            (each["name"], each["agent"], each["tokens"], each["hash"][:12], each["path"])
            for each in found.values()
        ]
        print_table(("prompt", "agent", "about tokens", "hash", "file"), rows)


def _prompts(config: "Config") -> dict[str, dict[str, Any]]:
    from bot.canonical import text_hash
    from bot.prompts import load_prompts
    from bot.roster import find_agents

    agents = find_agents(config)
    found = {}
    for name, prompt in load_prompts(
        (*config.paths.prompts, config.root / "prompts"), agents=agents.values()
    ).items():
        agent = agents[prompt.agent]
        text = prompt.render(
            agent_name=agent.name, agent_description=agent.description, language=config.language
        )
        found[name] = {
            "name": name,
            "agent": prompt.agent,
            "variables": list(prompt.variables),
            "path": str(prompt.path),
            "tokens": len(text.encode()) // 4,
            "hash": text_hash(text),
            "text": text,
        }
    return found
