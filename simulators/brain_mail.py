"""What the demo brain does by mail: letters, meetings, answers to invitations, and mail of people it does not know.

A sentence that is not understood as a whole is not acted on.
"""

import re
from datetime import datetime

from simulators.brain_acts import unquoted
from simulators.brain_places import find_zone
from simulators.brain_prompt import Element, Prompt
from simulators.brain_steps import Step, ask, call, clip, reply
from simulators.brain_time import find_moment

_FLAGS = re.IGNORECASE | re.DOTALL
_ADDRESS = r"[^\s@<>,;:]{1,64}@[^\s@<>,;:]{1,255}"
_NAME = r"@?(?!(?:an?|the|me|him|her|them|us|you|it|this|that|everybody|all)\b)[A-Za-z][\w.-]{0,63}"
_WHO = rf"(?P<who>{_ADDRESS}|{_NAME})"
_KIND = r"(?:e-?mail|mail|letter)"
_ABOUT = r"\s+(?:about|on|re|with (?:the )?subject)\s*:?\s+(?P<subject>[^:\n]{1,150}?)"
_SAYING = r"\s*(?:,?\s*(?:saying|that says|which says|with the text|to say|that)\b[:,]?|:)\s*(?P<text>\S.*)"
_PLAINLY = r"\s*(?::|,?\s*(?:saying|that says|which says|with the text)\b[:,]?)\s*(?P<text>\S.*)"
_LETTERS = tuple(
    re.compile(pattern, _FLAGS)
    for begin in (
        rf"(?:send|write|drop) {_WHO} (?:an? |the )?{_KIND}",
        rf"(?:send|write|drop) (?:an? |the )?{_KIND} to {_WHO}",
        rf"e-?mail {_WHO}",
    )
    for pattern in (rf"{begin}{_ABOUT}{_PLAINLY}", rf"{begin}{_SAYING}", begin)
)
_MEETING = re.compile(
    r"(?:schedule|set up|arrange|book|plan|organi[sz]e) (?:an? |the )?(?:meeting|call|appointment)\b(?P<rest>.*)",
    _FLAGS,
)
_WITH = re.compile(rf"\bwith {_WHO}", re.IGNORECASE)
_HALF_AN_HOUR = re.compile(r"for (?:(?:30|thirty) min(?:ute)?s?|half an hour)\b[ ,]*", re.IGNORECASE)
_PLACE = re.compile(r"(?:in )?(?P<place>[A-Za-z_/ ]{2,40}?)(?: time)?", re.IGNORECASE)
_BARE_HOUR = re.compile(r"\bat (?:[1-9]|1[0-2])[.!?]*$", re.IGNORECASE)
_LONGEST_SUBJECT = 60
WHEN = 'Say a day and a time, like "tomorrow at 3 PM".'


# --- letters


def send(text: str, prompt: Prompt) -> Step | None:
    """ "e-mail sarah about lunch: at one?": the text goes out exactly as it stands there."""
    for pattern in _LETTERS:
        if found := pattern.fullmatch(text):
            named, who = found.groupdict(), _plain(found["who"])
            if not named.get("text"):
                return ask(f"What should I write to {who}?")
            body = unquoted(named["text"])
            subject = unquoted(named.get("subject") or "") or _subject_of(body)
            return call("send_email", to=who, subject=subject, body=body)
    return None


def _subject_of(body: str) -> str:
    """The first sentence, as far as a subject reaches."""
    return clip(re.split(r"(?<=[.!?])\s|\n", body.strip(), maxsplit=1)[0].rstrip(" .,:"), _LONGEST_SUBJECT)


def _plain(who: str) -> str:
    return who.lstrip("@").rstrip(".")


# --- meetings


def meet(text: str, prompt: Prompt) -> Step | None:
    """ "schedule a meeting with Sarah next Tuesday at 3 PM", counted from when it was written."""
    found = _MEETING.fullmatch(text.rstrip(" .!?"))
    if found is None:
        return None
    named = _WITH.search(found["rest"])
    if named is None:
        return ask("With whom should the meeting be?")
    who = _plain(named["who"])
    phrase = f"{found['rest'][: named.start()].strip()} {found['rest'][named.end() :].strip()}".strip()
    return _meeting(who, phrase, prompt)


