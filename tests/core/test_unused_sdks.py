"""The SDK of a channel that is off is never imported: it costs memory and time at the start."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from simulators.discord.config import BOT_TOKEN
from simulators.twilio import NUMBER
from tests.walks.kit import ROOT

LATER = {
    "discord": {"DISCORD_BOT_TOKEN": BOT_TOKEN},
    "sms": {"TWILIO_ACCOUNT_SID": "AC" + "0" * 32, "TWILIO_AUTH_TOKEN": "1" * 32, "TWILIO_FROM": NUMBER},
    "email": {
        "MAIL_FROM": "bot@example.org", "IMAP_HOST": "127.0.0.1", "IMAP_USER": "bot", "IMAP_PASSWORD": "secret",
        "SMTP_HOST": "127.0.0.1", "SMTP_USER": "bot", "SMTP_PASSWORD": "secret", "MAIL_AUTHSERV_ID": "mx.example.org",
    },
    "slack": {"SLACK_BOT_TOKEN": "xoxb-1-test", "SLACK_APP_TOKEN": "xapp-1-test"},
}  # fmt: skip

PUT_TOGETHER = """
import asyncio, json, os, sys
from pathlib import Path
import bot.cli, bot.run
from bot.app import Mode, opened, site_of
from bot.config import load
from bot.web.app import create_app

SDKS = {"slack_bolt", "slack_sdk", "discord", "twilio", "aioimaplib", "aiosmtplib"}

async def put_together():
    async with opened(load(root=Path.cwd(), environ=os.environ), Mode()) as made:
        create_app(site_of(made))
        on = [channel.name for channel in made.channels.channels]
    print(json.dumps([sorted(on), sorted(SDKS & set(sys.modules))]))

asyncio.run(put_together())
for more in json.loads(sys.argv[1]):
    os.environ.update(more)
    asyncio.run(put_together())
"""


@pytest.mark.slow
def test_an_sdk_is_imported_with_its_channel_and_not_before(tmp_path: Path):
    (tmp_path / "config.toml").write_bytes((ROOT / "config.toml").read_bytes())
    (tmp_path / "prompts").symlink_to(ROOT / "prompts")
    environ = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "DATABASE_URL": f"sqlite:///{tmp_path / 'bot.db'}",
        "ANTHROPIC_API_KEY": "sk-ant-test-0123456789",
    }

    ran = subprocess.run(
        [sys.executable, "-c", PUT_TOGETHER, json.dumps(list(LATER.values()))],
        cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=100,
    )  # fmt: skip

    assert ran.returncode == 0, ran.stderr
    found = [json.loads(line) for line in ran.stdout.splitlines()]
    mail = ["aioimaplib", "aiosmtplib"]
    assert found == [
        [[], []],
        [["discord"], ["discord"]],
        [["discord", "sms"], ["discord", "twilio"]],
        [["discord", "email", "sms"], [*mail, "discord", "twilio"]],
        [["discord", "email", "slack", "sms"], [*mail, "discord", "slack_bolt", "slack_sdk", "twilio"]],
    ]
