"""The shapes that Slack sends to an app, built from what happened; pure, checked against recorded samples."""

from simulators.people import Person
from simulators.slack.config import Channel, Json, SlackConfig
from simulators.slack.rich_text import escape_once
from simulators.slack.state import Message

SHOWN_CHANNEL_TYPE = {"channel": "channel", "group": "group", "im": "im"}


def event_callback(config: SlackConfig, event: Json, *, event_id: str, event_time: int) -> Json:
    """The envelope around every event of the Events API, over HTTP and over a socket."""
    where = event.get("channel") or event.get("item", {}).get("channel") or ""
    return {
        "token": config.verification_token,
        "team_id": config.team_id,
        "context_team_id": config.team_id,
        "context_enterprise_id": None,
        "api_app_id": config.app_id,
        "event": event,
        "type": "event_callback",
        "event_id": event_id,
        "event_time": event_time,
        "authorizations": [
            {
                "enterprise_id": None,
                "team_id": config.team_id,
                "user_id": config.bot_user_id,
                "is_bot": True,
                "is_enterprise_install": False,
            }
        ],
        "is_ext_shared_channel": False,
        "event_context": f"1-{event['type']}-{config.team_id}-{where}",
    }


def bot_profile(config: SlackConfig) -> Json:
    icons = {
        f"image_{size}": f"https://a.slack-edge.com/80588/img/plugins/app/bot_{size}.png" for size in (36, 48)
    }
    return {
        "id": config.bot_id,
        "deleted": False,
        "name": config.bot_name,
        "updated": 1607307935,
        "app_id": config.app_id,
        "icons": {**icons, "image_72": "https://a.slack-edge.com/80588/img/plugins/app/service_72.png"},
        "team_id": config.team_id,
    }


def placed(message: Message, channel: Channel) -> Json:
    """A stored message as a `message` event: the message plus where it is."""
    return {
        **message.message,
        "channel": channel.id,
        "event_ts": message.ts,
        "channel_type": SHOWN_CHANNEL_TYPE[channel.kind],
    }


def app_mention(message: Message) -> Json:
    """The second event of a mention: the same message and ts, another type, no channel_type."""
    left_out = ("subtype", "root", "metadata")
    kept = {key: value for key, value in message.message.items() if key not in left_out}
    return {**kept, "type": "app_mention", "channel": message.channel, "event_ts": message.ts}


def message_changed(after: Json, before: Json, channel: Channel, *, ts: str) -> Json:
    return {
        "type": "message",
        "subtype": "message_changed",
        "message": after,
        "previous_message": before,
        "channel": channel.id,
        "hidden": True,
        "ts": ts,
        "event_ts": ts,
        "channel_type": SHOWN_CHANNEL_TYPE[channel.kind],
    }


def message_deleted(before: Json, channel: Channel, *, ts: str) -> Json:
    return {
        "type": "message",
        "subtype": "message_deleted",
        "previous_message": before,
        "channel": channel.id,
        "hidden": True,
        "deleted_ts": before["ts"],
        "event_ts": ts,
        "ts": ts,
        "channel_type": SHOWN_CHANNEL_TYPE[channel.kind],
    }


def tombstone(before: Json) -> Json:
    """What stays of a deleted message that has replies."""
    return {
        "type": "message",
        "subtype": "tombstone",
        "text": "This message was deleted.",
        "user": "USLACKBOT",
        "hidden": True,
        "ts": before["ts"],
        "thread_ts": before["ts"],
    }


def reaction(kind: str, *, user: str, name: str, message: Message, ts: str) -> Json:
    return {
        "type": kind,
        "user": user,
        "item": {"type": "message", "channel": message.channel, "ts": message.ts},
        "reaction": name,
        "item_user": message.sender,
        "event_ts": ts,
    }


def assistant_thread(kind: str, *, user: str, message: Message, context: str, team: str, ts: str) -> Json:
    """A chat with the assistant was opened, or its person looks at another channel."""
    place = {"channel_id": context, "team_id": team, "enterprise_id": None} if context else {}
    return {
        "type": kind,
        "assistant_thread": {
            "user_id": user,
            "context": place,
            "channel_id": message.channel,
            "thread_ts": message.ts,
        },
        "event_ts": ts,
    }


# Frames of Socket Mode


def hello(config: SlackConfig, *, connections: int, host: str) -> Json:
    return {
        "type": "hello",
        "num_connections": connections,
        "debug_info": {"host": host, "build_number": 10, "approximate_connection_time": 18060},
        "connection_info": {"app_id": config.app_id},
    }


