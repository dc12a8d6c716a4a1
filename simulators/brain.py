"""The demo brain: what answers when there is no key. A few rules, always the same, and it says so.

`answer` is a pure function from a Messages API request to one step. Only the person's own words are commands;
quoted text, attachments, tool results and reminders are data.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from simulators import brain_acts as acts, brain_mail as mail
from simulators.brain_math import calculate, looks_like_a_sum
from simulators.brain_places import find_zone
from simulators.brain_prompt import Element, Prompt, read, schema_of
from simulators.brain_results import after_answer, after_task, after_tool
from simulators.brain_steps import Step, ask, call, clip, reply, step
from simulators.brain_time import find_when
from simulators.brain_words import ABILITIES, ABOUT, HELP, INTRODUCTION, long_answer
from simulators.messages_schema import misfit

_SAID_ALOUD = {"reply", "need_clarification", "escalate", "task_complete", "hand_off", "need_approval"}
_TURNS = {"message", "edited", "tool_result", "reminder", "invalid_step", "task", "answer"}
_POLITE = re.compile(
    r"^(?:@[\w.-]+[,:]?\s+|<@\w+>\s*|(?:please|hey|ok(?:ay)?|so)[, ]\s*"
    r"|(?:can|could|would|will) you (?:please )?)+",
    re.IGNORECASE,
)
_LONGEST_COMMAND = 1_000  # anything longer is no command, except what is to be repeated or sent


def answer(request: Mapping[str, Any]) -> Step:
    """Decide the next step; if the request's schema does not allow it, fall back to a plain reply."""
    prompt = read(request)
    decided = _introduced(_decide(prompt), prompt)
    schema = schema_of(request)
    if schema is not None and misfit(decided, schema):
        return _introduced(reply("I understood that, but here I am not able to do it.", 0.5), prompt)
    return decided


def _decide(prompt: Prompt) -> Step:
    turn = next((each for each in reversed(prompt.elements) if _is_turn(each, prompt)), None)
    if prompt.refused:
        return _misunderstood(prompt.refused)
    if prompt.errors and turn and turn.tag in ("tool_result", "approval") and _failed_last(prompt):
        return reply(f"That did not work, I am sorry: {prompt.errors[-1].partition(': ')[2]}", 0.6)
    match turn.tag if turn else None:
        case "tool_result" if turn:
            return after_tool(turn, prompt)
        case "task" if turn:
            return after_task(turn, prompt)
        case "answer" if turn:
            return after_answer(turn, prompt)
        case "reminder" if turn:
            return reply(f"Reminder: {turn.text or 'you asked me to remind you now'}")
        case "invalid_step":
            return _misunderstood()
        case "message" | "edited" if turn:
            return _to_person(turn, prompt)
        case _:
            return reply("There is nothing new to answer.", 0.5)


def _is_turn(element: Element, prompt: Prompt) -> bool:
    """Not what was meant for a colleague; and an edit counts only when it changes the latest message."""
    if "to" in element.attributes or (
        element.tag == "task" and element.attributes.get("status") == "started"
    ):
        return False
    if element.tag != "edited":
        return element.tag in _TURNS
    messages = [each.seq for each in prompt.elements if each.tag == "message"]
    return not messages or element.attributes.get("of") == messages[-1]


# --- what a person says: the first rule that knows the words answers


@dataclass(frozen=True)
class _Said:
    text: str
    prompt: Prompt


_Rule = Callable[[_Said], Step | None]


def _to_person(message: Element, prompt: Prompt) -> Step:
    if message.stranger is not None:
        words = message.stranger or message.subject
        if any(each.tag == "message" and each.stranger is None for each in prompt.elements):
            return mail.calendar(message) or mail.passed_on(message, words)
        found = _answered(words, prompt, _OF_STRANGERS)
        return found or mail.calendar(message) or mail.to_stranger(words)
    words = message.text or message.subject
    if prompt.pictures and (seen := _looked_at(words, prompt.pictures)):
        return seen
    return _answered(words, prompt, _RULES) or mail.calendar(message) or _unknown(_said(words, prompt))


def _looked_at(words: str, pictures: Sequence[str]) -> Step | None:
    """These rules have no eyes: they say what they were shown."""
    if words and not re.search(
        r"\b(?:picture|image|photo|screenshot|pdf|document|file|see|look|this)\b", words, re.I
    ):
        return None
    shown = " and ".join(pictures)
    return reply(f"You have shown me {shown}. I am only simple rules, so I cannot tell what is on it.")


