"""How many bytes a prompt takes at most: known when an event is folded, so that a request keeps to its budget.

Pure. The tags around a text are counted too, and what escaping adds; bot/context.py draws what is measured here.
"""

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

from pydantic import JsonValue

from bot.events import ApprovalResolved, Block, QuestionAnswered, Step, ToolFinished

if TYPE_CHECKING:
    from bot.thread import Thread

FRAME = 72  # the tags around one event
LONGEST_NAME = 64  # characters of a name that are shown
CLIPPED_FRAME = 1024  # what may stand around a text that is clipped
MOST_REMINDERS = 20
LONGEST_REMINDER = 200  # bytes
LONGEST_ERROR = 400  # bytes
MOST_OPEN = 10  # requests, questions and tasks each
LONGEST_OPEN = 300  # bytes
_STEP = 112  # a step's JSON without its texts
_ACTION = 48
_BLOCK = 80
_AT = 40  # when a message was written
_PICTURE = 1600 * 4  # the most tokens that the API counts for a picture
_DOCUMENT = 3000 * 4  # of its first page; each further one is about this many bytes of base64:
_PER_PAGE = 40_000
_LINE = 112  # a line of the situation without its text
_SITUATION = 320


def message_size(blocks: Iterable[Block], name: str) -> int:
    """A message of these blocks, sent under this name."""
    return FRAME + _AT + quoted_size(name[:LONGEST_NAME] or "guest") + sum(map(_block_size, blocks))


def step_size(step: Step) -> int:
    """What the model answered."""
    action = step.proposed_action
    size = FRAME + _STEP + _json_size(step.message)
    return size if action is None else size + _ACTION + len(action.tool) + _json_size(action.args)


def result_size(result: ToolFinished) -> int:
    """What a tool said."""
    return FRAME + len(result.tool) + text_size(result.result)


def resolved_size(resolved: ApprovalResolved) -> int:
    """How a request for approval ended."""
    changed = 0 if resolved.final_args is None else _json_size(resolved.final_args)
    said = text_size(resolved.message) + text_size(resolved.reason)
    return 2 * FRAME + len(resolved.tool) + sum(map(len, resolved.by)) + said + changed


def answer_size(answer: QuestionAnswered) -> int:
    """A person's answer to a question."""
    return 2 * FRAME + quoted_size(answer.by.person) + text_size(answer.option) + text_size(answer.text)


def line_size(text: str) -> int:
    """An event that shows one text."""
    return FRAME + text_size(text)


def shown_size(thread: "Thread", clip: int) -> int:
    """All that the next request shows besides the fixed texts, long texts clipped to so many bytes."""
    most = clip + CLIPPED_FRAME
    return sum(min(entry.size, most) for entry in thread.window) + _situation_size(thread)


def _situation_size(thread: "Thread") -> int:
    reminders = sum(timer.purpose == "remind" for timer in thread.timers.values())
    turn, errors = thread.turn, 0
    if turn is not None:
        errors = sum(len(fails.seqs) for fails in thread.runs[turn.run].fails.values()) + (turn.corrected > 0)
    waiting = sum(min(len(each), MOST_OPEN) for each in (thread.approvals, thread.questions, thread.tasks))
    lines = min(reminders, MOST_REMINDERS) * (LONGEST_REMINDER + _LINE) + errors * (LONGEST_ERROR + _LINE)
    return _SITUATION + lines + waiting * (LONGEST_OPEN + _LINE)


def _block_size(block: Block) -> int:
    size = text_size(block.text) + 1
    plain = block.source == "person" and block.kind == "text" and not block.name
    return size if plain else size + _BLOCK + quoted_size(block.name[:LONGEST_NAME]) + looked_at(block)


def looked_at(block: Block) -> int:
    """What a picture or document takes that the model looks at itself, in bytes of text of the same price."""
    if not block.data:
        return 0
    return _PICTURE if block.kind == "image" else _DOCUMENT * (1 + len(block.data) // _PER_PAGE)


def _json_size(value: JsonValue) -> int:
    return text_size(json.dumps(value, ensure_ascii=False))


def text_size(text: str) -> int:
    """Bytes of the text once escaped for a prompt."""
    extra = 4 * text.count("&") + 3 * (text.count("<") + text.count(">"))
    return (len(text) if text.isascii() else len(text.encode())) + extra


def quoted_size(text: str) -> int:
    """Bytes of the text once escaped for an attribute."""
    return text_size(text) + 5 * (text.count('"') + text.count("'"))
