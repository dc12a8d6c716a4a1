"""What the bot says when no model speaks. Plain, short, and with a way to go on."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from bot.events import ApprovalStatus, RequestFor, TakeoverReason

DONE = "Done."
STOPPED = "Stopped. Nothing further will start from what was asked before; write again to start afresh."
STOPPED_UNKNOWN = (
    "Stopped. One action was under way and its outcome is unknown: "
    "please check it before asking for it again."
)
TAKEN_OVER = "A person has taken over this conversation."
OUR_FAULT = (
    "Something went wrong on our side and I have stopped here so that nothing happens twice. "
    "Your message is kept, and whoever runs this bot has been told."
)
TURN_LOST = "an error of our own"

_REASONS: dict[TakeoverReason, str] = {
    "asked": "you asked for one",
    "consecutive_errors": "something I need failed three times in a row",
    "repeated_call": "the same step failed twice in the same way",
    "unknown_outcome": "an action was interrupted and I cannot tell whether it happened",
    "not_retryable": "something I need refused, and trying again would not help",
    "invalid_answers": "I could not work out a sound next step",
    "refusal": "my language model declined to answer this",
    "too_large": "this is too long for me to read in one go",
    "model_unavailable": "my language model could not be reached for a long time",
}


def handed_over(reason: TakeoverReason, *, message: str = "", told: bool) -> str:
    """What the requester hears when a person is called in."""
    told_whom = "I have told a person, who will go on here." if told else (
        "A person has to go on here; no operator is configured, so please tell whoever runs this bot."
    )  # fmt: skip
    lead = f"{message}\n\n" if message.strip() else ""
    return f"{lead}{told_whom} (Reason: {_REASONS[reason]}.) I stay silent until they hand back."


def operator_takeover(thread_id: str, reason: TakeoverReason, summary: str) -> str:
    """What an operator hears when a person is needed."""
    said = f"\n> {summary}" if summary else ""
    return (
        f"A conversation needs a person: {reason.replace('_', ' ')}.{said}\n"
        f"Look: `bot thread show {thread_id}`. Hand back to the agent: `bot thread resume {thread_id}`."
    )


def operator_parked(thread_id: str, reason: str) -> str:
    """What an operator hears when a thread is parked."""
    return (
        f"A conversation is parked: {reason}\n"
        f"Look: `bot thread show {thread_id}`. Try again: `bot thread resume {thread_id}`."
    )


def operator_capped(thread_id: str, steps: int) -> str:
    """What an operator hears when an agent has used up its steps."""
    return f"An agent stopped after {steps} steps without an end. Look: `bot thread show {thread_id}`."


def capped(steps: int, *, told: bool) -> str:
    """What the requester hears when the agent has used up its steps."""
    who = "I have told a person." if told else "Please tell whoever runs this bot."
    return (
        f"I stopped after {steps} steps without reaching the end of this, so as not to go round in circles. "
        f"{who} You can also write again, in smaller parts."
    )


def model_down(until: datetime) -> str:
    """What the requester hears while the model cannot be reached."""
    return (
        "I cannot reach my language model at the moment. Your message is kept, "
        f"and I will answer as soon as it is back (next try about {until:%H:%M} UTC)."
    )


def out_of_tokens(until: datetime) -> str:
    """What the requester hears when the daily token ceiling is reached."""
    return (
        "Today's token ceiling is used up. Your message is kept; "
        f"I will answer after {until:%Y-%m-%d %H:%M} UTC, "
        "or as soon as whoever runs this bot raises `limits.daily_tokens`."
    )


def operator_model(thread_id: str, why: str) -> str:
    """What an operator hears when the model refuses us in a way that waiting does not mend."""
    return (
        f"The language model refuses our calls: {why}. Messages are kept and answered once that is mended. "
        f"First seen in `bot thread show {thread_id}`."
    )


def already_denied(tool: str) -> str:
    """What the model reads when it asks again for what was denied."""
    return f"not done: the same call of {tool} was denied before in this request"


def not_allowed(tool: str, why: str, lacking: str = "") -> str:
    """What the model reads when the person it works for may not cause a call; `lacking`: why they are not known."""
    because = f"{why}: {lacking}" if lacking else why
    return f"not done: {tool} was refused ({because}); tell the person, do not try again"


def unproven(missing: str) -> str:
    """What somebody hears whose words would decide, if it were certain that they are theirs."""
    return f"That decides nothing: {missing}. Please decide on another channel, or on the page of requests."


DRAFT = "it answers somebody whom the configuration does not know"
DRAFT_REFUSED = "The answer was refused, and the agent wrote the same again:"
DRAFT_NOBODY = "Nobody may approve an answer to a stranger:"


def no_approver(tool: str) -> str:
    """What the model reads when a call needs a yes that nobody may give."""
    return f"not done: {tool} needs a person's yes, and the configuration names nobody who may give it"


def too_many_waiting(tool: str, most: int) -> str:
    """What the model reads when it asks for too much at once."""
    return f"not done: {tool} needs a person's yes, and {most} requests wait for one here already"


# ---------------------------------------------------------------- requests


THINKING = "is thinking ..."


def running(what: str) -> str:
    """What a channel shows beside the bot's name, while something takes its time."""
    return f"is running {what} ..."


