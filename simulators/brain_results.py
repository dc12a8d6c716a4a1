"""What the demo brain makes of what comes back: tools' results, the ends of jobs, decisions and answers of people."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from simulators.brain_prompt import Element, Prompt, as_object
from simulators.brain_steps import Step, clip, reply, step

_TRANSIENT = re.compile(r"tim(?:ed|e)[ -]?out|temporar|unavailable|try again|busy|connection", re.IGNORECASE)
_CHANGED = re.compile(r"a person changed the arguments to (\{.*\})", re.DOTALL)
_ENDED = re.compile(r"(?P<how>[^\n;]{1,200})(?:;[^\n]{0,80})?(?:\n(?P<output>.*))?", re.DOTALL)
_LONGEST = 2_000


# --- tools


def after_tool(result: Element, prompt: Prompt) -> Step:
    tool, status = result.attributes.get("tool", "tool"), result.attributes.get("status", "ok")
    text = clip(result.text, _LONGEST)
    if status == "ok":
        return _after_success(result, tool, text, prompt)
    if status == "denied":
        return _after_denial(text, prompt)
    call = last_call(prompt)
    if call and _TRANSIENT.search(text) and _failures(prompt) == 1:
        return step("call_tool", "", action=call)
    return reply(f"That did not work, I am sorry. {tool} said: {text or 'nothing'}", 0.6)


def _after_success(result: Element, tool: str, text: str, prompt: Prompt) -> Step:
    match tool:
        case "remind":
            return reply(text or "Done, the reminder is set.")
        case "current_time" if text[:1].isdigit():
            return reply(f"It is {text}.")
        case "withdraw":
            still = f"\n\nStill waiting:\n{listed(prompt)}" if prompt.waiting else ""
            return reply(f"I have taken it back: nobody has to decide it any more.{still}")
        case _:
            at = prompt.elements.index(result)
            _, changed = _edited(tool, last_call(prompt).get("args", {}), prompt.elements[:at])
            return reply(f"{text or f'{tool} is done.'}{changed}")


def _after_denial(text: str, prompt: Prompt) -> Step:
    """A person's no is quoted; any other denial says itself why."""
    decision = _last(prompt, "approval")
    if decision is not None and decision.attributes.get("status") == "rejected":
        who = decision.attributes.get("by", "Somebody")
        why = f': "{clip(decision.text, _LONGEST)}".' if decision.text else " and gave no reason."
        return reply(f"{who} said no{why} So I did not do it.")
    because = f" What I was told: {text}" if text else ""
    return reply(f"I did not do that: it was not allowed.{because}")


def last_call(prompt: Prompt) -> Mapping[str, Any]:
    steps = [each for each in prompt.elements if each.tag == "step"]
    return steps[-1].call if steps else {}


def _failures(prompt: Prompt) -> int:
    """How many tool calls have failed since the person last spoke."""
    count = 0
    for element in reversed(prompt.elements):
        if element.tag == "message":
            break
        count += element.tag == "tool_result" and element.attributes.get("status") != "ok"
    return count


# --- jobs


def after_task(task: Element, prompt: Prompt) -> Step:
    """How a job ended, with its last line first: those who said yes read only the beginning."""
    what, changed = _what_ran(prompt, before=task)
    text = clip(task.text, _LONGEST)
    found = _ENDED.fullmatch(text)
    how = found["how"] if found else text
    lines = [line for line in (found["output"] or "").splitlines() if line.strip()] if found else []
    match task.attributes.get("status"):
        case "ok":
            said = f"{what} is done: {lines[-1].strip()} ({how})." if lines else f"{what} is done ({how})."
        case "cancelled":
            said = f"{what} was cancelled: {text or 'no reason was given'}"
        case "expired":
            said = f"{what} did not end in time, so I no longer wait for it. {text}".strip()
        case _:
            said = f"{what} did not work, I am sorry: {text or 'it said nothing'}"
    return reply(f"{said}{changed}")


def _what_ran(prompt: Prompt, *, before: Element) -> tuple[str, str]:
    """The call that has ended now, and what a person changed of it; in general words if it may be another one."""
    earlier = prompt.elements[: prompt.elements.index(before)]
    begun = [e for e in earlier if e.tag == "task" and e.attributes.get("status") == "started"]
    if len(begun) - sum(e.tag == "task" and e not in begun for e in earlier) != 1:
        return "The job", ""
    tool = begun[-1].attributes.get("tool", "")
    asked: Mapping[str, Any] = next(
        (e.call["args"] for e in reversed(earlier) if e.call.get("tool") == tool), {}
    )
    changed, told = _edited(tool, asked, earlier[: earlier.index(begun[-1])])
    return in_words(tool, changed), told


