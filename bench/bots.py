"""The two bots that are compared, each a process of its own, connected to the same Slack and the same model."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.processes import ROOT, Child, started

DATABASE = "bench.db"

_CONFIG = """
model_provider = "anthropic"
default_agent = "assistant"

[web]
port = 0

[models.main]
provider = "anthropic"
name = "claude-sonnet-5-5"
timeout = "2m"

[limits]
daily_tokens = 1000000000000

[channels.slack]
enabled = true
"""


@dataclass(frozen=True, slots=True)
class Stage:
    """What both bots talk to."""

    slack: Child
    slack_port: int
    model: Child
    model_port: int

    @property
    def env(self) -> Mapping[str, str]:
        return {
            "SLACK_BOT_TOKEN": "xoxb-bench-bench-bench",
            "SLACK_APP_TOKEN": "xapp-bench-bench-bench",
            "SLACK_API_URL": f"http://127.0.0.1:{self.slack_port}/api/",
            "ANTHROPIC_API_KEY": "sk-ant-bench",
            "ANTHROPIC_BASE_URL": f"http://127.0.0.1:{self.model_port}",
        }

    def think(self, seconds: float) -> None:
        """So long the model takes for an answer from now on."""
        self.model.tell({"delay": seconds})

    def converse(self, at_once: int, messages: int) -> dict[str, Any]:
        return self.slack.tell({"at_once": at_once, "messages": messages})


@contextmanager
def stage() -> Iterator[Stage]:
    with started("bench.slack_load", talks=True) as slack, started("bench.model_api", talks=True) as model:
        yield Stage(slack, slack.hear()["port"], model, model.hear()["port"])


@contextmanager
def our_bot(on: Stage, folder: Path) -> Iterator[Child]:
    """`bot run`, with one channel on."""
    with bot_in(folder, _CONFIG, on.env) as child:
        yield child


@contextmanager
def bot_in(folder: Path, config: str, env: Mapping[str, str]) -> Iterator[Child]:
    """`bot run` in this folder, where its settings and its database are."""
    folder.mkdir(exist_ok=True)
    (folder / "config.toml").write_text(config)
    if not (folder / "prompts").exists():
        (folder / "prompts").symlink_to(ROOT / "prompts")
    env = {**env, "DATABASE_URL": f"sqlite:///{folder / DATABASE}", "SAYWHEN_BENCH": "1"}
    with started("bot.cli", "run", env=env, cwd=folder, log=folder / "log.txt") as child:
        yield child


@contextmanager
def rival_bot(on: Stage, folder: Path) -> Iterator[Child]:
    """slack-bolt and pydantic-ai."""
    folder.mkdir(exist_ok=True)
    with started("bench.rival", env=on.env, log=folder / "log.txt") as child:
        yield child


BOTS = {"ours": our_bot, "rival": rival_bot}
