"""What the model reads: a thread and its events become one request. Pure; the same log gives the same bytes.

One text block per event, in the order of the log, so that each request extends the one before it; what changes
all the time (the clock, open reminders, unresolved errors) comes last, after the cached part.
"""

import json
from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from html import escape
from zoneinfo import ZoneInfo

from pydantic import JsonValue

from bot import events as ev
from bot.canonical import canonical, digest, text_hash
from bot.events import AskSettings, Event, ModelAsked
from bot.ids import run_id
from bot.sizes import (
    LONGEST_ERROR,
    LONGEST_NAME,
    LONGEST_OPEN,
    LONGEST_REMINDER,
    MOST_OPEN,
    MOST_REMINDERS,
    shown_size,
)
from bot.thread import Answered, Thread

RENDER_VERSION = 2
_INVISIBLE = {code: " " for code in range(32) if chr(code) not in "\n\t"}
_STEP = json.JSONEncoder(ensure_ascii=False)
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True, slots=True)
class AgentTexts:
    """The fixed texts of an agent: its prompt, its tools, and the schema of its steps as JSON.

    The schema keeps its own order: a model fills in fields in the order in which it reads them.
    """

    prompt: str
    tools: str
    output_schema: str

    def by_hash(self) -> dict[str, str]:
        return {_known_hash(text): text for text in (self.prompt, self.tools, self.output_schema)}

    @property
    def tokens(self) -> int:
        """About how many tokens are sent with every request."""
        return sum(len(text.encode()) for text in (self.prompt, self.tools)) // 4


Blocks = MutableMapping[tuple[int, int], str]
"""Blocks of a thread rendered before, by seq and clip: an event never changes, so neither does its block."""


@dataclass(frozen=True, slots=True)
class Ask:
    """What shapes one request besides the thread: who is asked, when, and with which settings."""

    model: str
    now: datetime
    settings: AskSettings


def needed(thread: Thread) -> set[int]:
    """The seqs of the events that the next request shows; `referred` names those they point at."""
    seqs = {entry.seq for entry in thread.window}
    seqs |= {timer.seq for timer in thread.timers.values() if timer.purpose == "remind"}
    seqs |= {approval.seq for approval in thread.approvals.values()}
    seqs |= {question.seq for question in thread.questions.values()}
    if thread.turn is not None:
        seqs |= {thread.turn.input}
        for fails in thread.runs[thread.turn.run].fails.values():
            seqs |= set(fails.seqs)
    return seqs


def referred(events: Iterable[Event]) -> set[int]:
    """The seqs of the inputs that these events read."""
    found: set[int] = set()
    for event in events:
        if isinstance(event.data, ev.TurnStarted | ev.TurnRead):
            found |= {event.data.input, event.data.version}
    return found


def asked(
    thread: Thread, body: Mapping[str, JsonValue], texts: AgentTexts, ask: Ask, *, degraded: bool
) -> ModelAsked:
    """The announcement of this request."""
    return ModelAsked(
        model=ask.model,
        now=ask.now,
        settings=ask.settings,
        prompt=_known_hash(texts.prompt),
        tools=_known_hash(texts.tools),
        output_schema=_known_hash(texts.output_schema),
        request=digest(body),
        estimated_tokens=texts.tokens + shown_size(thread, ask.settings.block_clip) // 4 + 1,
        degraded=degraded,
    )


def request(
    thread: Thread,
    events: Mapping[int, Event],
    texts: AgentTexts,
    ask: Ask,
    *,
    blocks: Blocks | None = None,
) -> dict[str, JsonValue]:
    """The body for the Messages API. `events` holds at least what `needed` and `referred` name.

    `blocks` saves rendering again what was rendered before; without it the bytes are the same.
    """
    settings = ask.settings
    stable = _stable(thread, events, settings.block_clip, {} if blocks is None else blocks)
    last = _situation(thread, events, ask)
    if not settings.structured:
        last += f"\nAnswer with one JSON object only, by this schema: {texts.output_schema}"
    content: list[JsonValue] = []
    for number, (block, looked_at) in enumerate(stable, start=1):
        content += looked_at
        content.append(_text(block, ttl=settings.cache_ttl if number == len(stable) else ""))
    body: dict[str, JsonValue] = {
        "model": ask.model,
        "max_tokens": settings.max_tokens,
        "system": [_text(texts.prompt), _text(texts.tools, ttl=settings.cache_ttl)],
        "messages": [{"role": "user", "content": [*content, _text(last)]}],
    }
    if settings.structured:
        body["output_config"] = {
            "format": {"type": "json_schema", "schema": _known_schema(texts.output_schema)}
        }
    return body


