"""How much of every request is the same: the default agent's prompt and its tools."""

from bench.processes import ROOT
from bench.ratios import at_most
from bench.table import Row
from bot.config import load
from bot.roster import find_agents, put_together


def rows() -> list[Row]:
    config = load(root=ROOT, environ={}, look=True)
    texts = put_together(config, find_agents(config))[config.default_agent].texts
    fixed = sum(len(text.encode()) for text in (texts.prompt, texts.tools)) / 4
    schema = len(texts.output_schema.encode()) / 4
    return [
        at_most("fixed prompt, default agent with its tools (bytes / 4)", fixed, 900, "tokens", digits=0),
        Row("schema of its answer, beside the prompt (bytes / 4)", round(schema), "tokens"),
    ]
