"""Who and what exists in the simulated Slack: the team, the app, its people, its channels."""

from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from simulators.people import DEMO_PEOPLE, Person, on_slack

Json: TypeAlias = dict[str, Any]
ChannelKind: TypeAlias = Literal["channel", "group", "im"]

ALL_SCOPES = frozenset(
    (
        *("app_mentions:read", "assistant:write", "chat:write", "commands", "files:read", "users:read"),
        *("channels:history", "channels:join", "channels:read", "groups:history", "groups:read"),
        *("im:history", "im:read", "im:write", "mpim:history", "mpim:read", "mpim:write"),
        *("reactions:read", "reactions:write"),
    )
)
ALL_EVENTS = frozenset(
    (
        *("app_mention", "message.channels", "message.groups", "message.im"),
        *("assistant_thread_context_changed", "assistant_thread_started"),
        *("reaction_added", "reaction_removed"),
    )
)


@dataclass(frozen=True)
class Channel:
    id: str
    name: str
    kind: ChannelKind = "channel"
    members: tuple[str, ...] = ()
    """For a private channel and a DM who is in; a public channel lists only whether the bot is."""


BOT_USER_ID = "U0BOT"
DEMO_CHANNELS = (
    Channel("C0GENERAL", "general", members=(BOT_USER_ID,)),
    Channel("C0RANDOM", "random", members=(BOT_USER_ID,)),
    Channel("C0LOUNGE", "lounge"),
)


@dataclass(frozen=True)
class SlackConfig:
    """The fixed facts of the workspace. `subscriptions` uses the names of Slack's app manifest."""

    people: tuple[Person, ...] = on_slack(DEMO_PEOPLE)
    channels: tuple[Channel, ...] = DEMO_CHANNELS
    team_id: str = "T0DEMO"
    team_name: str = "Saywhen Demo"
    domain: str = "saywhen-demo"
    app_id: str = "A0DEMO"
    bot_user_id: str = BOT_USER_ID
    bot_id: str = "B0BOT"
    bot_name: str = "saywhen"
    bot_tokens: frozenset[str] = frozenset({"xoxb-demo"})
    app_tokens: frozenset[str] = frozenset({"xapp-demo"})
    signing_secret: str = "demo-signing-secret"
    verification_token: str = "demo-verification-token"
    scopes: frozenset[str] = field(default=ALL_SCOPES)
    subscriptions: frozenset[str] = field(default=ALL_EVENTS)
    other_bots: frozenset[str] = frozenset()
    """Users that are other apps' bots."""
    metadata_in_actions: bool = True
    """Whether the message in a button's payload has its metadata. It has in practice; Slack does not promise it."""