@lru_cache(maxsize=64)
def _known_hash(text: str) -> str:
    """The hash of a text that is sent with every request."""
    return text_hash(text)


@lru_cache(maxsize=64)
def _known_schema(text: str) -> JsonValue:
    return _json(text)


def _json(text: str) -> JsonValue:
    value: JsonValue = json.loads(text)
    return value


def _text(text: str, *, ttl: str = "") -> dict[str, JsonValue]:
    block: dict[str, JsonValue] = {"type": "text", "text": text}
    if ttl:
        block["cache_control"] = {"type": "ephemeral", "ttl": ttl}
    return block


# ---------------------------------------------------------------- the part that only grows


def _stable(
    thread: Thread, events: Mapping[int, Event], clip: int, blocks: Blocks
) -> list[tuple[str, list[JsonValue]]]:
    """A text for each event, with the pictures and documents that come before it."""
    found: list[tuple[str, list[JsonValue]]] = []
    if thread.window_from:
        found.append((f'<earlier from="1" to="{thread.window_from}">left out</earlier>', []))
    for entry in thread.window:
        if block := _kept_block(thread, events, entry.seq, clip, blocks):
            found.append((block, _looked_at(events[entry.seq], events)))
    return found


def _looked_at(event: Event, events: Mapping[int, Event]) -> list[JsonValue]:
    """The pictures and documents of a message, as the API takes them."""
    data = event.data
    if isinstance(data, ev.TurnStarted | ev.TurnRead):
        data = events[data.version].data
    if not isinstance(data, ev.MessageReceived | ev.MessageEdited):
        return []
    return [
        {
            "type": "image" if block.kind == "image" else "document",
            "source": {"type": "base64", "media_type": block.media_type, "data": block.data},
        }
        for block in data.blocks
        if block.data
    ]


def _kept_block(thread: Thread, events: Mapping[int, Event], seq: int, clip: int, blocks: Blocks) -> str:
    kept = blocks.get((seq, clip))
    if kept is None:
        kept = _block(thread, events[seq], events, clip)
        # These say which message they are about, which depends on what the thread still knows.
        if not isinstance(events[seq].data, ev.MessageEdited | ev.MessageDeleted):
            blocks[seq, clip] = kept
    return kept


def _block(thread: Thread, event: Event, events: Mapping[int, Event], clip: int) -> str:  # noqa: C901 - one branch for each event type
    data, seq = event.data, event.seq
    match data:
        case ev.TurnStarted() | ev.TurnRead():
            return _read(events[data.input], events[data.version], clip, data.timezone)
        case ev.MessageReceived():
            return _element("message", _blocks(data.blocks, clip), seq=seq, **_who(data), to="a person")
        case ev.MessageEdited():
            return _element(
                "edited", _blocks(data.blocks, clip), seq=seq, of=_seq_of(thread, data.place), **_who(data)
            )
        case ev.MessageDeleted():
            return _element("deleted", "", seq=seq, of=_seq_of(thread, data.place))
        case ev.ModelAnswered(step=ev.Step() as step):
            return _element("step", _clipped(_step(step), clip), seq=seq)
        case ev.ToolFinished():
            return _element(
                "tool_result", _clipped(data.result, clip), seq=seq, tool=data.tool, status=data.status
            )
        case ev.ApprovalRequested():
            return _element("approval", "", seq=seq, tool=data.tool, status="asked for")
        case ev.ApprovalResolved():
            return _resolved(data, seq, clip)
        case ev.TaskStarted():
            return _element("task", _clipped(data.text, clip), seq=seq, tool=data.tool, status="started")
        case ev.TaskFinished():
            return _element("task", _clipped(data.result, clip), seq=seq, status=data.outcome)
        case ev.TakeoverStarted():
            return _element("person_called", _clipped(data.summary, clip), seq=seq, reason=data.reason)
        case ev.TurnEnded():
            return _element("ended", "", seq=seq, outcome=data.outcome)
        case _:
            return ""


def _step(step: ev.Step) -> str:
    """The step in the order in which the model writes it; its arguments in the order of canonical JSON."""
    action = step.proposed_action
    call: JsonValue = None
    if action is not None:
        call = (
            {"agent": action.agent}
            if action.agent
            else {"tool": action.tool, "args": _json(canonical(action.args))}
        )
    shown = {
        "intent": step.intent,
        "message": step.message,
        "confidence": step.confidence,
        "proposed_action": call,
    }
    return _STEP.encode(shown)


