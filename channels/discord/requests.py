"""A request as the one message Discord shows: its text exactly as it is, and buttons to answer with. Pure.

The text stands in a code block, which Discord shows letter by letter; where it holds a fence itself, each character
that Discord would act on is escaped instead. A button carries the handle and nothing else.
"""

import re
from collections.abc import Iterator, Mapping

from bot.events import Decision, Outgoing, RequestFor
from bot.ports import Part
from channels.discord.forms import LONGEST_ID, custom_id, editable
from channels.discord.markdown import FENCE
from channels.discord.parts import LIMIT, link_line, nonce

MOST_BUTTONS = 5
LONGEST_LABEL = 80
SPARE = 150
"""For the line of the link or of why there is no form, and later for what was chosen."""
ROW, BUTTON = 1, 2
PRIMARY, SECONDARY, SUCCESS, DANGER = 1, 2, 3, 4
ACTS = re.compile(r"[!-/:-@\[-`{-~]")

LABELS: Mapping[Decision, str] = {
    "approve": "Approve",
    "edit": "Edit",
    "reject": "Reject",
    "respond": "Answer instead",
}
STYLES: Mapping[Decision, int] = {"approve": SUCCESS, "reject": DANGER}
NOT_EDITABLE = "This is too long to change here; reject it and say what to change."

Component = dict[str, object]


def fits(text: str) -> bool:
    """Whether a request with this text can be shown whole, in one message."""
    return len(literal(text)) + SPARE <= LIMIT


def literal(text: str) -> str:
    """The text so that Discord shows each character of it."""
    return escaped(text) if FENCE in text else f"{FENCE}\n{text}\n{FENCE}"


def escaped(text: str) -> str:
    """The text with every character that Discord may act on made harmless."""
    return ACTS.sub(lambda character: f"\\{character[0]}", text)


def render_request(outbox_id: str, outgoing: Outgoing, request: RequestFor) -> Part:
    """The one message of a request. What does not fit is not cut: Discord refuses it as a whole."""
    return Part(
        outbox_id=outbox_id,
        number=1,
        count=1,
        destination=outgoing.destination,
        text="\n".join(_lines(outgoing, request)),
        body={"nonce": nonce(outbox_id, 1), "components": rows(list(_buttons(request)))},
    )


def _lines(outgoing: Outgoing, request: RequestFor) -> Iterator[str]:
    # What runs is shown letter by letter; a question is read as a sentence, if there is room for the escapes.
    sentence = escaped(outgoing.text)
    is_sentence = request.kind == "question" and len(sentence) + SPARE <= LIMIT
    yield sentence if is_sentence else literal(outgoing.text)
    if (link := link_line(outgoing.link)) and len(link) <= SPARE - len(NOT_EDITABLE):
        yield link
    if "edit" in request.decisions and request.args and not editable(request.args):
        yield NOT_EDITABLE


def rows(buttons: list[Component]) -> list[Component]:
    """At most five buttons stand in a row."""
    starts = range(0, len(buttons), MOST_BUTTONS)
    return [{"type": ROW, "components": buttons[at : at + MOST_BUTTONS]} for at in starts]


def _buttons(request: RequestFor) -> Iterator[Component]:
    if not request.handle or len(custom_id("respond", request.handle, 99)) > LONGEST_ID:
        return
    if request.kind == "question":
        # All or none: who sees ten of twelve may take them for all. The text has every one with its number.
        options = request.options if len(request.options) <= 2 * MOST_BUTTONS else ()
        for number, option in enumerate(options, start=1):
            yield _button("option", request.handle, f"{number} {option}", SECONDARY, number)
        yield _button("answer", request.handle, "Answer ...", PRIMARY if not options else SECONDARY)
        return
    for decision in request.decisions:
        if decision != "edit" or editable(request.args):
            yield _button(decision, request.handle, LABELS[decision], STYLES.get(decision, SECONDARY))


def _button(name: str, handle: str, label: str, style: int, option: int = 0) -> Component:
    return {
        "type": BUTTON,
        "style": style,
        "label": _label(label),
        "custom_id": custom_id(name, handle, option),
    }


def _label(label: str) -> str:
    """In one line, and so short that Discord takes it. It shows labels as they are, without Markdown."""
    label = " ".join(label.split())
    return label if len(label) <= LONGEST_LABEL else f"{label[: LONGEST_LABEL - 1]}…"


# ---------------------------------------------------------------- after a choice


def chosen(content: str, words: str) -> str:
    """The text of a request after a choice; `words` stand below it, if there is room."""
    whole = f"{content}\n{words}"
    return whole if len(whole) <= LIMIT else content
