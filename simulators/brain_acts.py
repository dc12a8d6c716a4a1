"""What the demo brain does for people: messages to others, jobs, questions to others, and taking requests back.

A sentence that is not understood as a whole is not acted on.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from simulators.brain_prompt import Prompt
from simulators.brain_results import history, listed
from simulators.brain_steps import Step, ask, call, clip, reply

_FLAGS = re.IGNORECASE | re.DOTALL
_WHO = r"@?(?P<who>(?!(?:an?|the|me|him|her|them|us|you|it|this|that|everybody|all)\b)[A-Za-z][\w.-]{0,63})"
_KIND = r"(?P<kind>sms|text(?: message)?|slack(?: message)?|dm|direct message|message|note)"
_BY = r"(?:\s+(?:by|via|on|over|through|in|with an?)\s+(?P<by>sms|text|slack|phone|dm|e-?mail|mail)\b)?"
_SAYING = r"\s*(?:(?:saying|that says|which says|with the text|to say|that)\b[:,]?|:)\s*(?P<text>\S.*)"
_MESSAGES = tuple(
    re.compile(pattern, _FLAGS)
    for pattern in (
        rf"(?:send|write|drop) {_WHO} (?:an? |the )?{_KIND}{_BY}(?:{_SAYING})?",
        rf"(?:send|write|drop) (?:an? |the )?{_KIND} to {_WHO}{_BY}(?:{_SAYING})?",
        rf"(?P<kind>text|sms) {_WHO}(?:{_SAYING})?",
        rf"(?P<kind>message|dm|slack) {_WHO}{_BY}{_SAYING}",
        rf"(?:tell|write to|let) {_WHO}(?: know)?{_BY}{_SAYING}",
    )
)
_CHANNELS = {
    "sms": "sms", "text": "sms", "phone": "sms", "slack": "slack", "dm": "slack", "direct": "slack",
    "email": "email", "e-mail": "email", "mail": "email",
}  # fmt: skip
_QUESTION = re.compile(
    rf"ask {_WHO}{_BY}(?:\s*[:,]\s*|\s+)(?:(?P<whether>whether|if)\s+)?(?P<text>\S.*)", _FLAGS
)
_OPTIONS = re.compile(
    r"\s*[(\[](?:options?|answers?|choices?)?\s*:?\s*(?P<options>[^()\[\]]+)[)\]]\s*[.?]?$", _FLAGS
)
_EITHER = re.compile(r"(?P<one>[\w ]{1,30}) or (?P<other>[\w ]{1,30})\?*", re.IGNORECASE)
_BACK = re.compile(
    r"(?P<soft>never ?mind|forget (?:about )?(?:it|that))?[,.;!]?\s*"
    r"(?P<take>(?:please )?(?:withdraw|take back|cancel|drop)"
    r"(?: it| that| this| (?:the|that|my) (?:request|message|sms|text|job|deploy(?:ment)?))?"
    r"|take (?:it|that|the request) back)?\s*(?:again|please)?[.! ]*",
    re.IGNORECASE,
)
_STATUS = re.compile(
    r"(?:(?:and|so)[, ]+)?(?:is (?:it|that|this) (?:done|ready|finished|deployed|sent|out|through)(?: yet| already)?"
    r"|(?:done|finished|ready)(?: yet)?|(?:any|what(?:'s| is) the) (?:news|status|progress)|status"
    r"|how(?:'s| is) it going|how far (?:is it|are you)|what(?:'s| is) (?:happening|going on|the hold-?up)"
    r"|(?:who|what) (?:are you|is it|are we|is everyone) waiting (?:for|on)|what (?:is|are) (?:still )?(?:open|waiting)"
    r"|did (?:it|that) (?:work|run|go (?:through|out))|has (?:it|that) (?:run|worked|been (?:sent|deployed|done))"
    r"|(?:did|has) \w{1,30} (?:decided?|answer(?:ed)?|approved?|say yes|said yes|say anything)(?: yet)?"
    r"|where (?:is|are) (?:we|it|that))[ ?!.]*",
    re.IGNORECASE,
)


def send(text: str, prompt: Prompt) -> Step | None:
    """ "send Bob an SMS saying: the deploy starts at 5": the text goes out exactly as it stands there."""
    for pattern in _MESSAGES:
        if found := pattern.fullmatch(text):
            named = found.groupdict()
            words = f"{named.get('by') or ''} {named.get('kind') or ''}".lower().split()
            channel = next((_CHANNELS[word] for word in words if word in _CHANNELS), "")
            return _message(found["who"], channel, found["text"])
    return None


def _message(who: str, channel: str, text: str | None) -> Step:
    if text is None:
        return ask(f"What should I write to {who}?")
    return call("send_message", to=who, channel=channel, text=unquoted(text))


def send_that(before: str, text: str, prompt: Prompt) -> Step | None:
    """What should be written to somebody, after we had to ask for it."""
    step = send(before, prompt)
    if step is None or step["intent"] != "need_clarification":
        return None
    return send(f"{before.rstrip(' :.,')}: {text}", prompt)


def unquoted(text: str) -> str:
    """Quotation marks around all of it only say where it begins and ends."""
    text = text.strip()
    for opening, closing in ('""', "''", "“”", "„“", "«»"):
        inner = text[1:-1]
        if (
            len(text) > 2
            and text[0] == opening
            and text[-1] == closing
            and not {opening, closing} & set(inner)
        ):
            return inner
    return text


# --- jobs


def run(text: str, prompt: Prompt) -> Step | None:
    """ "deploy v1.2 to staging", "run deploy-staging with tag v3": jobs are those that the schema offers."""
    text = text.rstrip(" .!?")
    for job in prompt.jobs:
        if (given := _given(text, job, prompt.job_parameters)) is not None:
            return call("run_job", job=job, **{name: given.get(name) for name in prompt.job_parameters})
    if prompt.jobs and re.match(r"(?:deploy|run the job|start the job)\b", text, re.IGNORECASE):
        return ask(f"Which job do you mean? I know: {', '.join(prompt.jobs)}")
    return None


def _given(text: str, job: str, parameters: Mapping[str, str]) -> Mapping[str, object] | None:
    """The parameters that a sentence gives to this job; None if it is not, or not only, about that."""
    words = [re.escape(word) for word in re.split(r"[-_ ]", job) if word]
    name = r"[-_ ]".join(words)
    patterns = [
        rf"(?:run|start|launch|execute|trigger|do)\s+(?:the\s+)?(?:job\s+)?{name}(?:\s+job)?(?P<rest>.*)"
    ]
    patterns += [rf"{name}(?P<rest>.*)"]
    if len(words) == 2:  # a verb and what it is done to
        verb, target = words
        what = r"(?:(?:version|release|tag|build)\s+)?(?P<value>\S+)"
        patterns += [rf"{verb}\s+(?:{what}\s+)?(?:on|in)?to\s+(?:the\s+)?{target}(?P<rest>.*)"]
        patterns += [rf"{verb}\s+(?:the\s+)?{target}(?P<rest>.*)"]
    for pattern in patterns:
        if found := re.fullmatch(pattern, text, _FLAGS):
            return _values(found["rest"], found.groupdict().get("value"), parameters)
    return None


def _values(rest: str, value: str | None, parameters: Mapping[str, str]) -> Mapping[str, object] | None:
    texts = [name for name, kind in parameters.items() if kind == "string"]
    given: dict[str, str] = {}
    if value is not None and value.lower() not in ("it", "this", "that"):
        if len(texts) != 1:
            return None
        given[texts[0]] = value
    names = "|".join(map(re.escape, (*parameters, *(("version", "release") if len(texts) == 1 else ()))))
    one = rf"\s*(?:,|and|with|using|at|please|now)*\s*\b(?:the )?(?P<name>{names or '(?!)'})\s*[=: ]\s*(?P<value>\S+)"
    while found := re.match(one, rest, re.IGNORECASE):
        name = next(
            (each for each in parameters if each.lower() == found["name"].lower()), texts[0] if texts else ""
        )
        given[name] = found["value"].rstrip(",;")
        rest = rest[found.end() :]
    if (
        re.fullmatch(r"[\s,]*(?:please|now|again|right now|for me|pls|thanks?)?\s*", rest, re.IGNORECASE)
        is None
    ):
        return None
    return _typed(given, parameters)


def _typed(given: Mapping[str, str], parameters: Mapping[str, str]) -> Mapping[str, object] | None:
    found: dict[str, object] = {}
    for name, value in given.items():
        match parameters[name]:
            case "integer":
                if re.fullmatch(r"-?[0-9]{1,15}", value) is None:
                    return None
                found[name] = int(value)
            case "boolean":
                if value.lower() not in ("true", "false", "yes", "no", "on", "off"):
                    return None
                found[name] = value.lower() in ("true", "yes", "on")
            case _:
                found[name] = value
    return found


# --- questions


@dataclass(frozen=True)
class _Question:
    text: str
    options: tuple[str, ...] = ()


def ask_person(text: str, prompt: Prompt) -> Step | None:
    """ "ask Bob whether lunch is at 1", "ask carol: tea or coffee?", "ask Bob what he wants (options: red, blue)"."""
    found = _QUESTION.fullmatch(text)
    if found is None:
        return None
    question = _question(found["text"], whether=bool(found["whether"]))
    return call("ask_person", to=found["who"], question=question.text, options=list(question.options))


def _question(text: str, *, whether: bool) -> _Question:
    options: tuple[str, ...] = ()
    if listed_options := _OPTIONS.search(text):
        split = re.split(r"\s*,\s*(?:or\s+)?|\s+or\s+|\s*/\s*", unquoted(listed_options["options"]))
        options = tuple(unquoted(option) for option in split if option.strip())[:5]
        text = text[: listed_options.start()]
    elif whether:
        options = ("yes", "no")
    elif either := _EITHER.fullmatch(text.strip()):
        options = (either["one"].strip(), either["other"].strip())
    text = unquoted(text).rstrip(" .")
    return _Question(f"{text[:1].upper()}{text[1:]}{'' if text.endswith('?') else '?'}", options)


# --- what waits


def take_back(text: str, prompt: Prompt) -> Step | None:
    """ "withdraw it", "never mind, take it back": the request that was made last."""
    found = _BACK.fullmatch(text) if text.strip() else None
    if found is None or not (found["soft"] or found["take"]):
        return None
    requests = [each for each in prompt.waiting if each.kind == "yes"]
    if requests:
        return call("withdraw", seq=max(each.seq for each in requests))
    if not found["take"]:
        return reply("All right.")
    rest = f" What I still wait for:\n{listed(prompt)}" if prompt.waiting else ""
    return reply(f"No request of mine waits for a yes.{rest}")


def status(text: str, prompt: Prompt) -> Step | None:
    """ "is it done?": what waits for whom, else how the last of it ended."""
    if _STATUS.fullmatch(text) is None:
        return None
    if prompt.waiting:
        return reply(f"Not yet. What I wait for:\n\n{listed(prompt)}")
    return reply(history(prompt) or "Nothing is waiting here: no request, no question and no job.")


def what_waits(prompt: Prompt) -> str:
    """A line to add where somebody says something else while others have to act first."""
    return f"\n\nBy the way, I still wait for:\n{clip(listed(prompt), 600)}" if prompt.waiting else ""