def _read(original: Event, version: Event, clip: int, timezone: str) -> str:
    data = version.data
    match data:
        case ev.MessageReceived() | ev.MessageEdited():
            sent_at = original.data.sent_at if isinstance(original.data, ev.MessageReceived) else None
            at = _written(sent_at or original.time, timezone)
            late = f"{_long(original.time - sent_at)} late" if sent_at else ""
            return _element(
                "message", _blocks(data.blocks, clip), seq=original.seq, **_who(data), at=at, came=late
            )
        case ev.TimerFired(purpose="expiry"):
            return _element("answer", "", seq=original.seq, status="nobody answered in time")
        case ev.TimerFired():
            return _element("reminder", _clipped(data.text, clip), seq=original.seq)
        case ev.QuestionAnswered():
            said = _clipped(data.option or data.text, clip)
            return _element("answer", said, seq=original.seq, from_=data.by.person)
        case ev.TaskFinished():
            return _element("task", _clipped(data.result, clip), seq=original.seq, status=data.outcome)
        case _:
            return ""


def _written(time: datetime, timezone: str) -> str:
    """When a message was written, as its sender's clock and calendar had it: "tomorrow" counts from there."""
    if not timezone:
        return ""
    local = time.astimezone(ZoneInfo(timezone))
    return f"{local:%Y-%m-%dT%H:%M} {_WEEKDAYS[local.weekday()]}"


def _long(time: timedelta) -> str:
    hours = time.total_seconds() / 3600
    if hours < 1:
        return f"{time.total_seconds() / 60:.0f} minutes"
    return f"{hours:.0f} hours" if hours < 48 else f"{hours / 24:.0f} days"


def _resolved(data: ev.ApprovalResolved, seq: int, clip: int) -> str:
    """How a request for a yes ended; an edit says what a person made of the arguments."""
    lines = [data.message, data.reason]
    if data.status == "edited" and data.final_args is not None:
        lines.append(f"a person changed the arguments to {canonical(data.final_args)}")
    said = _clipped("\n".join(filter(None, lines)), clip)
    by = ", ".join(data.by)
    return _element("approval", said, seq=seq, of=data.of, tool=data.tool, status=data.status, by=by)


def _who(data: ev.MessageReceived | ev.MessageEdited) -> dict[str, str]:
    return {"from_": (data.person or data.display or "guest")[:LONGEST_NAME]}


def _seq_of(thread: Thread, place: str) -> str:
    return next((str(seq) for seq, message in thread.messages.items() if message.place == place), "earlier")


def _blocks(blocks: Iterable[ev.Block], clip: int) -> str:
    """The blocks one after the other, at most `clip` bytes of all of them together."""
    shown: list[str] = []
    left = clip
    for block in blocks:
        if left <= 0 and shown:
            return "\n".join((*shown, "[clipped: there is more]"))
        shown.append(_content(block, left))
        left -= len(shown[-1].encode()) + 1
    return "\n".join(shown)


def _content(block: ev.Block, clip: int) -> str:
    if block.source == "person" and block.kind == "text" and block.name in ("", ev.INLINE):
        return _clipped(block.text, clip)
    if block.source == "person" and block.name == "subject":
        return _element("subject", _clipped(" ".join(block.text.split()), clip))
    about = {"kind": "" if block.kind == "text" else block.kind, "name": block.name[:LONGEST_NAME]}
    frame = len(_element(block.source, "-", **about).encode())
    return _element(block.source, _clipped(block.text, max(0, clip - frame)), **about)


def _element(tag: str, inner: str, **attributes: object) -> str:
    """`inner` is escaped already; attributes are escaped here, empty ones left out."""
    shown = "".join(
        f' {name.rstrip("_")}="{_plain(str(value)[:200], quote=True)}"'
        for name, value in attributes.items()
        if value not in ("", None)
    )
    return f"<{tag}{shown}>{inner}</{tag}>" if inner else f"<{tag}{shown}/>"


def _clipped(text: str, clip: int) -> str:
    """The text escaped, and at most `clip` bytes of it, with a mark that says what is missing."""
    shown = _plain(text)
    if len(shown) * 4 <= clip or len(shown.encode()) <= clip:
        return shown
    cut = shown.encode()[:clip].decode(errors="ignore")
    start = cut.rfind("&", max(0, len(cut) - 5))
    if start >= 0 and ";" not in cut[start:]:
        cut = cut[:start]
    return f"{cut}\n[clipped: {len(text)} characters in all]"


