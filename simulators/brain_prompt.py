"""How the demo brain reads a request: the text blocks of the thread, one element each, and the situation."""

import html
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

_ELEMENT = re.compile(r"\s*<([A-Za-z_]\w*)((?:\s+[\w:-]+=\"[^\"]*\")*)\s*(?:/>|>(.*)</\1>)\s*", re.DOTALL)
_ATTRIBUTE = re.compile(r"([\w:-]+)=\"([^\"]*)\"")
_NESTED = re.compile(r"<([A-Za-z_]\w*)\b([^>]*?)(?:/>|>(.*?)</\1>)", re.DOTALL)
_SITUATION = re.compile(r"<situation>(.*?)</situation>", re.DOTALL)
_NOW = re.compile(r"^now: (\S+)\b", re.MULTILINE)
_WAITING = re.compile(
    r"- seq (?P<seq>[0-9]{1,18}): (?:a yes(?: of (?P<who>[^:]{1,200}?))?, until (?P<until>\S+): (?P<call>.*)"
    r"|an answer of (?P<asked>[^:]{1,200}): (?P<question>.*)|(?P<task>\S+), still running)"
)
_IN_WORDS = "by this schema: "  # before the schema, for models that only read text


@dataclass(frozen=True)
class Element:
    """One event as the prompt shows it; text is what stands outside any nested element."""

    tag: str
    attributes: Mapping[str, str]
    text: str
    nested: tuple["Element", ...] = ()

    @property
    def seq(self) -> str:
        return self.attributes.get("seq", "")

    @property
    def subject(self) -> str:
        """What the mail is called that this message came as, "" if it has no name."""
        named = (e for e in self.nested if "subject" in (e.tag, e.attributes.get("name")))
        return next((each.text for each in named if each.tag in ("subject", "stranger")), "")

    @property
    def stranger(self) -> str | None:
        """What somebody unknown wrote; None where a person did."""
        texts = [each.text for each in self.nested if each.tag == "stranger" and not each.attributes]
        return "\n".join(texts) if any(each.tag == "stranger" for each in self.nested) else None

    @property
    def calendar(self) -> str:
        """An answer to an invitation that came along, "" if none did."""
        attached = (each for each in self.nested if each.tag == "attachment")
        return next((each.text for each in attached if each.attributes.get("name") == "invitation"), "")

    @property
    def step(self) -> Mapping[str, Any]:
        """What a <step> holds; empty when it cannot be read."""
        return as_object(self.text)

    @property
    def call(self) -> Mapping[str, Any]:
        """The call that a <step> proposes; empty when there is none."""
        action = self.step.get("proposed_action") if self.tag == "step" else None
        return action if isinstance(action, dict) and isinstance(action.get("args"), dict) else {}


@dataclass(frozen=True)
class Waiting:
    """Something that others have to do first: `who` has to say yes to or answer `what`, or `what` still runs."""

    seq: int
    kind: Literal["yes", "answer", "task"]
    what: str
    who: str = ""
    until: str = ""


@dataclass(frozen=True)
class Prompt:
    elements: tuple[Element, ...]
    now: datetime | None
    open_reminders: tuple[str, ...]
    waiting: tuple[Waiting, ...]
    jobs: tuple[str, ...]
    job_parameters: Mapping[str, str]  # each with its type
    refused: str  # why its last answer was no valid step
    errors: tuple[str, ...]  # of calls that failed and are not resolved
    pictures: tuple[str, ...] = ()  # what came with the newest message, as kind and type


def read(request: Mapping[str, Any]) -> Prompt:
    """Read what our own bot wrote; anything unexpected is left out, nothing raises."""
    parts = list(_texts(request))
    elements = tuple(element for part in parts if (element := _element(part)) and element.tag != "situation")
    found = [match for part in parts[-1:] if (match := _SITUATION.search(part))]
    situation = html.unescape(found[0][1]) if found else ""
    now = _NOW.search(situation)
    job = _arguments_of(schema_of(request) or {}, "run_job")
    return Prompt(
        elements,
        _time(now[1]) if now else None,
        tuple(row for line in _listed(situation, "open reminders:") for row in _reminders(line)),
        tuple(filter(None, map(_waiting, _listed(situation, "waiting for:")))),
        _values(job.get("job")),
        {name: _type(value) for name, value in job.items() if name != "job"},
        _refusal(situation),
        tuple(line.removeprefix("- ") for line in _listed(situation, "unresolved errors:")),
        _pictures(request),
    )


def _refusal(situation: str) -> str:
    """Why the last answer was refused, "" if it was not."""
    lines = (line.partition("your last answer was refused:") for line in situation.splitlines())
    return next((why.strip() or "no reason" for _, mark, why in lines if mark), "")


