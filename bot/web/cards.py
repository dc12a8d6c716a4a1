"""An event as people read it: a card of the timeline, and a bubble of the chat page. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, assert_never

from markupsafe import Markup

from bot import events as ev
from bot.events import Event, Usage
from bot.web.card import Card, Kind, json_of, pairs
from bot.web.markdown import to_html
from bot.web.prices import NOTHING, dollars, price, tokens_of
from bot.web.waiting_cards import moment, waiting_bubble, waiting_card

Decision = (
    ev.ModelAsked | ev.ToolStarted | ev.TurnStarted | ev.TurnRead | ev.TurnResumed | ev.TurnEnded
    | ev.ContextCompacted | ev.TakeoverStarted | ev.ThreadParked
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Bubble:
    """What the chat page shows of an event."""

    side: Literal["me", "bot", "note"]
    who: str = ""
    text: str = ""
    html: Markup | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """How the sending of an event's message stands; `of` is the event's seq."""

    of: int
    text: str
    well: bool


SET: dict[ev.TimerPurpose, str] = {
    "remind": "reminder set",
    "retry": "will try again",
    "expiry": "open until then",
    "level": "others are asked then",
    "task": "waited for until then",
}
FIRED: dict[ev.TimerPurpose, str] = {
    "remind": "reminder is due",
    "retry": "time to try again",
    "expiry": "the time is over",
    "level": "time to ask others",
    "task": "the wait is over",
}


def card(event: Event, *, simulated: bool = False) -> Card:  # noqa: C901 - one branch for each type
    """The card of an event."""
    data = event.data
    match data:
        case ev.ThreadOpened():
            return Card(
                "quiet", "conversation opened", facts=pairs(agent=data.agent, conversation=data.conversation)
            )
        case ev.MessageReceived():
            return Card("person", "message", name_of(data), text_of(data.blocks), facts=_sender(data, event))
        case ev.MessageEdited():
            return Card(
                "person", "message edited", name_of(data), text_of(data.blocks), facts=_sender(data, event)
            )
        case ev.MessageDeleted():
            return Card("person", "message deleted", data.sender.address)
        case ev.ControlRequested():
            return Card("control", data.action.replace("_", " "), data.by, data.because)
        case ev.TimerFired():
            return Card("control", FIRED[data.purpose], text=data.text, facts=pairs(timer=data.timer_id))
        case ev.DeliveryReported():
            return _delivery_card(data)
        case ev.FeedbackReceived():
            about = f"seq {data.about}" if data.about else ""
            return Card(
                "person",
                f"feedback{' taken back' if data.withdrawn else ''}: {data.rating:g} of 5",
                event.actor,
                data.comment,
                facts=pairs(about=about),
            )
        case ev.ModelAnswered() | ev.ToolFinished() | ev.TimerSet():
            return _result_card(data, simulated=simulated)
        case (
            ev.ModelAsked() | ev.ToolStarted() | ev.TurnStarted() | ev.TurnRead() | ev.TurnResumed()
            | ev.TurnEnded() | ev.ContextCompacted() | ev.TakeoverStarted() | ev.ThreadParked()
        ):  # fmt: skip
            return _decision_card(data)
        case _:
            return waiting_card(data)


def _result_card(data: ev.ModelAnswered | ev.ToolFinished | ev.TimerSet, *, simulated: bool) -> Card:
    match data:
        case ev.ModelAnswered():
            return _answer_card(data, simulated=simulated)
        case ev.ToolFinished():
            kind: Kind = "tool" if data.status == "ok" else "trouble"
            facts = pairs(took=f"{data.duration_ms} ms" if data.duration_ms else "")
            return Card(kind, f"tool {data.tool}: {data.status}", text=data.result, facts=facts)
        case ev.TimerSet():
            return Card("control", SET[data.purpose], text=data.text, facts=pairs(due=moment(data.due_at)))
        case _:
            assert_never(data)


def _decision_card(data: Decision) -> Card:
    match data:
        case ev.ModelAsked():
            backup = "yes" if data.degraded else ""
            facts = pairs(model=data.model, estimated=f"{data.estimated_tokens} tokens", backup=backup)
            return Card("model", "model asked", facts=facts, request=True)
        case ev.ToolStarted():
            return Card(
                "tool", f"tool {data.tool} started", text=json_of(data.args), facts=pairs(effect=data.effect)
            )
        case ev.TurnEnded():
            return _end_card(data)
        case ev.TakeoverStarted():
            reason = data.reason.replace("_", " ")
            sends = len(data.outgoing)
            return Card("trouble", f"handed to a person: {reason}", data.to, data.summary, sends=sends)
        case ev.ThreadParked():
            return Card("trouble", "parked", text=data.reason, sends=len(data.outgoing))
        case ev.ContextCompacted():
            facts = pairs(before=f"{data.tokens_before} tokens", after=f"{data.tokens_after} tokens")
            return Card("quiet", f"left out {data.from_seq} to {data.to_seq}", text=data.summary, facts=facts)
        case ev.TurnStarted():
            return Card("quiet", f"turn started for {data.input}")
        case ev.TurnRead():
            return Card("quiet", f"also read {data.input}")
        case ev.TurnResumed():
            return Card("quiet", f"went on with {data.of} after an interruption")
        case _:
            assert_never(data)


def unreadable(why: object, row_type: object) -> Card:
    """The card of a row that this program cannot read."""
    return Card("trouble", "a row that cannot be read", text=str(why), facts=pairs(type=str(row_type)))


def bubble(event: Event) -> Bubble | None:  # noqa: C901 - one branch for each type
    """What the chat shows of an event, if anything."""
    data = event.data
    match data:
        case ev.MessageReceived():
            return Bubble("me", name_of(data), text_of(data.blocks))
        case ev.MessageEdited():
            return Bubble("note", text=f"{name_of(data)} changed a message to: {text_of(data.blocks)}")
        case ev.MessageDeleted():
            return Bubble("note", text="A message was deleted.")
        case ev.TurnEnded() if data.reply:
            return Bubble("bot", html=to_html(data.reply))
        case ev.TurnEnded() if data.outcome != "waiting":
            return Bubble("note", text=f"The turn ended without a reply: {data.outcome}.")
        case ev.ControlRequested():
            return Bubble("note", text=f"{data.action.replace('_', ' ')} asked for by {data.by}")
        case ev.TakeoverStarted():
            return Bubble("note", text="A person was asked to take over.")
        case ev.ThreadParked():
            return Bubble("note", text=f"This conversation is parked: {data.reason}")
        case ev.TimerFired() if data.purpose == "remind":
            return Bubble("note", text="A reminder is due.")
        case ev.ApprovalResolved() | ev.QuestionAsked() | ev.TaskFinished():
            return Bubble("note", text=waiting_bubble(data))
        case _:
            return None


def delivery(event: Event) -> Delivery | None:
    """What a delivery report says about the message of an earlier event."""
    data = event.data
    if not isinstance(data, ev.DeliveryReported):
        return None
    _, seq, _ = f"::{data.outbox_id}".rsplit(":", 2)
    if not seq.isdigit():
        return None
    part = f" part {data.part_number} of {data.parts}" if data.parts > 1 else ""
    return Delivery(int(seq), f"{_DELIVERY[data.status]}{part}", well=data.status in WELL)


WELL = ("sent", "delivered")
_DELIVERY: dict[ev.DeliveryStatus, str] = {
    "sent": "delivered",
    "failed": "not delivered yet",
    "unknown": "may have been delivered",
    "dead": "given up",
    "delivered": "arrived",
    "undelivered": "did not arrive",
}


def name_of(data: ev.MessageReceived | ev.MessageEdited) -> str:
    """Who wrote, as people call them."""
    return data.person or data.display or data.sender.address


def text_of(blocks: Sequence[ev.Block]) -> str:
    return "\n".join(filter(None, (_block(block) for block in blocks)))


def _block(block: ev.Block) -> str:
    mark = "" if block.source == "person" and block.kind == "text" else f"[{block.source} {block.kind}] "
    name = f"{block.name} " if block.name else ""
    return f"{mark}{name}{block.text}".strip()


def _sender(data: ev.MessageReceived | ev.MessageEdited, event: Event) -> list[tuple[str, str]]:
    known = "" if data.person else "nobody we know"
    return pairs(channel=event.channel, proof=data.sender.proof, person=known)


def _delivery_card(data: ev.DeliveryReported) -> Card:
    kind: Kind = "quiet" if data.status in WELL else "trouble"
    part = f" (part {data.part_number} of {data.parts})" if data.parts > 1 else ""
    facts = pairs(attempt=str(data.attempt) if data.attempt > 1 else "", provider_id=data.provider_id)
    return Card(
        kind, f"{_DELIVERY[data.status]}{part}", text=data.error, facts=facts, sends=len(data.outgoing)
    )


def _answer_card(data: ev.ModelAnswered, *, simulated: bool) -> Card:
    facts = pairs(
        model=data.model,
        tokens=_tokens(data.usage),
        cost=_cost(data, simulated=simulated),
        took=f"{data.duration_ms} ms" if data.duration_ms else "",
    )
    if data.failure is not None:
        title = f"model failed: {data.failure.kind.replace('_', ' ')}"
        return Card("trouble", title, text=data.failure.message, facts=facts)
    step = data.step
    if step is None:
        return Card("trouble", "model answered nothing", facts=facts)
    action = step.proposed_action
    call = f"{action.tool or action.agent} {json_of(action.args)}" if action else ""
    text = "\n".join(filter(None, (step.message, call)))
    facts = [("confidence", f"{step.confidence:.2f}"), *facts]
    return Card("model", f"model answered: {step.intent.replace('_', ' ')}", text=text, facts=facts)


def _end_card(data: ev.TurnEnded) -> Card:
    well = data.outcome == "replied"
    kind: Kind = "trouble" if data.outcome == "failed" else "bot" if data.reply else "quiet"
    title = "reply" if well else f"turn ended: {data.outcome.replace('_', ' ')}"
    facts = pairs(steps=str(data.steps), why=data.reason)
    return Card(
        kind,
        title,
        html=to_html(data.reply) if data.reply else None,
        facts=facts,
        sends=len(data.outgoing),
    )


def _tokens(usage: Usage) -> str:
    if not tokens_of(usage):
        return ""
    cached = f", {usage.cache_read} from cache" if usage.cache_read else ""
    written = f", {usage.cache_creation} to cache" if usage.cache_creation else ""
    return f"{usage.input} in{cached}{written}, {usage.output} out"


def _cost(data: ev.ModelAnswered, *, simulated: bool) -> str:
    if not tokens_of(data.usage):
        return ""
    if simulated:
        return NOTHING
    found = price(data.model, data.usage)
    return "price not known" if found is None else dollars(found)