def _edited(tool: str, asked: Mapping[str, Any], earlier: Sequence[Element]) -> tuple[Mapping[str, Any], str]:
    """The arguments with which a call was carried out, and who changed what of them."""
    decision = next((each for each in reversed(earlier) if each.tag in ("approval", "step")), None)
    if decision is None or decision.attributes.get("tool") != tool:
        return asked, ""
    found = _CHANGED.search(decision.text) if decision.attributes.get("status") == "edited" else None
    changed = as_object(found[1]) if found else {}
    new = [f'{name} is now "{value}"' for name, value in changed.items() if asked.get(name) != value]
    if not new:
        return changed or asked, ""
    by = decision.attributes.get("by", "somebody")
    return changed, f" {by} changed what I had asked for: {', '.join(new)}."


# --- people


def after_answer(answer: Element, prompt: Prompt) -> Step:
    question = next(
        (
            e.call["args"].get("question")
            for e in reversed(prompt.elements)
            if e.call.get("tool") == "ask_person"
        ),
        None,
    )
    about = f' to "{clip(question)}"' if isinstance(question, str) and question else ""
    if answer.attributes.get("status"):
        return reply(f"I got no answer{about}: {answer.attributes['status']}.")
    who = answer.attributes.get("from", "They")
    return reply(f"{who} answered{about}: {clip(answer.text, _LONGEST) or '(nothing)'}")


# --- in plain words


def listed(prompt: Prompt) -> str:
    """What waits for whom, a line each."""
    rows = []
    for each in prompt.waiting:
        match each.kind:
            case "yes":
                who = f"{each.who}'s yes" if each.who else "a person's yes"
                rows.append(f"- {_call_in_words(each.what)}: needs {who}, until {_moment(each.until)}")
            case "answer":
                rows.append(f"- {each.who} has not answered yet: {clip(each.what)}")
            case "task":
                rows.append(f"- {'the job' if each.what == 'run_job' else each.what} is still running")
    return "\n".join(rows)


def _call_in_words(line: str) -> str:
    tool, _, args = line.partition(" ")
    return in_words(tool, as_object(args)) if as_object(args) else clip(line)


def in_words(tool: str, args: Mapping[str, Any]) -> str:
    """A call as a person would name it."""
    if tool == "send_message" and args.get("to"):
        return f'the message to {args["to"]} ("{clip(str(args.get("text", "")))}")'
    if tool == "send_email" and args.get("to"):
        return f'the e-mail to {args["to"]} ("{clip(str(args.get("subject", "")))}")'
    if tool == "schedule_meeting" and args.get("participant"):
        return f"the meeting with {args['participant']} on {args.get('date')} at {args.get('time')}"
    if tool == "run_job" and args.get("job"):
        rest = ", ".join(
            f"{name} {value}" for name, value in args.items() if name != "job" and value is not None
        )
        return f"{args['job']} ({rest})" if rest else str(args["job"])
    return "the job" if tool == "run_job" else tool


def _moment(until: str) -> str:
    return until[:16].replace("T", " ")


def _last(prompt: Prompt, tag: str) -> Element | None:
    return next((each for each in reversed(prompt.elements) if each.tag == tag), None)


def history(prompt: Prompt) -> str:
    """How the last thing that needed others ended; "" if nothing did."""
    ends: Sequence[Element] = [
        e
        for e in prompt.elements
        if e.tag in ("approval", "task") and e.attributes.get("status") not in _OPEN
    ]
    if not ends:
        return ""
    last = ends[-1]
    status = last.attributes.get("status", "")
    if last.tag == "task":
        what, _ = _what_ran(prompt, before=last)
        return f"{what} has ended: {_TASK_ENDS.get(status, status)}."
    by = last.attributes.get("by", "")
    said = f": {clip(last.text)}" if last.text and status in ("rejected", "answered") else ""
    return f"The last request for a yes was {_ENDS.get(status, status)}{f' by {by}' if by else ''}{said}."


_OPEN = ("asked for", "started")
_TASK_ENDS = {"ok": "it worked", "failed": "it did not work"}
_ENDS = {
    "edited": "changed and approved",
    "expired": "not decided in time",
    "superseded": "dropped, because what was asked for has changed",
}