def as_object(text: str) -> Mapping[str, Any]:
    """A JSON object in a text; empty when it is none."""
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return parsed if isinstance(parsed, dict) else {}


# --- the thread


def _texts(request: Mapping[str, Any]) -> Iterator[str]:
    messages = request.get("messages")
    for message in messages if isinstance(messages, list) else ():
        content = message.get("content") if isinstance(message, Mapping) else None
        if isinstance(content, str):
            yield content
        for block in content if isinstance(content, list) else ():
            if isinstance(block, Mapping) and isinstance(block.get("text"), str):
                yield block["text"]


def _pictures(request: Mapping[str, Any]) -> tuple[str, ...]:
    """The pictures and documents just before the last message; earlier ones were talked about before."""
    messages = request.get("messages")
    last = messages[-1] if isinstance(messages, list) and messages else None
    content = last.get("content") if isinstance(last, Mapping) else None
    shown: list[str] = []
    before: list[str] = []
    for block in content if isinstance(content, list) else ():
        match block:
            case {"type": "image" | "document" as kind, "source": {"media_type": str(type_)}}:
                before.append(f"{'a picture' if kind == 'image' else 'a document'} ({type_})")
            case {"text": str(text)} if text.startswith("<message"):
                shown, before = before, []
            case _:
                before = []
    return tuple(shown)


def _element(part: str) -> Element | None:
    match = _ELEMENT.fullmatch(part)
    if match is None:
        return None
    inner = match[3] or ""  # a < of the person's own is escaped, so what looks like an element is one
    nested = (_made(each[1], each[2], each[3] or "") for each in _NESTED.finditer(inner))
    return _made(match[1], match[2], _NESTED.sub("", inner), nested=tuple(nested))


def _made(tag: str, attributes: str, text: str, *, nested: tuple[Element, ...] = ()) -> Element:
    named = {name: html.unescape(value) for name, value in _ATTRIBUTE.findall(attributes)}
    return Element(tag, named, html.unescape(text).strip(), nested)


# --- the situation


def _time(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _listed(situation: str, heading: str) -> Iterator[str]:
    """The lines under a heading, one each or all of them behind it."""
    inside = False
    for line in situation.splitlines():
        if line.startswith(heading):
            inside, line = True, line.removeprefix(heading)
        elif not line.lstrip().startswith(("seq ", "- ")):
            inside = False
        if inside and line.strip():
            yield line.strip()


def _reminders(line: str) -> Iterator[str]:
    rows = (row.strip(" -") for row in re.split(r"; (?=seq [0-9])", line))
    return (row for row in rows if row not in ("", "none"))


def _waiting(line: str) -> Waiting | None:
    found = _WAITING.fullmatch(line)
    if found is None:
        return None
    seq = int(found["seq"])
    if found["until"]:
        return Waiting(seq, "yes", found["call"], found["who"] or "", found["until"])
    if found["asked"]:
        return Waiting(seq, "answer", found["question"], found["asked"])
    return Waiting(seq, "task", found["task"])


# --- the schema


def schema_of(request: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The schema that the answer has to fit, wherever it stands."""
    config = request.get("output_config")
    wanted = config.get("format") if isinstance(config, Mapping) else None
    schema = wanted.get("schema") if isinstance(wanted, Mapping) else None
    if isinstance(schema, Mapping):
        return schema
    last = (list(_texts(request)) or [""])[-1]
    return as_object(last.rpartition(_IN_WORDS)[2]) or None if _IN_WORDS in last else None


def _arguments_of(schema: Mapping[str, Any], tool: str) -> Mapping[str, Any]:
    """The arguments of one of the tools that the schema offers; empty if it does not."""
    action = _field(_field(schema, "properties"), "proposed_action")
    variants = action.get("anyOf")
    for variant in variants if isinstance(variants, list) else ():
        fields = _field(variant, "properties")
        if _field(fields, "tool").get("const") == tool:
            return _field(_field(fields, "args"), "properties")
    return {}


def _field(value: object, name: str) -> Mapping[str, Any]:
    found = value.get(name) if isinstance(value, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _values(schema: object) -> tuple[str, ...]:
    if not isinstance(schema, Mapping):
        return ()
    listed = schema.get("enum")
    values = listed if isinstance(listed, list) else [schema.get("const")]
    return tuple(value for value in values if isinstance(value, str))


def _type(schema: object) -> str:
    """The type of a value that may also be null; "" if that is not as simple."""
    if not isinstance(schema, Mapping):
        return ""
    variants = schema.get("anyOf")
    for variant in variants if isinstance(variants, list) else [schema]:
        kind = variant.get("type") if isinstance(variant, Mapping) else None
        if isinstance(kind, str) and kind != "null":
            return kind
    return ""