def named(tool: str, args: Mapping[str, object]) -> str:
    """A call in a few words, for those who need not know its arguments: the job, or what the tool is called."""
    job = args.get("job")
    if tool == "run_job" and isinstance(job, str):
        return job
    name = tool.replace("_", " ")
    for argument, link in (("to", "to"), ("participant", "with")):
        who = args.get(argument)
        if isinstance(who, str) and len(who) <= MOST_NAMED:
            return f"{name} {link} {who}"
    return name


NOBODY_YET = "nobody has decided yet"
TOO_LATE = "the yes came too late to start it"
RIGHTS_GONE = "the configuration has changed since"


def approval_request(
    requester: str, call: str, *, why: str, influenced: Iterable[str], until: datetime
) -> str:
    """What an approver reads: who asks, the exact call, why it needs a yes, and until when."""
    lines = [f"{_one_line(requester)} asks for:", call]
    if why:
        lines.append(f"Why you are asked: {why}.")
    if by := ", ".join(map(_one_line, influenced)):
        lines.append(f"Influenced by: {by}.")
    lines.append(f"Open until {_moment(until)}.")
    return "\n".join(line for line in lines if line)


def how_to_answer(request: RequestFor) -> str:
    """The last lines of a request: what to write back."""
    if request.kind == "question":
        options = [f"{number} {option}" for number, option in enumerate(request.options, start=1)]
        what = "the number or your answer" if options else "your answer"
        return "\n".join((*options, f"Write back: {request.code} and {what}"))
    return f"Write back: OK {request.code} to allow it, NO {request.code} and why to refuse."


def waiting_for_yes(
    tool: str, why: str, asked: Sequence[str], approvers: Sequence[str], until: datetime
) -> str:
    """What the requester hears when a call waits."""
    if asked:
        who = f"I have asked {_names(asked)}"
    else:
        who = f"I could not reach {_names(approvers, 'or')}; they can decide with `bot approvals`"
    return f"This needs a person's yes ({why}): {tool}. {who}. Open until {_moment(until)}."


def still_waiting(tool: str) -> str:
    """What the requester hears when the same call is asked for while it waits."""
    return f"The same request ({tool}) is waiting for a person's yes already; I will tell you what becomes of it."


def asked_anew(tool: str) -> str:
    """What the requester hears when a yes came, but the call could not start in time."""
    return f"The yes for {tool} came, but it could not start in time, so I have asked again."


def request_superseded(tool: str) -> str:
    return f"What you asked for was changed or deleted, so the request for a yes ({tool}) is withdrawn."


def request_expired(tool: str, approvers: Sequence[str]) -> str:
    """What the requester hears when nobody decided in time."""
    who = _names(approvers, "or")
    return f"Nobody decided in time ({who}), so this was not done: {tool}. Ask again if it is still needed."


def no_longer_needed(tool: str, status: ApprovalStatus) -> str:
    """What those who were asked hear when there is nothing left to decide."""
    return f"No longer needed: {tool} ({_ENDS[status]})."


def already_decided(tool: str, status: ApprovalStatus, by: Iterable[str], at: datetime) -> str:
    """What those hear who were asked besides, or who answered too late."""
    return f"{tool}: already {_ENDS[status]} by {_names(tuple(by))} at {_moment(at)}. Nothing more to do."


def answered_by(name: str, text: str) -> str:
    """What the model reads when a person answered instead of the tool."""
    return f"{name} answered instead: {text}"


def rejected(names: Sequence[str], comment: str) -> str:
    """What the model reads when a person said no."""
    why = f" and said: {comment}" if comment else " and gave no reason"
    return (
        f"not done: {_names(names)} said no{why}. This is a decision, not an error: do not ask for it again."
    )


def rights_gone(tool: str) -> str:
    """What the model reads when a yes does not count any more."""
    return f"not done: the configuration has changed since, and the yes for {tool} does not count any more"


def overruled(tool: str, reason: str) -> str:
    """What those who said yes hear when that does not count."""
    return f"{tool} was not done: {reason}."


def how_it_went(requester: str, reply: str) -> str:
    """What those who decided hear in the end, in brief."""
    text = " ".join(reply.split())
    return f"For {requester}: {text if len(text) <= MOST_BRIEF else text[: MOST_BRIEF - 1] + '…'}"


def task_started(tool: str, text: str) -> str:
    """What the requester hears when a call goes on in the background."""
    return text or f"Started: {tool}. I will tell you here how it ends."


def task_stopped(outcome: str, result: str) -> str:
    """What the requester hears of something that was under way when they stopped it."""
    said = f": {result}" if result else "."
    return f"What was under way when you stopped it has ended ({outcome}){said}"


