"""The app as an assistant: threads that a person opens beside what they look at, with a title and suggested prompts."""

from dataclasses import replace

from simulators.people import Person
from simulators.slack import payloads
from simulators.slack.arguments import Call
from simulators.slack.config import Channel, Json
from simulators.slack.limits import ApiError
from simulators.slack.methods import Method
from simulators.slack.state import Message
from simulators.slack.workspace import Happened, Post, Refused, Workspace

STARTED, CONTEXT_CHANGED = "assistant_thread_started", "assistant_thread_context_changed"
MOST_PROMPTS = 4


class Assistant:
    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._state = workspace.state
        self._config = workspace.config

    def methods(self) -> dict[str, Method]:
        return {
            "assistant.threads.setTitle": Method(self.set_title, "assistant:write"),
            "assistant.threads.setSuggestedPrompts": Method(self.suggest, "assistant:write"),
        }

    # What people do

    def open(self, person: Person, context: Channel | None = None) -> Happened:
        """A person opens a new chat; its first message is Slack's own, in the app's name."""
        channel = self._workspace.dm_with(person.slack_user_id)
        with self._state.together():
            post = Post("New Assistant Thread", extra={"assistant": {"title": "", "prompts": []}})
            root = self._workspace.put(post, channel, subtype="assistant_app_thread")
            return Happened(root, self._tell(STARTED, root, person, context))

    def look_at(self, root: Message, person: Person, context: Channel) -> Happened:
        """The person looks at another place while the chat is open."""
        self._check(root)
        with self._state.together():
            return Happened(root, self._tell(CONTEXT_CHANGED, root, person, context))

    def _tell(self, kind: str, root: Message, person: Person, context: Channel | None) -> tuple[str, ...]:
        if kind not in self._config.subscriptions:
            return ()
        event = payloads.assistant_thread(
            kind,
            user=person.slack_user_id,
            message=root,
            context=context.id if context else "",
            team=self._config.team_id,
            ts=self._state.next_ts(self._workspace.timestamp()),
        )
        return (self._workspace.emit(event),)

    # What the app does

    def set_title(self, call: Call) -> Json:
        root = self._thread(call)
        (title,) = call.required("title")
        self._keep(root, title=title)
        return {}

    def suggest(self, call: Call) -> Json:
        root = self._thread(call)
        prompts = call.json("prompts", error="invalid_arguments")
        if not isinstance(prompts, list) or not 1 <= len(prompts) <= MOST_PROMPTS:
            raise ApiError("invalid_arguments", f"prompts must be a list of 1 to {MOST_PROMPTS}")
        if not all(isinstance(each, dict) and each.get("title") and each.get("message") for each in prompts):
            raise ApiError("invalid_arguments", "each prompt has a title and a message")
        self._keep(root, prompts=prompts, prompts_title=call.text("title"))
        return {}

    def _keep(self, root: Message, **changes: object) -> None:
        self._state.put_message(
            replace(root, extra={**root.extra, "assistant": {**root.extra["assistant"], **changes}})
        )

    def _thread(self, call: Call) -> Message:
        channel, ts = call.required("channel_id", "thread_ts")
        if self._state.channel(channel) is None:
            raise ApiError("channel_not_found")
        root = self._state.message(channel, ts)
        if root is None or root.deleted or "assistant" not in root.extra:
            raise ApiError("invalid_thread_ts")
        return root

    def _check(self, root: Message) -> None:
        if "assistant" not in root.extra:
            raise Refused(f"{root.ts} is no chat with the assistant")