def disconnect(reason: str, *, host: str) -> Json:
    return {"type": "disconnect", "reason": reason, "debug_info": {"host": host}}


def envelope(kind: str, payload: Json, *, envelope_id: str) -> Json:
    accepts = kind != "events_api"
    return {"envelope_id": envelope_id, "payload": payload, "type": kind, "accepts_response_payload": accepts}


# What people do besides writing


def user_ref(person: Person, config: SlackConfig) -> Json:
    return {
        "id": person.slack_user_id,
        "username": person.name,
        "name": person.name,
        "team_id": config.team_id,
    }


def block_actions(
    config: SlackConfig,
    *,
    person: Person,
    channel: Channel,
    message: Message,
    action: Json,
    trigger_id: str,
    response_url: str,
) -> Json:
    left_out = () if config.metadata_in_actions else ("metadata",)
    shown = {key: value for key, value in message.message.items() if key not in left_out}
    label = action.get("text")
    if isinstance(label, dict):
        action = {**action, "text": {**label, "text": escape_once(str(label.get("text", "")))}}
    return {
        "type": "block_actions",
        "user": user_ref(person, config),
        "api_app_id": config.app_id,
        "token": config.verification_token,
        "container": {
            "type": "message",
            "message_ts": message.ts,
            "channel_id": channel.id,
            "is_ephemeral": "ephemeral_to" in message.extra,
            **({"thread_ts": message.thread_ts} if message.is_reply else {}),
        },
        "trigger_id": trigger_id,
        "team": {"id": config.team_id, "domain": config.domain},
        "enterprise": None,
        "is_enterprise_install": False,
        "channel": {"id": channel.id, "name": "directmessage" if channel.kind == "im" else channel.name},
        "message": shown,
        "state": {"values": {}},
        "response_url": response_url,
        "actions": [action],
    }


def slash_command(
    config: SlackConfig,
    *,
    person: Person,
    channel: Channel,
    command: str,
    text: str,
    trigger_id: str,
    response_url: str,
) -> Json:
    return {
        "token": config.verification_token,
        "team_id": config.team_id,
        "team_domain": config.domain,
        "channel_id": channel.id,
        "channel_name": "directmessage" if channel.kind == "im" else channel.name,
        "user_id": person.slack_user_id,
        "user_name": person.name,
        "command": command,
        "text": text,
        "api_app_id": config.app_id,
        "is_enterprise_install": "false",
        "response_url": response_url,
        "trigger_id": trigger_id,
    }


def view_submission(
    config: SlackConfig, *, person: Person, view: Json, values: Json, trigger_id: str
) -> Json:
    return {
        "type": "view_submission",
        "team": {"id": config.team_id, "domain": config.domain},
        "user": user_ref(person, config),
        "api_app_id": config.app_id,
        "token": config.verification_token,
        "trigger_id": trigger_id,
        "view": {**view, "state": {"values": values}},
        "response_urls": [],
        "is_enterprise_install": False,
        "enterprise": None,
    }


def user_object(
    person: Person, config: SlackConfig, *, tz_label: str, tz_offset: int, is_bot: bool = False
) -> Json:
    real_name = person.real_name or person.name.capitalize()
    profile = {
        "title": "",
        "phone": "",
        "skype": "",
        "real_name": real_name,
        "real_name_normalized": real_name,
        "display_name": person.name,
        "display_name_normalized": person.name,
        "status_text": "",
        "status_emoji": "",
        "status_expiration": 0,
        "avatar_hash": "g" + person.slack_user_id.lower(),
        "team": config.team_id,
        **({"api_app_id": config.app_id, "bot_id": config.bot_id, "always_active": True} if is_bot else {}),
    }
    return {
        "id": person.slack_user_id,
        "team_id": config.team_id,
        "name": person.name,
        "deleted": False,
        "color": "9f69e7",
        "real_name": real_name,
        "tz": person.tz,
        "tz_label": tz_label,
        "tz_offset": tz_offset,
        "profile": profile,
        "is_admin": False,
        "is_owner": False,
        "is_primary_owner": False,
        "is_restricted": False,
        "is_ultra_restricted": False,
        "is_bot": is_bot,
        "is_app_user": False,
        "updated": 1607307935,
        "is_email_confirmed": not is_bot,
        "who_can_share_contact_card": "EVERYONE",
    }