def operator_not_asked(thread_id: str, tool: str, approvers: Sequence[str]) -> str:
    """What an operator hears when a request could not be put to enough people."""
    return (
        f"A request for a yes ({tool}) could not be put to enough of {_names(approvers, 'or') or 'anybody'}: no "
        f"channel of theirs is on and shows it whole. Decide with `bot approvals`; look: `bot thread show {thread_id}`."
    )


def operator_unreached(person: str, channel: str, thread_id: str) -> str:
    """What an operator hears when a request did not arrive, and there is no other way to that person."""
    return (
        f"A request did not reach {person} by {channel}, and there is no other way to them. "
        f"Decide with `bot approvals`; look: `bot thread show {thread_id}`."
    )


def operator_locked(person: str, channel: str, tool: str) -> str:
    """What an operator hears when somebody seems to guess codes."""
    return f"Five wrong codes from {person} on {channel}: {tool} can no longer be decided there. Ask {person} about it."


MOST_BRIEF = 200
MOST_NAMED = 40
_ENDS: dict[ApprovalStatus, str] = {
    "approved": "approved",
    "edited": "changed and approved",
    "rejected": "rejected",
    "answered": "answered",
    "expired": "expired",
    "cancelled": "cancelled",
    "superseded": "withdrawn, since what was asked for has changed",
    "withdrawn": "withdrawn",
}


def _one_line(name: str) -> str:
    """A name or address from outside: it cannot add a line to what an approver reads."""
    text = " ".join("".join(char if char.isprintable() else " " for char in name).split())
    return text if len(text) <= MOST_BRIEF else text[: MOST_BRIEF - 1] + "…"


def _names(names: Sequence[str], last: str = "and") -> str:
    return f" {last} ".join(filter(None, (", ".join(names[:-1]), names[-1] if names else "")))


def _moment(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M} UTC"


def question(requester: str, text: str) -> str:
    """What somebody reads whom the agent asks."""
    return f"A question for you, on behalf of {requester}:\n{text}"


# ---------------------------------------------------------------- at the door

NOT_YOURS = "This is not yours to decide. The request is still open, and your attempt is on record."
OWN_REQUEST = "You asked for this yourself, so somebody else has to decide. The request is still open."
WRONG_CODE = "That code fits none of the requests that wait for you. Nothing was decided."
NOT_HERE = "I did not take that as a decision. Say it to me directly, where nobody else reads it."
CLAIM_OVERHEARD = (
    "That code is void now, since others could read it. Get a new one and write it to me directly."
)


def too_late(sent_at: datetime) -> str:
    """For whoever wrote long before it reached us."""
    return (
        f"What you wrote on {sent_at:%Y-%m-%d at %H:%M} UTC reached me only now. I have done nothing about it; "
        "please write again if it still holds."
    )


STRANGER = "I only talk to people I know here. Please ask whoever runs this bot to add you."
STRANGER_ASKED = "I do not know you yet. I have asked whoever runs this bot whether I may talk to you."


def noted(quorum: int) -> str:
    """What somebody hears whose yes is one of several that it takes."""
    return f"Noted. It takes {quorum} people to say yes; I will tell you what comes of it."


def misplaced(channel: str) -> str:
    """What somebody hears who says a code where it does not count."""
    return f"Nothing was decided. That code only counts in a new message of yours to me by {channel}."


def no_such_option(options: int) -> str:
    """What somebody hears who names an option that there is not."""
    return f"There are {options} options; write back the number of one of them, or an answer in words."


def locked(tool: str) -> str:
    """What somebody hears after too many wrong codes."""
    return f"Too many wrong codes: {tool} can no longer be decided here. Use another channel; the operator knows."


def invalid_edit(why: str) -> str:
    """What somebody hears whose changed arguments the tool does not take."""
    return f"Those arguments cannot be used, so nothing was decided: {why}"


def unclear(what: str, requester: str) -> str:
    """What somebody hears whose words might have been meant as a decision: what exactly is still open."""
    who = f", for {requester}" if requester else ""
    return f"I did not take that as a decision. Still open{who}:\n{what}"


def question_over(status: str) -> str:
    """What somebody hears who answers a question that is not open any more."""
    return f"Thank you, but that question is closed already ({status})."


def operator_stranger(channel: str, address: str, text: str) -> str:
    """What an operator hears when somebody unknown writes."""
    said = " ".join(text.split())[:MOST_BRIEF]
    return (
        f"Somebody unknown writes on {channel} ({address}): {said!r}. To let them in, add them to [[people]] or link "
        "the address with `bot people link NAME`."
    )


def known_from_now(name: str, *, owner: bool) -> str:
    """What somebody hears whose code was right."""
    return f"Welcome, {name}: this bot is yours now." if owner else f"This address now belongs to {name}."


def ended_before(status: str, by: Sequence[str], at: datetime) -> str:
    """What somebody hears who answers a request that is not open any more."""
    ends = {str(name): said for name, said in _ENDS.items()}
    who = f" by {_names(by)}" if by else ""
    return f"Nothing was decided: it was already {ends.get(status, status)}{who} at {_moment(at)}."