def _answered(text: str, prompt: Prompt, rules: Sequence[_Rule]) -> Step | None:
    """By the first rule that knows the words, or else what a letter says between its greeting and its closing."""
    for words in dict.fromkeys((text, mail.core(text))):
        said = _said(words, prompt)
        short = len(said.text) <= _LONGEST_COMMAND
        for rule in rules:
            if (short or rule in _OF_ANY_LENGTH) and (found := rule(said)):
                return found
    return None


def _said(text: str, prompt: Prompt) -> _Said:
    return _Said(_POLITE.sub("", text.strip(), count=1).strip() or text.strip(), prompt)


def _act(rule: Callable[[str, Prompt], Step | None]) -> _Rule:
    return lambda said: rule(said.text, said.prompt)


def _repeat(said: _Said) -> Step | None:
    match = re.match(r"(?:repeat after me|say)\b[:,]?\s*(.*)", said.text, re.IGNORECASE | re.DOTALL)
    if match is None:
        return None
    return reply(match[1]) if match[1].strip() else ask("What should I say?")


def _remind(said: _Said) -> Step | None:
    match = re.match(
        r"(.*?)\b(?:set (?:me )?a reminder|remind me)\b(?P<what>.*)", said.text, re.IGNORECASE | re.DOTALL
    )
    if match is None or len(match[1]) > 60:
        return None
    phrase = f"{match['what']} {match[1]}" if find_when(match[1], said.prompt.now) else match["what"]
    return _reminder(phrase, said.prompt)


def _reminder(phrase: str, prompt: Prompt) -> Step:
    found = find_when(phrase, prompt.now)
    task = _task(found.rest if found else phrase)
    if found is None:
        return ask(f'When should I remind you to "{clip(task)}"?' if task else "When, and of what?")
    return _set_reminder(task, found.when)


def _set_reminder(task: str, when: str) -> Step:
    if not task:
        return ask("What should I remind you of?")
    return call("remind", text=task, when=when)


def _task(text: str) -> str:
    return re.sub(r"^(?:to|that|about|of|for)\b\s*", "", text.strip(" ,.:;"), flags=re.IGNORECASE).strip(" ,")


def _answer_to_question(said: _Said) -> Step | None:
    """Join "in 5 minutes" to the reminder, or a text to the message, that we had to ask about."""
    steps = [each for each in said.prompt.elements if each.tag in ("step", "message")]
    asked = steps[-2] if len(steps) > 1 else None
    if asked is None or asked.step.get("intent") != "need_clarification":
        return None
    before = next((each.text for each in reversed(steps[:-2]) if each.tag == "message"), "")
    asked_for = _POLITE.sub("", before.strip(), count=1)
    for complete in (acts.send_that, mail.complete):
        if completed := complete(asked_for, said.text, said.prompt):
            return completed
    match = re.search(r"\bremind(?:er| me)\b(.*)", before, re.IGNORECASE | re.DOTALL)
    if match is None or len(said.text) > 200:
        return None
    earlier, later = find_when(match[1], said.prompt.now), find_when(said.text, said.prompt.now)
    if earlier is None and later is not None:
        return _set_reminder(_task(match[1]) or _task(later.rest), later.when)
    if earlier is not None and later is None and not _task(earlier.rest):
        return _set_reminder(_task(said.text), earlier.when)
    return None


def _time(said: _Said) -> Step | None:
    match = re.match(
        r"(?:(?:do you know )?what(?:'s|s| is)? (?:the )?(?:current )?time(?: is it| it is)?|time)"
        r"(?: now| right now)?(?: (?:in|at) (?P<place>.{1,60}))?$",
        said.text.rstrip(" ?!."),
        re.IGNORECASE,
    )
    if match is None:
        return None
    place = re.sub(r"\s+(?:right )?now$", "", match["place"] or "")
    zone = find_zone(place) if place else ""
    if zone is None:
        return ask(f'Which time zone is "{clip(place)}" in? A name like Europe/Berlin is what I need.')
    return call("current_time", timezone=zone)


def _sum(said: _Said) -> Step | None:
    match = re.match(
        r"(?P<asked>(?:what(?:'s|s| is)|how much is|calculate|compute)\s+)?(?P<sum>.+)",
        said.text,
        re.IGNORECASE,
    )
    if match is None or not (match["asked"] or looks_like_a_sum(match["sum"])):
        return None
    result = calculate(match["sum"])
    return None if result is None else reply(f"`{clip(match['sum'].strip(' =?'))}` {result}")


