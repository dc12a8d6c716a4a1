"""A thread's log as a person reads it: who, and what. Pure; also rows that this program does not know."""

import json
from collections.abc import Mapping
from typing import Any

from bot.cli.waiting_lines import approval_line, contact_line, question_line, task_line

Row = Mapping[str, Any]

TIMERS = {"expiry": "the end of a request", "level": "asking others", "task": "the end of waiting for a task"}
LONGEST = 2000  # characters of one entry; --json has everything


def describe(row: Row) -> tuple[str, str]:
    """Who or what an event is about, and what happened, in a few words."""
    data = row["data"]
    if row.get("broken"):
        return "unreadable", f"{row['broken']} {_json(data)}"
    who, what = _described(str(row["type"]), data)
    return who, what if len(what) <= LONGEST else f"{what[:LONGEST]} ... ({len(what)} characters)"


def _described(type_: str, data: Row) -> tuple[str, str]:
    family = type_.partition(".")[0]
    match family:
        case "message" | "control" | "feedback":
            return _said(type_, data)
        case "thread" | "timer" | "delivery" | "takeover":
            return _around(type_, data)
        case "approval" | "question" | "task" | "contact" | "sender":
            return _waiting(family, type_, data)
        case "turn" | "context":
            return _turn(type_, data)
        case "model":
            return "model", _asked(data) if type_ == "model.asked" else _answered(data)
        case "tool":
            return "tool", _called(data) if type_ == "tool.started" else _finished(data)
        case _:
            return type_, _json(data)


def _waiting(family: str, type_: str, data: Row) -> tuple[str, str]:
    match family:
        case "approval":
            return approval_line(type_, data)
        case "question":
            return question_line(type_, data)
        case "task":
            return task_line(type_, data)
        case _:
            return contact_line(type_, data)


def _said(type_: str, data: Row) -> tuple[str, str]:
    match type_:
        case "message.received":
            return _writer(data), _blocks(data)
        case "message.edited":
            return _writer(data), f"(changes {data['place']}) {_blocks(data)}"
        case "message.deleted":
            return _writer(data), f"(takes back {data['place']})"
        case "control.requested":
            return data["by"], data["action"] + _after(data["because"])
        case "feedback.received":
            rating = f"{data['rating']:g} of 5"
            if data.get("withdrawn"):
                rating = f"(takes back {rating})"
            return "feedback", f"{rating}{_after(data['comment'])}"
        case _:
            return type_, _json(data)


def _around(type_: str, data: Row) -> tuple[str, str]:
    match type_:
        case "delivery.reported":
            return "outbox", _delivery(data)
        case "timer.set":
            return (
                "timer",
                f"{TIMERS.get(data['purpose'], data['purpose'])} at {data['due_at']}{_after(data['text'])}",
            )
        case "timer.fired":
            return "timer", f"{TIMERS.get(data['purpose'], data['purpose'])} is due{_after(data['text'])}"
        case "thread.opened":
            return "thread", f"opened: {data['conversation']}, agent {data['agent']}"
        case "thread.parked":
            return "thread", f"PARKED: {data['reason']}"
        case "takeover.started":
            return (
                "person",
                f"{data['to'] or 'somebody'} is called: {data['reason']}{_after(data['summary'])}",
            )
        case _:
            return type_, _json(data)


def _turn(type_: str, data: Row) -> tuple[str, str]:
    match type_:
        case "turn.started" | "turn.read":
            verb = "begins with" if type_ == "turn.started" else "also reads"
            edited = f" as changed by {data['version']}" if data["version"] != data["input"] else ""
            return "turn", f"{verb} {data['input']}{edited}"
        case "turn.resumed":
            return "turn", f"goes on with {data['of']} after an interruption"
        case "turn.ended":
            if data["outcome"] == "replied":
                return "reply", data["reply"]
            reason = f" ({data['reason']})" if data["reason"] else ""
            return "turn", f"ends, {data['outcome']}{reason}{_after(data['reply'])}"
        case "context.compacted":
            return "context", (
                f"{data['from_seq']} to {data['to_seq']} left out from here on: "
                f"about {data['tokens_before']} -> {data['tokens_after']} tokens"
            )
        case _:
            return type_, _json(data)


def _writer(data: Row) -> str:
    sender = data["sender"]
    name = data.get("person") or data.get("display") or sender["address"]
    return name if data.get("person") else f"{name}?"


def _blocks(data: Row) -> str:
    return "\n".join(_block(block) for block in data["blocks"])


def _block(block: Row) -> str:
    mark = "" if block["source"] == "person" else f"[{block['source']}] "
    name = f"({block['kind']} {block['name']}) " if block["kind"] != "text" else ""
    return f"{mark}{name}{block['text']}"


def _asked(data: Row) -> str:
    backup = ", the backup" if data["degraded"] else ""
    return f"asked {data['model']}{backup}, about {data['estimated_tokens']} tokens"


def _answered(data: Row) -> str:
    if data["step"] is None:
        failure = data["failure"] or {}
        return f"no answer ({failure.get('kind', '?')}): {failure.get('message', '')}"
    step, usage = data["step"], data["usage"]
    read = usage["input"] + usage["cache_read"] + usage["cache_creation"]
    cost = f"{read} + {usage['output']} tokens, {data['duration_ms'] / 1000:.1f} s"
    return f"{step['intent']}{_action(step)} (sure {step['confidence']:.2f}; {cost})"


def _action(step: Row) -> str:
    action = step["proposed_action"]
    if not action:
        return ""
    return f" {action['tool']} {_json(action['args'])}" if action["tool"] else f" to {action['agent']}"


def _called(data: Row) -> str:
    return f"{data['tool']} {_json(data['args'])} starts ({data['effect']})"


def _finished(data: Row) -> str:
    return f"{data['tool']} {data['status']}{_after(data['result'])}"


def _delivery(data: Row) -> str:
    part = f"part {data['part_number']} of {data['parts']} " if data["parts"] > 1 else ""
    return f"{part}{data['status']}, attempt {data['attempt']}{_after(data['error'])}"


def _after(text: str) -> str:
    return f": {text}" if text else ""


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
