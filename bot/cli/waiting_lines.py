"""Lines of the timeline about what waits for others: approvals, questions, tasks, contacts, and the door. Pure."""

import json
from collections.abc import Mapping
from typing import Any

Row = Mapping[str, Any]

DECIDED = {
    "approve": "says yes",
    "edit": "says yes, with other arguments",
    "reject": "says no",
    "respond": "answers instead of the call",
}
REFUSED = {
    "unauthorised": "it is not theirs to decide",
    "own_request": "it is their own request",
    "ambiguous": "it was not clear enough",
    "wrong_code": "the code is wrong",
    "locked": "there were too many wrong codes",
    "invalid_args": "the tool does not take these arguments",
    "late": "it came too late",
}


def approval_line(type_: str, data: Row) -> tuple[str, str]:
    match type_:
        case "approval.requested":
            many = f", {data['quorum']} of them" if data["quorum"] > 1 else ""
            call = f"{data['tool']} {json.dumps(data['args'], ensure_ascii=False)}"
            who = f"{_names(data['approvers'])} may decide{many}; asked: {_names(data['asked'])}"
            return "approval", f"{data['approval_id']} needs a yes ({data['why']}): {call}\n{who}"
        case "approval.passed_on":
            who = f"{_names(data['approvers'])} may decide; asked now: {_names(data['asked'])}"
            return "approval", f"{data['approval_id']} is passed on: {who}"
        case "approval.answered":
            edited = data["edited_args"]
            args = f" {json.dumps(edited, ensure_ascii=False)}" if edited is not None else ""
            return _answer(data, f"{DECIDED.get(data['decision'], '')}{args}", data["message"])
        case "approval.resolved":
            by = f" by {' and '.join(data['by'])}" if data["by"] else ""
            why = _after(data["message"]) + _after(data["reason"])
            return "approval", f"{data['tool']}: {data['status']}{by}{why}"
        case _:
            return type_, json.dumps(data, ensure_ascii=False)


def question_line(type_: str, data: Row) -> tuple[str, str]:
    match type_:
        case "question.asked":
            options = "".join(f"\n{number} {each}" for number, each in enumerate(data["options"], start=1))
            return "question", f"{data['question_id']} to {data['to']}: {data['text']}{options}"
        case "question.answered":
            return _answer(data, "answers", data["option"] or data["text"])
        case _:
            return type_, json.dumps(data, ensure_ascii=False)


def task_line(type_: str, data: Row) -> tuple[str, str]:
    match type_:
        case "task.started":
            where = "in the background" if data["kind"] == "background" else "in another system"
            until = f" until {data['expires_at']}" if data["expires_at"] else ""
            return "task", f"{data['task_id']}: {data['tool']} goes on {where}{until}{_after(data['text'])}"
        case "task.progressed":
            again = f"is started again ({data['attempt']})" if data["attempt"] > 1 else "goes on"
            return "task", f"{data['task_id']} {again}{_after(data['note'])}"
        case "task.finished":
            return "task", f"{data['task_id']} ended: {data['outcome']}{_after(data['result'])}"
        case _:
            return type_, json.dumps(data, ensure_ascii=False)


def contact_line(type_: str, data: Row) -> tuple[str, str]:
    if type_ == "contact.reported":
        takes = "takes our messages again" if data["reachable"] else "takes no messages from us"
        return "contact", f"{data['address']} {takes}{_after(data['why'])}"
    if type_ == "sender.told":
        sender = data["sender"]
        said = "; ".join(each["text"] for each in data["outgoing"])
        return f"{sender['address']}?", f"heard at the door ({data['reason'].replace('_', ' ')}): {said}"
    return type_, json.dumps(data, ensure_ascii=False)


def _answer(data: Row, said: str, words: str) -> tuple[str, str]:
    by = data["by"]
    who = by["person"] or f"{by['address']}?"
    where = f" ({by['channel']})"
    if data["refused"] is not None:
        why = REFUSED.get(data["refused"], data["refused"])
        return who, f"an answer{where} is refused: {why}{_after(words)}"
    return who, f"{said}{where}{_after(words)}"


def _names(names: list[str]) -> str:
    return ", ".join(names) or "nobody"


def _after(text: str) -> str:
    return f": {text}" if text else ""