def _reminders(said: _Said) -> Step | None:
    asked = r"(?:what|which|list|show|any|do i have|are there)\b.*\breminders?\b|(?:my |open )+reminders\b"
    if re.match(asked, said.text, re.IGNORECASE) is None:
        return None
    rows = said.prompt.open_reminders
    return reply(
        "Open reminders:\n\n" + "\n".join(f"- {row}" for row in rows) if rows else "No reminders are open."
    )


def _on(pattern: str, answered: Callable[[], Step]) -> _Rule:
    """A rule that answers always the same to a phrase."""
    compiled = re.compile(rf"(?:{pattern})\s*[.!?]*$", re.IGNORECASE)
    return lambda said: answered() if compiled.match(said.text) else None


_person = _on(
    r".{0,40}\b(?:talk|speak|chat|connect me)\s+(?:to|with)\s+(?:a|an|some|the)?\s*(?:real |actual )?"
    r"(?:person|human|someone|somebody|operator|agent|people)",
    lambda: step("escalate", "I will get a person to look at this."),
)
_help = _on(r"(?:help|what can you do|what do you do|commands|\?)", lambda: reply(HELP))
_thanks = _on(
    r"(?:thanks?|thank you|thx|cheers|perfect|great)(?:[ ,]+.{0,40})?",
    lambda: step("task_complete", "You are welcome."),
)
_hello = _on(
    r"(?:hi|hello|hey|moin|hallo|good (?:morning|afternoon|evening|day))(?:[ ,]+\w{1,30}){0,2}",
    lambda: reply('Hello! What can I do for you? Say "help" for a list.'),
)
_about = _on(
    r"(?:tell me (?:something )?about yourself|who are you|what are you|introduce yourself"
    r"|are you (?:a|an) .*)",
    lambda: reply(ABOUT),
)
_long = _on(r"(?:(?:give me |show me )?an? )?long answer", lambda: reply(long_answer()))

_OF_ANY_LENGTH: tuple[_Rule, ...] = (_repeat, _act(mail.send), _act(acts.send))
_RULES: tuple[_Rule, ...] = (
    *_OF_ANY_LENGTH,
    _remind,
    _act(mail.meet),
    _act(acts.run),
    _act(acts.ask_person),
    _act(acts.take_back),
    _act(acts.status),
    _person,
    _time,
    _reminders,
    _sum,
    _help,
    _thanks,
    _hello,
    _about,
    _long,
    _answer_to_question,
)
_OF_STRANGERS: tuple[_Rule, ...] = (_person, _time, _sum, _thanks, _about)
"""Questions that harm nobody; what else strangers say is not obeyed."""


def _unknown(said: _Said) -> Step:
    if not said.text:
        return reply(f"I see no words in that message. What I can do:\n\n{ABILITIES}", 0.3)
    return reply(
        f'I read: "{clip(said.text)}". That is more than my simple rules understand. '
        f"What I can do:\n\n{ABILITIES}{acts.what_waits(said.prompt)}",
        0.3,
    )


# --- what every answer goes through


def _misunderstood(why: str = "") -> Step:
    """A refusal that says what is wrong is passed on; people can do more with it than these rules."""
    said = why.rpartition("proposed_action.args.")[2] if "proposed_action.args." in why else why
    if said and "JSON" not in said and "proposed_action" not in said:
        return reply(f"That cannot be done like this: {clip(said)}", 0.3)
    return reply("I got that wrong, sorry. Could you say it in other words?", 0.3)


def _failed_last(prompt: Prompt) -> bool:
    """Whether the newest thing that came of a call is an error, which stands in no element of its own."""
    seqs = [int(seq) for line in prompt.errors if (seq := line.partition(" ")[2].partition(":")[0]).isdigit()]
    shown = [
        int(each.seq)
        for each in prompt.elements
        if each.tag in ("tool_result", "task") and each.seq.isdigit()
    ]
    return bool(seqs) and max(seqs) > max(shown, default=0)


def _introduced(answer: Step, prompt: Prompt) -> Step:
    """Say once, in the first reply of a conversation, what is answering."""
    spoken = any(each.tag == "earlier" or each.step.get("intent") in _SAID_ALOUD for each in prompt.elements)
    if spoken or answer["intent"] not in _SAID_ALOUD:
        return answer
    return {**answer, "message": f"{answer['message']}\n\n{INTRODUCTION}"}
