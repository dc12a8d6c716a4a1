"""What a test says the model shall answer: a queue of replies, or a function of the request."""

import base64
import json
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Self

from simulators.messages_faults import Fault

Request = Mapping[str, Any]


class ScriptEmpty(Exception):
    """The script has no reply left for this call."""


@dataclass(frozen=True)
class Reply:
    """One answer; the first of body, content, text and step that is given is what is sent.

    What it says is checked against the request's schema unless `raw` is set or it is a `body`.
    """

    step: Any = None
    text: str | None = None
    content: Any = None  # content blocks; None, or anything else that is sent for "content" with raw
    body: bytes | None = None  # with status and headers: a whole HTTP answer, streamed or not
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    stop_reason: str | None = None
    stop_details: Mapping[str, Any] | None = None
    usage: Mapping[str, Any] = field(default_factory=dict)  # laid over the computed usage
    message: Mapping[str, Any] = field(default_factory=dict)  # laid over the whole message
    model: str | None = None
    raw: bool = False
    delay: float = 0.0
    fault: Fault | None = None

    @classmethod
    def of(cls, given: Any) -> Self:
        """Read the short forms: a Reply, a Fault, a text, raw bytes, a step, or a mapping of our fields."""
        if isinstance(given, cls):
            return given
        if isinstance(given, Fault):
            return cls(fault=given)
        if isinstance(given, str):
            return cls(text=given)
        if isinstance(given, bytes):
            return cls(body=given)
        if not isinstance(given, Mapping):
            raise TypeError(
                f"a reply is a Reply, a Fault, text, bytes or a mapping, not {type(given).__name__}"
            )
        return cls(step=given) if "intent" in given else cls._from_json(given)

    @classmethod
    def _from_json(cls, given: Mapping[str, Any]) -> Self:
        known = {each.name for each in fields(cls)} | {"body_base64"}
        if unknown := sorted(set(given) - known):
            raise ValueError(f"a reply has no {', '.join(unknown)}; it has {', '.join(sorted(known))}")
        read = dict(given)
        if isinstance(read.get("body"), str):
            read["body"] = read["body"].encode()
        if (encoded := read.pop("body_base64", None)) is not None:
            read["body"] = base64.b64decode(encoded)
        if isinstance(read.get("fault"), str):
            read["fault"] = Fault(read["fault"])
        elif isinstance(read.get("fault"), Mapping):
            read["fault"] = Fault.from_json(read["fault"])
        if "content" in read and read["content"] is None:
            read["message"] = {**read.get("message", {}), "content": None}
        return cls(**read)

    def blocks(self) -> list[dict[str, Any]]:
        if self.content is not None:
            return [dict(block) for block in self.content]
        text = self.text if self.text is not None else json.dumps(self.step, ensure_ascii=False)
        return [{"type": "text", "text": text}]


Answer = Callable[[Request], Any]


class Script:
    """Replies in order; when they run out, `otherwise` answers, and without it the call fails loudly."""

    def __init__(self, replies: Iterable[Any] | Answer = (), *, otherwise: Answer | None = None) -> None:
        self._queue: deque[Reply] = deque()
        self._otherwise = otherwise
        if callable(replies):
            self._otherwise = replies
        else:
            self.add(*replies)

    def add(self, *replies: Any) -> None:
        self._queue.extend(Reply.of(each) for each in replies)

    def clear(self) -> None:
        self._queue.clear()

    @property
    def left(self) -> int:
        return len(self._queue)

    def next(self, request: Request) -> Reply:
        reply = self.peek(request)
        if self._queue:
            self._queue.popleft()
        return reply

    def peek(self, request: Request) -> Reply:
        """The reply that `next` would give: what a call that is cut off half way was about to say."""
        if self._queue:
            return self._queue[0]
        if self._otherwise is None:
            raise ScriptEmpty("simulator: the script has no reply left for this call")
        return Reply.of(self._otherwise(request))
