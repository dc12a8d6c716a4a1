"""The Slack app: its manifest, and what `bot doctor` says about the tokens."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from channels.slack import SlackChannel, assistant, check, manifest, needed_scopes
from channels.slack.manifest import EVENTS, OPTIONAL
from simulators.slack import SlackConfig, SlackSimulator

SOURCES = "".join(
    path.read_text()
    for path in sorted(Path(assistant.__file__).parent.glob("*.py"))
    if path.name != "manifest.py"
)
METHOD = re.compile(
    r'"((?:apps|assistant|auth|bots|chat|conversations|files|reactions|users|views)\.[A-Za-z.]+)"'
)
HISTORY = ("channels:history", "groups:history", "im:history", "mpim:history")
NEEDED_BY: dict[str, tuple[str, ...]] = {
    "apps.connections.open": (),  # the app-level token
    "assistant.threads.setStatus": ("chat:write",),
    "assistant.threads.setSuggestedPrompts": ("assistant:write",),
    "assistant.threads.setTitle": ("assistant:write",),
    "auth.test": (),
    "bots.info": ("users:read",),
    "chat.delete": ("chat:write",),
    "chat.postEphemeral": ("chat:write",),
    "chat.postMessage": ("chat:write",),
    "chat.update": ("chat:write",),
    "conversations.history": HISTORY,
    "conversations.open": ("im:write",),
    "conversations.replies": HISTORY,
    "files.info": ("files:read",),  # and the content of a file
    "users.info": ("users:read",),
    "views.open": (),
    "views.update": (),
}
SUBSCRIBED_BY = {
    "app_mention": "app_mentions:read",
    "assistant_thread_context_changed": "assistant:write",
    "assistant_thread_started": "assistant:write",
    "message.channels": "channels:history",
    "message.groups": "groups:history",
    "message.im": "im:history",
    "message.mpim": "mpim:history",
    "reaction_added": "reactions:read",
    "reaction_removed": "reactions:read",
}


def test_the_manifest_asks_for_the_scopes_that_are_needed():
    assert set(manifest()["oauth_config"]["scopes"]["bot"]) == needed_scopes() | OPTIONAL.keys()


def test_each_event_of_the_manifest_has_its_scope():
    events = manifest()["settings"]["event_subscriptions"]["bot_events"]

    assert set(events) == set(SUBSCRIBED_BY)
    assert {SUBSCRIBED_BY[event] for event in events} <= needed_scopes() | OPTIONAL.keys()


def test_each_method_that_is_called_has_its_scope_and_no_scope_is_asked_for_without_need():
    methods = set(METHOD.findall(SOURCES))

    assert methods == NEEDED_BY.keys()
    needed = {scope for method in methods for scope in NEEDED_BY[method]}
    assert needed | set(SUBSCRIBED_BY.values()) | {"commands"} == needed_scopes() | OPTIONAL.keys()


def test_each_event_of_the_manifest_is_read():
    events = {event.partition(".")[0] for event in EVENTS}

    assert {event for event in events if f'"{event}"' not in SOURCES} == set()


def test_the_app_is_an_assistant_as_long_as_it_asks_for_its_events():
    assert "assistant_view" in manifest()["features"]
    assert set(assistant.EVENTS) <= set(EVENTS)


def test_only_what_is_built_is_switched_on():
    settings = manifest()["settings"]

    assert settings["socket_mode_enabled"] is True
    # Over Socket Mode buttons need no address; the windows they open need no scope.
    assert settings["interactivity"] == {"is_enabled": True}


def test_without_an_address_slack_is_given_none():
    assert "http" not in json.dumps(manifest())


def test_with_an_address_slack_calls_what_the_channel_answers():
    made = manifest(public_url="https://bot.example.org/")
    channel = SlackChannel(bot_token="x", signing_secret="s", knows=None)  # type: ignore[arg-type]  # not run

    (command,) = made["features"]["slash_commands"]
    settings = made["settings"]
    called = {
        command["url"],
        settings["event_subscriptions"]["request_url"],
        settings["interactivity"]["request_url"],
    }

    assert settings["socket_mode_enabled"] is False
    assert called == {f"https://bot.example.org/webhooks/{path}" for path in channel.webhooks}


async def test_the_doctor_is_content_with_good_tokens():
    async with SlackSimulator() as slack:
        findings = await check(bot_token="xoxb-demo", app_token="xapp-demo", api_url=slack.api_url)

    assert [finding.ok for finding in findings] == [True, True, True]
    assert "T0DEMO/U0BOT" in findings[0].detail


async def test_over_http_there_is_no_app_token_to_look_at():
    async with SlackSimulator() as slack:
        findings = await check(bot_token="xoxb-demo", api_url=slack.api_url)

    assert [finding.what for finding in findings] == ["Slack bot token", "Slack scopes"]


@pytest.mark.parametrize("scope", sorted(OPTIONAL))
async def test_the_doctor_says_what_is_done_without(scope: str):
    config = SlackConfig()
    config = replace(config, scopes=config.scopes - {scope})
    async with SlackSimulator(config=config) as slack:
        findings = await check(bot_token="xoxb-demo", api_url=slack.api_url)

    assert findings[1].ok
    assert f"done without: {scope}" in findings[1].detail


async def test_the_doctor_names_the_scopes_that_are_missing():
    config = SlackConfig()
    config = replace(config, scopes=config.scopes - {"im:write"})
    async with SlackSimulator(config=config) as slack:
        findings = await check(bot_token="xoxb-demo", app_token="xapp-demo", api_url=slack.api_url)

    (missing,) = [finding for finding in findings if not finding.ok]
    assert "im:write (to write to a person first)" in missing.detail
    assert "bot slack manifest" in missing.fix


@pytest.mark.parametrize(
    ("bot", "app", "setting"),
    [("xoxb-no", "xapp-demo", "SLACK_BOT_TOKEN"), ("xoxb-demo", "xapp-no", "SLACK_APP_TOKEN")],
)
async def test_the_doctor_names_the_token_that_is_wrong(bot: str, app: str, setting: str):
    async with SlackSimulator() as slack:
        findings = await check(bot_token=bot, app_token=app, api_url=slack.api_url)

    (wrong,) = [finding for finding in findings if not finding.ok]
    assert setting in wrong.fix


async def test_the_doctor_says_when_slack_cannot_be_reached():
    findings = await check(bot_token="xoxb-demo", app_token="xapp-demo", api_url="http://127.0.0.1:9/api/")

    assert [finding.ok for finding in findings] == [False, False]
