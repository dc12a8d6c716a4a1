"""Web API methods with which the app writes: chat.*, reactions.*, its status."""

from simulators.slack import limits, rich_text
from simulators.slack.arguments import Call
from simulators.slack.config import Channel, Json
from simulators.slack.limits import ApiError
from simulators.slack.methods import Method
from simulators.slack.state import Message
from simulators.slack.workspace import Post, Workspace


class Writing:
    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._state = workspace.state
        self._config = workspace.config

    def methods(self) -> dict[str, Method]:
        return {
            "chat.postMessage": Method(self.post_message, "chat:write"),
            "chat.postEphemeral": Method(self.post_ephemeral, "chat:write"),
            "chat.update": Method(self.update, "chat:write"),
            "chat.delete": Method(self.delete, "chat:write"),
            "chat.getPermalink": Method(self.permalink),
            "chat.startStream": Method(self.start_stream, "chat:write"),
            "chat.appendStream": Method(self.append_stream, "chat:write"),
            "chat.stopStream": Method(self.stop_stream, "chat:write"),
            "reactions.add": Method(lambda call: self.react(call, add=True), "reactions:write"),
            "reactions.remove": Method(lambda call: self.react(call, add=False), "reactions:write"),
            "assistant.threads.setStatus": Method(self.set_status, "chat:write"),
        }

    def post_message(self, call: Call) -> Json:
        channel = self._channel_to_post_in(call)
        post, warnings = self._read_post(call)
        happened = self._workspace.post(post, channel)
        shown = happened.message.message
        return {
            "channel": channel.id,
            "ts": happened.message.ts,
            "message": shown,
            **(
                {"warning": ",".join(warnings), "response_metadata": {"warnings": warnings}}
                if warnings
                else {}
            ),
        }

    def post_ephemeral(self, call: Call) -> Json:
        (user,) = call.required("user")
        channel = self._channel_to_post_in(call)
        if self._workspace.person(user) is None:
            raise ApiError("user_not_in_channel")
        post, _ = self._read_post(call)
        extra = {**(post.extra or {}), "ephemeral_to": user}
        post = Post(post.text, post.blocks, None, post.thread_ts, extra=extra)
        return {"message_ts": self._workspace.post(post, channel).message.ts}

    def update(self, call: Call) -> Json:
        message = self._own_message(call, error="cant_update_message")
        blocks = call.blocks()
        text = rich_text.posted_text(call.text("text") or call.text("markdown_text"))
        if not text and not blocks and call.values.get("attachments") is None:
            raise ApiError("no_text")
        limits.check_update_text(text)
        limits.check_blocks(blocks or [])
        metadata = self._metadata(call)
        text = text or str(message.message["text"])
        changes: Json = {"text": text, "blocks": self._workspace.blocks_for(text, blocks)}
        if metadata is not None:
            changes["metadata"] = metadata
        after = self._workspace.update(message, **changes).message
        return {"channel": message.channel, "ts": message.ts, "text": text, "message": after.message}

    def delete(self, call: Call) -> Json:
        message = self._own_message(call, error="cant_delete_message")
        self._workspace.delete(message)
        return {"channel": message.channel, "ts": message.ts}

    def permalink(self, call: Call) -> Json:
        channel, ts = call.required("channel", "message_ts")
        message = self._message(channel, ts)
        place = f"{message.channel}/p{message.ts.replace('.', '')}"
        return {
            "channel": message.channel,
            "permalink": f"https://{self._config.domain}.slack.com/archives/{place}",
        }

    def start_stream(self, call: Call) -> Json:
        call.required("thread_ts")
        channel = self._channel_to_post_in(call)
        text = call.text("markdown_text")
        limits.check_markdown_text(text)
        post = Post(
            rich_text.posted_text(text), None, None, call.text("thread_ts"), extra={"streaming": True}
        )
        return {"channel": channel.id, "ts": self._workspace.post(post, channel).message.ts}

    def append_stream(self, call: Call) -> Json:
        call.required("markdown_text")
        return self._stream(call, goes_on=True)

    def stop_stream(self, call: Call) -> Json:
        answer = self._stream(call, goes_on=False)
        message = self._message(answer["channel"], answer["ts"])
        return {**answer, "message": message.message}

    def _stream(self, call: Call, *, goes_on: bool) -> Json:
        message = self._own_message(call, error="cant_update_message")
        if not message.extra.get("streaming"):
            raise ApiError("message_not_in_streaming_state")
        text = str(message.message["text"]) + rich_text.posted_text(call.text("markdown_text"))
        limits.check_markdown_text(text)
        blocks = call.blocks()
        limits.check_blocks(blocks or [])
        body = {**message.message, "text": text, "blocks": self._workspace.blocks_for(text, blocks)}
        if (metadata := self._metadata(call)) is not None:
            body["metadata"] = metadata
        extra = {**message.extra, "streaming": goes_on}
        self._state.put_message(
            Message(message.channel, message.ts, message.sender, body, message.thread_ts, extra=extra)
        )
        return {"channel": message.channel, "ts": message.ts}

    def react(self, call: Call, *, add: bool) -> Json:
        channel, ts, name = call.required("channel", "timestamp", "name")
        message = self._message(channel, ts)
        self._workspace.react(message, name.strip(":"), self._config.bot_user_id, add=add)
        return {}

    def set_status(self, call: Call) -> Json:
        channel, thread_ts = call.required("channel_id", "thread_ts")
        self._message(channel, thread_ts)
        if call.values.get("status") is None:
            raise ApiError("invalid_arguments", "missing required field: status")
        status = call.text("status")
        if status:
            self._workspace.statuses[channel, thread_ts] = status
        else:
            self._workspace.statuses.pop((channel, thread_ts), None)
        self._state.version += 1
        return {}

    # Reading the arguments

    def _read_post(self, call: Call) -> tuple[Post, list[str]]:
        blocks = call.blocks()
        markdown = call.text("markdown_text")
        if markdown and (blocks or call.text("text")):
            raise ApiError("markdown_text_conflict")
        if not (markdown or call.text("text") or blocks or call.values.get("attachments")):
            raise ApiError("no_text")
        limits.check_markdown_text(markdown)
        limits.check_blocks(blocks or [])
        text, cut = limits.cut_text(rich_text.posted_text(markdown or call.text("text")))
        flags = ("unfurl_links", "unfurl_media", "mrkdwn", "link_names")
        extra = {name: flag for name in flags if (flag := call.optional_flag(name)) is not None}
        broadcast = call.flag("reply_broadcast")
        metadata = self._metadata(call)
        post = Post(text, blocks, metadata, call.text("thread_ts") or None, broadcast, extra)
        return post, ["message_truncated"] if cut else []

    def _metadata(self, call: Call) -> Json | None:
        metadata = call.json("metadata", error="invalid_metadata_format")
        if metadata is None:
            return None
        limits.check_metadata(metadata)
        return dict(metadata)

    def _channel_to_post_in(self, call: Call) -> Channel:
        (ref,) = call.required("channel")
        person = self._workspace.person(ref) if ref[:1] in "UW" else None
        if person is not None:
            return self._workspace.dm_with(person.slack_user_id)
        channel = self._workspace.channel(ref)
        if channel is None or (channel.kind == "group" and not self._workspace.bot_is_in(channel)):
            raise ApiError("channel_not_found")
        if not self._workspace.bot_is_in(channel):
            raise ApiError("not_in_channel")
        return channel

    def _own_message(self, call: Call, *, error: str) -> Message:
        channel, ts = call.required("channel", "ts")
        message = self._message(channel, ts)
        if message.sender != self._config.bot_user_id:
            raise ApiError(error)
        return message

    def _message(self, channel: str, ts: str) -> Message:
        if self._state.channel(channel) is None:
            raise ApiError("channel_not_found")
        message = self._state.message(channel, ts)
        if message is None or message.deleted:
            raise ApiError("message_not_found")
        return message
