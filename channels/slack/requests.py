"""A request as the one message Slack shows: its text exactly as it is, and buttons to answer with. Pure.

The text goes into rich text, which Slack shows literally: in `mrkdwn` and `plain_text` it would read `&lt;` as `<`,
and could find a mention. A button carries the handle and nothing else.
"""

from collections.abc import Iterator, Mapping

from bot.events import Decision, Outgoing, RequestFor
from bot.ports import Part
from channels.slack.forms import carried, editable
from channels.slack.mrkdwn import escape, safe_url
from channels.slack.parts import LINK_LABEL, Destination, body
from channels.slack.text import units

LONGEST = 8_000
"""Blocks of more than about 13,200 characters are refused; with a link and buttons we stay below 10,000.

Escaped for the notification that is at most 40,000, which is where Slack would cut.
"""
PIECE = 3_000
MOST_BUTTONS = 5
BUTTON_TEXT = 75

TEXT_BLOCK = "saywhen.text"
BUTTONS_BLOCK = "saywhen.buttons"
CHOICE_BLOCK = "saywhen.choice"
PREFIX = "saywhen."
OPTION = f"{PREFIX}option."

LABELS: Mapping[Decision, str] = {
    "approve": "Approve",
    "edit": "Edit",
    "reject": "Reject",
    "respond": "Answer instead",
}
STYLES: Mapping[Decision, str] = {"approve": "primary", "reject": "danger"}
NOT_EDITABLE = "This is too long to change here; reject it and say what to change."

Block = dict[str, object]


def fits(text: str) -> bool:
    """Whether a request with this text can be shown whole, in one message."""
    return units(text) <= LONGEST


def render_request(outbox_id: str, outgoing: Outgoing, request: RequestFor) -> Part:
    """The one message of a request. What does not fit is not cut: Slack refuses it as a whole."""
    extra: dict[str, object] = {}
    if "edit" in request.decisions and editable(request.args):
        extra["request"] = {"args": carried(request.args)}
    to = Destination.parse(outgoing.destination)
    return Part(
        outbox_id=outbox_id,
        number=1,
        count=1,
        destination=outgoing.destination,
        text=escape(outgoing.text),
        body={**body(outbox_id, 1, to, extra), "blocks": list(_blocks(outgoing, request))},
    )


def _blocks(outgoing: Outgoing, request: RequestFor) -> Iterator[Block]:
    # What runs is shown letter by letter; a question is read as a sentence.
    kind = "rich_text_preformatted" if request.kind == "approval" else "rich_text_section"
    pieces = [{"type": "text", "text": piece} for piece in _pieces(outgoing.text)]
    yield {
        "type": "rich_text",
        "block_id": TEXT_BLOCK,
        "elements": [{"type": kind, "elements": pieces}],
    }
    if url := safe_url(outgoing.link):
        yield _context(f"<{url}|{LINK_LABEL}>")
    if "edit" in request.decisions and request.args and not editable(request.args):
        yield _context(NOT_EDITABLE)
    if request.handle and (buttons := list(_buttons(request))):
        yield {"type": "actions", "block_id": BUTTONS_BLOCK, "elements": buttons}


def _pieces(text: str) -> Iterator[str]:
    # A character takes two units at most, so half as many always fit.
    for start in range(0, len(text), PIECE // 2):
        yield text[start : start + PIECE // 2]


def _buttons(request: RequestFor) -> Iterator[Block]:
    if request.kind == "question":
        # All or none: who sees five of eight may take them for all. The text has every one with its number.
        options = request.options if len(request.options) <= MOST_BUTTONS else ()
        for number, option in enumerate(options, start=1):
            yield _button(f"{OPTION}{number}", f"{number} {option}", f"{request.handle}#{number}")
        yield _button(f"{PREFIX}answer", "Answer ...", request.handle)
        return
    for decision in request.decisions:
        if decision != "edit" or editable(request.args):
            yield _button(f"{PREFIX}{decision}", LABELS[decision], request.handle, STYLES.get(decision, ""))


def _button(action_id: str, label: str, value: str, style: str = "") -> Block:
    text = {"type": "plain_text", "text": _label(label), "emoji": False}
    button: Block = {"type": "button", "action_id": action_id, "text": text, "value": value}
    return {**button, "style": style} if style else button


def _label(label: str) -> str:
    """In one line, escaped, and so short that Slack takes it."""
    label = " ".join(label.split())
    if units(escape(label)) <= BUTTON_TEXT:
        return escape(label)
    while units(escape(label)) >= BUTTON_TEXT:
        label = label[:-1]
    return f"{escape(label)}…"


def _context(markup: str) -> Block:
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": markup}]}


# ---------------------------------------------------------------- after a choice


def text_of(blocks: list[Mapping[str, object]]) -> str:
    """The text of a request, read back from its blocks; "" if they are not those of a request."""
    shown = next((block for block in blocks if block.get("block_id") == TEXT_BLOCK), None)
    return "".join(_texts(shown)) if shown else ""


def _texts(value: object) -> Iterator[str]:
    match value:
        case {"type": "text", "text": str(text)}:
            yield text
        case {"elements": list(elements)}:
            for element in elements:
                yield from _texts(element)
        case _:
            pass


def chosen(blocks: list[Mapping[str, object]], words: str, *, keep_buttons: bool) -> list[object]:
    """The blocks of a request after a choice: `words` (in Slack's markup) stand where the buttons stood."""
    replaced = (CHOICE_BLOCK,) if keep_buttons else (CHOICE_BLOCK, BUTTONS_BLOCK)
    kept: list[object] = [block for block in blocks if block.get("block_id") not in replaced]
    return [*kept, {**_context(words), "block_id": CHOICE_BLOCK}]
