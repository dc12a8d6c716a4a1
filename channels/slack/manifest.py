"""The Slack app that this channel needs: exactly the scopes and events that are built."""

from typing import Any

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
EVENTS = ("app_mention", "message.channels", "message.groups", "message.im", "message.mpim")
APP_SCOPE = "connections:write"
"""Of the app-level token; a manifest cannot ask for it."""


def needed_scopes() -> frozenset[str]:
    return frozenset(SCOPES)


def manifest(name: str = "Saywhen") -> dict[str, Any]:
    """For api.slack.com/apps, "from a manifest"."""
    return {
        "display_information": {
            "name": name,
            "description": "An agent that asks the right person before anything risky.",
        },
        "features": {
            "app_home": {"messages_tab_enabled": True, "messages_tab_read_only_enabled": False},
            "bot_user": {"display_name": name.lower(), "always_online": True},
        },
        "oauth_config": {"scopes": {"bot": sorted(SCOPES)}},
        "settings": {
            "event_subscriptions": {"bot_events": list(EVENTS)},
            "interactivity": {"is_enabled": True},
            "org_deploy_enabled": False,
            "socket_mode_enabled": True,
            "token_rotation_enabled": False,
        },
    }
