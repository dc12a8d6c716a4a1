"""Web API methods with which the app looks: auth.test, conversations.*, users.*, bots.info."""

import base64
import binascii
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

from simulators.people import Person
from simulators.slack import payloads
from simulators.slack.arguments import Call
from simulators.slack.config import Channel, Json
from simulators.slack.limits import ApiError
from simulators.slack.methods import Method
from simulators.slack.socket_mode import SocketMode
from simulators.slack.state import Message
from simulators.slack.workspace import Workspace

Item = TypeVar("Item")
MOST_PER_PAGE = 999


class Reading:
    def __init__(self, workspace: Workspace, *, now: Callable[[], datetime], sockets: SocketMode) -> None:
        self._workspace = workspace
        self._state = workspace.state
        self._config = workspace.config
        self._now = now
        self._sockets = sockets

    def methods(self) -> dict[str, Method]:
        return {
            "api.test": Method(lambda call: {"args": call.values}, token="none"),
            "apps.connections.open": Method(
                lambda call: {"url": self._sockets.open_url(call.base_url)}, token="app"
            ),
            "auth.test": Method(self.auth_test),
            "bots.info": Method(self.bot_info, "users:read"),
            "conversations.history": Method(self.history, "channels:history"),
            "conversations.info": Method(self.info, "channels:read"),
            "conversations.join": Method(self.join, "channels:join"),
            "conversations.list": Method(self.list_channels, "channels:read"),
            "conversations.members": Method(self.members, "channels:read"),
            "conversations.open": Method(self.open_dm, "im:write"),
            "conversations.replies": Method(self.replies, "channels:history"),
            "users.info": Method(self.user_info, "users:read"),
            "users.list": Method(self.list_users, "users:read"),
        }

    def auth_test(self, _call: Call) -> Json:
        return {
            "url": f"https://{self._config.domain}.slack.com/",
            "team": self._config.team_name,
            "user": self._config.bot_name,
            "team_id": self._config.team_id,
            "user_id": self._config.bot_user_id,
            "bot_id": self._config.bot_id,
            "is_enterprise_install": False,
        }

    def bot_info(self, call: Call) -> Json:
        if call.text("bot", self._config.bot_id) != self._config.bot_id:
            raise ApiError("bot_not_found")
        profile = {k: v for k, v in payloads.bot_profile(self._config).items() if k != "team_id"}
        return {"bot": {**profile, "user_id": self._config.bot_user_id}}

    # Conversations

    def info(self, call: Call) -> Json:
        return {"channel": self._shown(self._channel(call))}

    def join(self, call: Call) -> Json:
        channel = self._channel(call)
        if channel.kind != "channel":
            raise ApiError("method_not_supported_for_channel_type")
        if not self._workspace.bot_is_in(channel):
            joined = Channel(
                channel.id, channel.name, channel.kind, (*channel.members, self._config.bot_user_id)
            )
            self._state.put_channel(joined)
            channel = joined
        return {"channel": self._shown(channel)}

    def list_channels(self, call: Call) -> Json:
        wanted = call.text("types", "public_channel").replace("public_channel", "channel")
        kinds = {kind.strip().replace("private_channel", "group") for kind in wanted.split(",")}
        found = [self._shown(channel) for channel in self._state.channels() if channel.kind in kinds]
        page, metadata = _page(call, found, default=100)
        return {"channels": page, "response_metadata": metadata}

    def members(self, call: Call) -> Json:
        members = self._members(self._channel(call))
        page, metadata = _page(call, members, default=100)
        return {"members": page, "response_metadata": metadata}

    def open_dm(self, call: Call) -> Json:
        if ref := call.text("channel"):
            channel = self._state.channel(ref)
            if channel is None or channel.kind != "im":
                raise ApiError("channel_not_found")
            return {"no_op": True, "already_open": True, "channel": self._opened(channel, call)}
        users = [user.strip() for user in call.text("users").split(",") if user.strip()]
        if not users:
            raise ApiError("users_list_not_supplied")
        if len(users) > 1:
            raise ApiError("method_not_supported_for_channel_type")
        person = self._workspace.person(users[0])
        if person is None or person.slack_user_id != users[0]:
            raise ApiError("user_not_found")
        return {"channel": self._opened(self._workspace.dm_with(person.slack_user_id), call)}

    def history(self, call: Call) -> Json:
        channel = self._channel(call, must_be_in=True)
        top_level = [
            message
            for message in self._visible(channel)
            if not message.is_reply or message.message.get("subtype") == "thread_broadcast"
        ]
        newest_first = [self._message(m, call) for m in reversed(_between(call, top_level))]
        page, metadata = _page_by_ts(call, newest_first, default=100, newest_first=True)
        more = bool(metadata["next_cursor"])
        return {
            "messages": page,
            "has_more": more,
            "pin_count": 0,
            **({"response_metadata": metadata} if more else {}),
        }

    def replies(self, call: Call) -> Json:
        channel = self._channel(call, must_be_in=True)
        (ts,) = call.required("ts")
        root = self._state.message(channel.id, ts)
        if root is None:
            raise ApiError("thread_not_found")
        if root.is_reply:
            return {"messages": [self._message(root, call)], "has_more": False}
        replies = [m for m in self._visible(channel) if m.is_reply and m.thread_ts == ts]
        if root.deleted and not replies:
            raise ApiError("thread_not_found")
        # Slack returns the root on every page and applies oldest and latest to the replies only.
        shown = [self._message(message, call) for message in _between(call, replies)]
        page, metadata = _page_by_ts(call, shown, default=MOST_PER_PAGE, newest_first=False)
        more = bool(metadata["next_cursor"])
        return {
            "messages": [self._message(root, call), *page],
            "has_more": more,
            **({"response_metadata": metadata} if more else {}),
        }

    def _visible(self, channel: Channel) -> list[Message]:
        found = self._state.messages_in(channel.id)
        roots = {m.thread_ts for m in found if m.is_reply and not m.deleted}
        return [m for m in found if "ephemeral_to" not in m.extra and (not m.deleted or m.ts in roots)]

    def _message(self, message: Message, call: Call) -> Json:
        shown = self._workspace.with_replies(message)
        if not call.flag("include_all_metadata"):
            shown.pop("metadata", None)
        return shown

    def _channel(self, call: Call, *, must_be_in: bool = False) -> Channel:
        (ref,) = call.required("channel")
        channel = self._state.channel(ref)
        inside = channel is not None and self._workspace.bot_is_in(channel)
        if channel is None or (channel.kind != "channel" and not inside):
            raise ApiError("channel_not_found")
        if must_be_in and not inside:
            raise ApiError("not_in_channel")
        return channel

    def _members(self, channel: Channel) -> list[str]:
        if channel.kind != "channel":
            return list(channel.members)
        return [p.slack_user_id for p in self._workspace.people()] + list(channel.members)

    def _opened(self, channel: Channel, call: Call) -> Json:
        return self._shown(channel) if call.flag("return_im") else {"id": channel.id}

    def _shown(self, channel: Channel) -> Json:
        common = {"id": channel.id, "created": 1607307935, "is_archived": False, "is_org_shared": False}
        if channel.kind == "im":
            user = self._workspace.user_of_dm(channel)
            return {**common, "is_im": True, "user": user, "is_user_deleted": False, "priority": 0}
        return {
            **common,
            "name": channel.name,
            "name_normalized": channel.name,
            "is_channel": channel.kind == "channel",
            "is_group": channel.kind == "group",
            "is_im": False,
            "is_mpim": False,
            "is_private": channel.kind == "group",
            "is_general": channel.name == "general",
            "is_member": self._workspace.bot_is_in(channel),
            "is_shared": False,
            "is_ext_shared": False,
            "context_team_id": self._config.team_id,
            "topic": {"value": "", "creator": "", "last_set": 0},
            "purpose": {"value": "", "creator": "", "last_set": 0},
            "num_members": len(self._members(channel)),
        }

    # Users

    def user_info(self, call: Call) -> Json:
        (user_id,) = call.required("user")
        people = (self._workspace.bot(), *self._workspace.people())
        person = next((p for p in people if p.slack_user_id == user_id), None)
        if person is None:
            raise ApiError("user_not_found")
        return {"user": self._user(person)}

    def list_users(self, call: Call) -> Json:
        users = [self._user(p) for p in (self._workspace.bot(), *self._workspace.people())]
        page, metadata = _page(call, users, default=MOST_PER_PAGE)
        return {"members": page, "cache_ts": int(self._now().timestamp()), "response_metadata": metadata}

    def _user(self, person: Person) -> Json:
        local = self._now().astimezone(ZoneInfo(person.tz))
        offset = local.utcoffset() or timedelta()
        is_bot = person.slack_user_id in {self._config.bot_user_id, *self._config.other_bots}
        return payloads.user_object(
            person,
            self._config,
            tz_label=local.tzname() or person.tz,
            tz_offset=int(offset.total_seconds()),
            is_bot=is_bot,
        )