def _line(text: str, clip: int) -> str:
    """Like `_clipped`, in one line: what stands in the situation must not look like another line of it."""
    return _clipped(" ".join(text.split()), clip).replace("\n", " ")


def _plain(text: str, *, quote: bool = False) -> str:
    return escape(text, quote=quote).translate(_INVISIBLE)


# ---------------------------------------------------------------- the part that changes


def _situation(thread: Thread, events: Mapping[int, Event], ask: Ask) -> str:
    zone = ZoneInfo(ask.settings.timezone)
    local = ask.now.astimezone(zone).replace(microsecond=0)
    lines = [
        f"now: {local.isoformat()} {_WEEKDAYS[local.weekday()]} ({ask.settings.timezone})",
        f"channel: {thread.channel}",
        *_overtaken(thread, events),
        *_waiting(thread, events, zone),
        *_reminders(thread, events, zone),
        *_errors(thread, events),
    ]
    return "<situation>\n" + "\n".join(lines) + "\n</situation>\nWhat is the next step?"


def _overtaken(thread: Thread, events: Mapping[int, Event]) -> list[str]:
    """Which message is meant when a later one was read before it could be answered."""
    turn = thread.turn
    if turn is None or turn.run == run_id(turn.input):
        return []
    reads = (events[entry.seq].data for entry in thread.window)
    read = [data.input for data in reads if isinstance(data, ev.TurnStarted | ev.TurnRead)]
    first = next((seq for seq in read if run_id(seq) == turn.run), 0)
    if not first or read[-1] == first:
        return []
    return [f"answer now: seq {first}, which had to wait; later ones are answered by themselves"]


def _waiting(thread: Thread, events: Mapping[int, Event], zone: ZoneInfo) -> list[str]:
    """What others have to do first: say yes, answer, finish."""
    lines = []
    for approval in list(thread.approvals.values())[:MOST_OPEN]:
        data = events[approval.seq].data
        if isinstance(data, ev.ApprovalRequested):
            until = approval.expires_at.astimezone(zone).replace(microsecond=0).isoformat()
            call = _line(f"{data.tool} {canonical(data.args)}", LONGEST_OPEN)
            who = " or ".join(approval.told or approval.approvers)
            lines.append(f"- seq {approval.seq}: a yes of {who}, until {until}: {call}")
    for question in list(thread.questions.values())[:MOST_OPEN]:
        data = events[question.seq].data
        if isinstance(data, ev.QuestionAsked):
            lines.append(
                f"- seq {question.seq}: an answer of {_line(f'{data.to}: {data.text}', LONGEST_OPEN)}"
            )
    for task in list(thread.tasks.values())[:MOST_OPEN]:
        lines.append(f"- seq {task.seq}: {task.tool}, still running")
    return ["waiting for:", *lines] if lines else []


def _reminders(thread: Thread, events: Mapping[int, Event], zone: ZoneInfo) -> list[str]:
    shown = []
    for timer in sorted(thread.timers.values(), key=lambda timer: timer.seq)[:MOST_REMINDERS]:
        data = events[timer.seq].data if timer.purpose == "remind" else None
        if isinstance(data, ev.TimerSet):
            due = data.due_at.astimezone(zone).replace(microsecond=0).isoformat()
            shown.append(f"- seq {timer.seq}: {_line(data.text, LONGEST_REMINDER)}, due {due}")
    return ["open reminders:", *shown] if shown else []


def _errors(thread: Thread, events: Mapping[int, Event]) -> list[str]:
    turn = thread.turn
    if turn is None:
        return []
    lines = []
    for fails in thread.runs[turn.run].fails.values():
        for seq in fails.seqs:
            data = events[seq].data
            if isinstance(data, ev.ToolFinished):
                lines.append(f"- seq {seq}: {data.tool}: {_line(data.result, LONGEST_ERROR)}")
            elif isinstance(data, ev.TaskFinished):
                lines.append(f"- seq {seq}: {data.outcome}: {_line(data.result, LONGEST_ERROR)}")
    shown = ["unresolved errors:", *lines] if lines else []
    if isinstance(turn.last, Answered) and turn.last.failure and turn.last.failure.kind == "invalid":
        shown.append(f"your last answer was refused: {_line(turn.last.failure.message, LONGEST_ERROR)}")
    return shown
