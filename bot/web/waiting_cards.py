"""Cards of what waits for others: approvals, questions, tasks, and who was told what at the door. Pure."""

from datetime import datetime
from typing import assert_never

from bot import events as ev
from bot.shown import shown
from bot.web.card import Card, Kind, pairs

Waits = (
    ev.ApprovalRequested | ev.ApprovalPassedOn | ev.ApprovalAnswered | ev.ApprovalResolved | ev.QuestionAsked
    | ev.QuestionAnswered | ev.TaskStarted | ev.TaskProgressed | ev.TaskFinished | ev.ContactReported
    | ev.SenderTold
)  # fmt: skip

REFUSED: dict[ev.Refusal, str] = {
    "unauthorised": "not theirs to decide",
    "own_request": "their own request",
    "ambiguous": "not clear enough",
    "wrong_code": "a wrong code",
    "locked": "too many wrong codes",
    "invalid_args": "arguments that the tool does not take",
    "late": "too late",
}
DECIDED: dict[ev.Decision, str] = {
    "approve": "yes",
    "edit": "yes, with other arguments",
    "reject": "no",
    "respond": "an answer instead of the call",
}


def waiting_card(data: Waits) -> Card:
    """The card of an event about what waits."""
    match data:
        case ev.ApprovalRequested() | ev.ApprovalPassedOn() | ev.ApprovalAnswered() | ev.ApprovalResolved():
            return _approval_card(data)
        case ev.QuestionAsked() | ev.QuestionAnswered():
            return _question_card(data)
        case ev.TaskStarted() | ev.TaskProgressed() | ev.TaskFinished():
            return _task_card(data)
        case ev.ContactReported(reachable=True):
            return Card("quiet", "takes our messages again", data.address)
        case ev.ContactReported():
            return Card("trouble", "takes no messages from us", data.address, data.why)
        case ev.SenderTold():
            what = f"told at the door: {data.reason.replace('_', ' ')}"
            return Card("quiet", what, data.sender.address, sends=len(data.outgoing))
        case _:
            assert_never(data)


def _approval_card(
    data: ev.ApprovalRequested | ev.ApprovalPassedOn | ev.ApprovalAnswered | ev.ApprovalResolved,
) -> Card:
    match data:
        case ev.ApprovalRequested():
            facts = pairs(
                may_decide=", ".join(data.approvers) or "nobody",
                asked=", ".join(data.asked) or "nobody could be reached",
                needed=f"{data.quorum} of them" if data.quorum > 1 else "",
            )
            return _asks("a yes is needed", data.shown, data, facts)
        case ev.ApprovalPassedOn():
            facts = pairs(
                may_decide=", ".join(data.approvers),
                asked=", ".join(data.asked) or "nobody could be reached",
                until=moment(data.expires_at),
            )
            return _asks("passed on: nobody has decided yet", "", data, facts)
        case ev.ApprovalAnswered():
            facts = pairs(on=data.by.channel, proof=data.by.proof)
            edited = shown("arguments", data.edited_args) if data.edited_args is not None else ""
            text = "\n".join(filter(None, (data.message, edited)))
            return _answer_card(data, DECIDED[data.decision] if data.decision else "", text, facts)
        case ev.ApprovalResolved():
            final = shown(data.tool, data.final_args) if data.status == "edited" and data.final_args else ""
            text = "\n".join(filter(None, (data.message, data.reason, final)))
            kind: Kind = "control" if data.by else "quiet"
            who = " and ".join(data.by)
            return Card(kind, f"{data.tool}: {data.status}", who, text, sends=len(data.outgoing))
        case _:
            assert_never(data)


def _asks(
    title: str,
    text: str,
    data: ev.ApprovalRequested | ev.ApprovalPassedOn,
    facts: list[tuple[str, str]],
) -> Card:
    sends, id_ = len(data.outgoing), data.approval_id
    return Card("control", title, text=text, facts=facts, sends=sends, approval=id_)


def _answer_card(
    data: ev.ApprovalAnswered | ev.QuestionAnswered, said: str, text: str, facts: list[tuple[str, str]]
) -> Card:
    who = data.by.person or f"{data.by.address} (nobody we know)"
    sends = len(data.outgoing)
    if data.refused is None:
        return Card("person", said, who, text, facts=facts, sends=sends)
    why = f"an answer was refused: {REFUSED[data.refused]}"
    return Card("trouble", why, who, text, facts=facts, sends=sends)


def _question_card(data: ev.QuestionAsked | ev.QuestionAnswered) -> Card:
    match data:
        case ev.QuestionAsked():
            lines = (data.text, *(f"{number}. {option}" for number, option in enumerate(data.options, 1)))
            facts = pairs(until=moment(data.expires_at))
            text, sends = "\n".join(lines), len(data.outgoing)
            return Card("control", "a question", f"to {data.to}", text, facts=facts, sends=sends)
        case ev.QuestionAnswered():
            return _answer_card(data, "the answer", data.option or data.text, pairs(on=data.by.channel))
        case _:
            assert_never(data)


def _task_card(data: ev.TaskStarted | ev.TaskProgressed | ev.TaskFinished) -> Card:
    match data:
        case ev.TaskStarted():
            where = "in the background" if data.kind == "background" else "in another system"
            until = moment(data.expires_at) if data.expires_at else ""
            facts = pairs(task=data.task_id, until=until)
            return Card("tool", f"tool {data.tool} goes on {where}", text=data.text, facts=facts)
        case ev.TaskProgressed():
            again = f" (start {data.attempt})" if data.attempt > 1 else ""
            return Card("quiet", f"progress{again}", text=data.note)
        case ev.TaskFinished():
            kind: Kind = "tool" if data.outcome == "ok" else "trouble"
            return Card(kind, f"task ended: {data.outcome}", text=data.result, facts=pairs(task=data.task_id))
        case _:
            assert_never(data)


def waiting_bubble(data: ev.ApprovalResolved | ev.QuestionAsked | ev.TaskFinished) -> str:
    """What the chat says of it, in one line."""
    match data:
        case ev.ApprovalResolved():
            by = f" by {' and '.join(data.by)}" if data.by else ""
            return f"{data.tool}: {data.status}{by}."
        case ev.QuestionAsked():
            return f"{data.to} was asked: {data.text}"
        case ev.TaskFinished():
            return f"A task ended: {data.outcome}."
        case _:
            assert_never(data)


def moment(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S} UTC"