def _between(call: Call, messages: list[Message]) -> list[Message]:
    """Those after `oldest` and before `latest`; the ends count only when `inclusive`."""
    oldest, latest = call.text("oldest") or "0", call.text("latest")
    inclusive = call.flag("inclusive")
    try:
        low, high = float(oldest), float(latest) if latest else float("inf")
    except ValueError:
        raise ApiError("invalid_ts_latest" if latest else "invalid_ts_oldest") from None

    def fits(ts: str) -> bool:
        if inclusive and ts in (oldest, latest):
            return True
        return low < float(ts) < high and ts not in (oldest, latest)

    return [message for message in messages if fits(message.ts)]


def _page(call: Call, items: list[Item], *, default: int) -> tuple[list[Item], Json]:
    limit = _limit(call, default)
    after = _read_cursor(call, "next")
    try:
        start = int(after or 0)
    except ValueError:
        raise ApiError("invalid_cursor") from None
    end = start + limit
    return items[start:end], {"next_cursor": _cursor("next", str(end)) if end < len(items) else ""}


def _page_by_ts(
    call: Call, shown: list[Json], *, default: int, newest_first: bool
) -> tuple[list[Json], Json]:
    """A page of messages: the cursor names the next ts, so new arrivals shift nothing."""
    limit = _limit(call, default)
    start = _read_cursor(call, "next_ts")
    if start:
        shown = [m for m in shown if (m["ts"] <= start if newest_first else m["ts"] >= start)]
    rest = shown[limit:]
    return shown[:limit], {"next_cursor": _cursor("next_ts", rest[0]["ts"]) if rest else ""}


def _limit(call: Call, default: int) -> int:
    limit = call.number("limit", default)
    if not 1 <= limit <= MOST_PER_PAGE + 1:
        raise ApiError("invalid_limit")
    return limit


def _cursor(kind: str, value: str) -> str:
    return base64.b64encode(f"{kind}:{value}".encode()).decode()


def _read_cursor(call: Call, kind: str) -> str:
    cursor = call.text("cursor")
    if not cursor:
        return ""
    try:
        found, _, value = base64.b64decode(cursor, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise ApiError("invalid_cursor") from None
    if found != kind:
        raise ApiError("invalid_cursor")
    return value
