"""A channel that its provider refuses for good: the bot ends where it cannot do without it, and says why."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from bot.run import missed
from simulators.discord.config import BOT_TOKEN, MEMBERS
from simulators.messages import MessagesSimulator
from tests.channels.discord_desk import simulated
from tests.walks.kit import ROOT, START_SECONDS


@pytest.mark.slow
async def test_discord_alone_and_refused_ends_bot_run_with_78_and_what_to_do(tmp_path: Path):
    (tmp_path / "config.toml").write_bytes((ROOT / "config.toml").read_bytes())
    (tmp_path / "prompts").symlink_to(ROOT / "prompts")
    async with simulated(granted_intents=frozenset({MEMBERS})) as discord, MessagesSimulator() as model:
        environ = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "DATABASE_URL": f"sqlite:///{tmp_path / 'bot.db'}",
            "PORT": "0",
            "ANTHROPIC_API_KEY": "sk-ant-test-0123456789",
            "ANTHROPIC_BASE_URL": model.base_url,
            "DISCORD_BOT_TOKEN": BOT_TOKEN,
            "DISCORD_API_URL": discord.api_url,
            "DISCORD_GATEWAY_URL": discord.gateway_url,
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot.cli", "run",
            cwd=tmp_path, env=environ, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        try:
            output, _ = await asyncio.wait_for(process.communicate(), START_SECONDS)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()

    assert process.returncode == 78, output.decode()
    last = output.decode().strip().splitlines()[-1]
    assert "(4014)" in last
    assert "Privileged Gateway Intents" in last
    assert discord.gateway.identifies_total == 1


@pytest.mark.parametrize(
    ("on", "refused", "required", "ends"),
    [
        (["discord"], {"discord"}, set(), ["discord"]),
        (["slack", "discord"], {"discord"}, set(), []),
        (["slack", "discord"], {"discord"}, {"discord"}, ["discord"]),
        (["slack", "discord"], {"discord"}, {"slack"}, []),
        (["slack", "discord"], {"discord", "slack"}, set(), ["slack", "discord"]),
        (["slack", "discord"], set(), {"slack", "discord"}, []),
        ([], set(), set(), []),
    ],
)
def test_the_bot_ends_where_a_channel_has_to_be_on_or_none_is_left(
    on: list[str], refused: set[str], required: set[str], ends: list[str]
):
    assert missed(on, refused=refused, required=required) == ends
