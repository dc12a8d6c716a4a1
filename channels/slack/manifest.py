"""The Slack app that this channel needs: exactly the scopes, events and commands that are built."""

from typing import Any

from channels.slack.commands import COMMAND

DESCRIPTION = "An agent that asks the right person before anything risky."
SCOPES = {
    "app_mentions:read": "to hear when somebody mentions it",
    "channels:history": "to read replies in the threads of public channels that it takes part in",
    "chat:write": "to answer, and to show that it is at work",
    "groups:history": "the same in private channels it was invited to",
    "im:history": "to read direct messages to it, and its own requests there",
    "im:write": "to write to a person first",
    "mpim:history": "the same in group messages it was invited to",
    "users:read": "to look up who somebody is",
}
OPTIONAL = {
    "files:read": "to look at the pictures and files that people send",
    "assistant:write": "to suggest something in a new chat, and to give it a title",
    "reactions:read": "to hear of a thumb up or down",
    "commands": f"to be asked with {COMMAND}",
}
"""What an older app may lack: one thing less works, and nothing fails."""
EVENTS = (
    "app_mention",
    "assistant_thread_context_changed",
    "assistant_thread_started",
    "message.channels",
    "message.groups",
    "message.im",
    "message.mpim",
    "reaction_added",
    "reaction_removed",
)
APP_SCOPE = "connections:write"
"""Of the app-level token; a manifest cannot ask for it."""


def needed_scopes() -> frozenset[str]:
    """Without one of these the channel does not work."""
    return frozenset(SCOPES)


def manifest(name: str = "Saywhen", *, public_url: str = "") -> dict[str, Any]:
    """For api.slack.com/apps, "from a manifest": over Socket Mode, or by HTTP if it has a `public_url`."""
    return {
        "display_information": {
            "name": name,
            "description": DESCRIPTION,
        },
        "features": {
            "app_home": {"messages_tab_enabled": True, "messages_tab_read_only_enabled": False},
            "assistant_view": {"assistant_description": DESCRIPTION},
            "bot_user": {"display_name": name.lower(), "always_online": True},
            "slash_commands": [
                {
                    "command": COMMAND,
                    "description": "Ask the agent something",
                    "usage_hint": "what you want to ask",
                    # Mentions come as ids, as in messages.
                    "should_escape": True,
                    **_url("url", public_url, "slack/commands"),
                }
            ],
        },
        "oauth_config": {"scopes": {"bot": sorted([*SCOPES, *OPTIONAL])}},
        "settings": {
            "event_subscriptions": {
                **_url("request_url", public_url, "slack/events"),
                "bot_events": list(EVENTS),
            },
            "interactivity": {
                "is_enabled": True,
                **_url("request_url", public_url, "slack/interactive"),
            },
            "org_deploy_enabled": False,
            "socket_mode_enabled": not public_url,
            "token_rotation_enabled": False,
        },
    }


def _url(key: str, public_url: str, webhook: str) -> dict[str, str]:
    """Over Socket Mode Slack needs no address."""
    return {key: f"{public_url.rstrip('/')}/webhooks/{webhook}"} if public_url else {}