def _meeting(who: str, phrase: str, prompt: Prompt) -> Step:
    if _BARE_HOUR.search(phrase):
        return ask("Is that AM or PM?")
    moment = find_moment(phrase, written(prompt))
    if moment is None:
        return ask(f"That is no time to come. When should the meeting with {who} be? {WHEN}")
    if not (moment.date and moment.time):
        return ask(f"When should the meeting with {who} be? {WHEN}")
    rest = _HALF_AN_HOUR.sub("", moment.rest, count=1).strip(" ,")
    place = _PLACE.fullmatch(rest) if rest else None
    zone = find_zone(place["place"]) if place else ""
    if zone is None or (rest and not place):
        return ask(
            f'What does "{clip(rest)}" mean for the meeting? It takes 30 minutes, and I need a day, a time and, if it '
            "is not yours, the place whose time that is."
        )
    return call("schedule_meeting", participant=who, date=moment.date, time=moment.time, timezone=zone)


def written(prompt: Prompt) -> datetime | None:
    """When the latest message was written, by its sender's clock; now, where it does not say."""
    at = next((e.attributes.get("at", "") for e in reversed(prompt.elements) if e.tag == "message"), "")
    try:
        return datetime.fromisoformat(at.partition(" ")[0])
    except ValueError:
        return prompt.now


def complete(before: str, text: str, prompt: Prompt) -> Step | None:
    """What was missing of a letter or a meeting, after we had to ask for it."""
    letter = send(before, prompt)
    if letter is not None and letter["intent"] == "need_clarification":
        return send(f"{before.rstrip(' :.,')}: {text}", prompt)
    meeting = meet(before, prompt)
    if meeting is not None and meeting["intent"] == "need_clarification":
        return meet(f"{before.rstrip(' :.,!?')} {text}", prompt)
    return None


# --- what comes by mail


def calendar(message: Element) -> Step | None:
    """Somebody's calendar has answered an invitation."""
    if not message.calendar:
        return None
    said, _, comment = message.calendar.partition("\n")
    wrote = comment.removeprefix("Comment:").strip()
    return reply(f"{clip(said)}." + (f' They wrote: "{clip(wrote)}"' if wrote else ""))


_GREETING = re.compile(
    r"(?:hi|hello|hey|dear|moin|hallo|good (?:morning|afternoon|evening|day))\b[^\n]{0,40}\n\s*",
    re.IGNORECASE,
)
_CLOSING = re.compile(
    r"\n(?:thanks?|thank you|many thanks|cheers|best|sincerely|yours"
    r"|(?:(?:best|kind|warm) )?(?:regards|wishes))\b[^\n]{0,40}(?:\n[^\n]{0,60}){0,4}"
    r"|\n\n(?:- ?)?(?-i:[A-Z])[\w.'-]{0,30}(?: (?-i:[A-Z])[\w.'-]{0,30}){0,2}",
    re.IGNORECASE,
)
_LONGEST_LETTER = 2_000


def core(text: str) -> str:
    """A short letter without its greeting and its closing."""
    text = text.strip()
    if "\n" not in text or len(text) > _LONGEST_LETTER:
        return text
    greeting = _GREETING.match(text)
    text = text[greeting.end() :] if greeting else text
    closings = (found for found in re.finditer(r"\n", text) if _CLOSING.fullmatch(text, found.start()))
    closing = next(closings, None)
    return (text[: closing.start()] if closing else text).strip()


def passed_on(message: Element, text: str) -> Step:
    """Somebody unknown answered what was sent to them from a conversation of others: those hear it."""
    return reply(f'{message.attributes.get("from", "somebody")} answered: "{clip(text, 500)}"')


def to_stranger(text: str) -> Step:
    """For somebody unknown, whose words are no commands."""
    about = f' I read: "{clip(text, 80)}".' if text else ""
    return reply(
        f"Thank you for your message.{about} I am an automated assistant and act only for people I know, so I have "
        "done nothing about it. I can answer simple questions, such as a sum or what time it is somewhere. If you "
        'need a person, write "talk to a person".',
        0.5,
    )
