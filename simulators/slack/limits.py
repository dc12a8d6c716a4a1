"""Slack's limits on what an app may post: pure checks that raise the error the real API answers."""

from collections.abc import Iterator

from simulators.slack.config import Json

TEXT_KEPT = 40_000
UPDATE_TEXT_BYTES = 4_000
MARKDOWN_TEXT = 12_000
BLOCKS = 50
ALL_BLOCKS_CHARACTERS = 13_200
MAX_TEXT = {"section": 3_000, "header": 150, "markdown": 12_000}
VIEW_BLOCKS, FIELD = 100, 3_000
MAX_ELEMENTS = {"actions": 25, "context": 10}
BUTTON_TEXT, BUTTON_VALUE, IDENTIFIER = 75, 2_000, 255
KNOWN_BLOCKS = frozenset(
    (
        *("actions", "alert", "card", "carousel", "context", "context_actions", "divider", "file", "header"),
        *("image", "input", "markdown", "plan", "rich_text", "section", "table", "task_card", "video"),
    )
)


class ApiError(Exception):
    """Answered as HTTP 200 with ok false and this error."""

    def __init__(self, error: str, *messages: str, **more: object) -> None:
        super().__init__(error)
        self.body: Json = {"ok": False, "error": error, **more}
        if messages:
            self.body["errors"] = list(messages)
            self.body["response_metadata"] = {"messages": [f"[ERROR] {message}" for message in messages]}


def check_blocks(blocks: list[Json]) -> None:
    if problems := list(_block_problems(blocks)):
        raise ApiError("invalid_blocks", *problems)
    if sum(len(text) for block in blocks for text in _texts(block)) > ALL_BLOCKS_CHARACTERS:
        raise ApiError("msg_blocks_too_long")


def _block_problems(blocks: list[Json]) -> Iterator[str]:
    if len(blocks) > BLOCKS:
        yield f"no more than {BLOCKS} items allowed [json-pointer:/blocks]"
    seen: set[str] = set()
    for number, block in enumerate(blocks):
        at = f"/blocks/{number}"
        if block.get("type") not in KNOWN_BLOCKS:
            yield f"unsupported type: {block.get('type')} [json-pointer:{at}/type]"
            continue
        block_id = block.get("block_id")
        if block_id in seen:
            yield f"block_id already exists: {block_id} [json-pointer:{at}/block_id]"
        if block_id:
            seen.add(block_id)
        yield from _problems_of(block, at)


def _problems_of(block: Json, at: str) -> Iterator[str]:
    kind = block["type"]
    yield from _too_long(block.get("block_id"), IDENTIFIER, f"{at}/block_id")
    if kind in MAX_TEXT:
        text = block.get("text")
        pointer = f"{at}/text" if kind == "markdown" else f"{at}/text/text"
        value = text.get("text") if isinstance(text, dict) else text
        if not value and not block.get("fields"):
            yield f"missing required field: text [json-pointer:{at}]"
        yield from _too_long(value, MAX_TEXT[kind], pointer)
    for number, field in enumerate(block.get("fields") or []):
        yield from _too_long(field.get("text"), 2_000, f"{at}/fields/{number}/text")
    if kind in MAX_ELEMENTS:
        yield from _element_problems(block.get("elements"), MAX_ELEMENTS[kind], at)
    accessory = block.get("accessory")
    if isinstance(accessory, dict):
        yield from _button_problems(accessory, f"{at}/accessory")


def _element_problems(elements: object, most: int, at: str) -> Iterator[str]:
    if not isinstance(elements, list) or not elements:
        yield f"missing required field: elements [json-pointer:{at}]"
        return
    if len(elements) > most:
        yield f"no more than {most} items allowed [json-pointer:{at}/elements]"
    for number, element in enumerate(elements):
        yield from _button_problems(element, f"{at}/elements/{number}")


def _button_problems(element: Json, at: str) -> Iterator[str]:
    if element.get("type") != "button":
        return
    text = element.get("text")
    if not isinstance(text, dict) or text.get("type") != "plain_text":
        yield f"missing required field: text [json-pointer:{at}]"
        return
    yield from _too_long(text.get("text"), BUTTON_TEXT, f"{at}/text/text")
    yield from _too_long(element.get("value"), BUTTON_VALUE, f"{at}/value")
    yield from _too_long(element.get("action_id"), IDENTIFIER, f"{at}/action_id")


def check_view(view: Json) -> None:
    """A modal: titles of 24 characters, 100 blocks, fields with no more in them than they take."""
    problems = [
        *(
            p
            for key in ("title", "submit", "close")
            for p in _too_long(_text_of(view.get(key)), 24, f"/view/{key}")
        ),
        *_too_long(view.get("private_metadata"), 3_000, "/view/private_metadata"),
        *_too_long(view.get("callback_id"), IDENTIFIER, "/view/callback_id"),
    ]
    if len(view["blocks"]) > VIEW_BLOCKS:
        problems.append(f"no more than {VIEW_BLOCKS} items allowed [json-pointer:/view/blocks]")
    inputs = False
    for number, block in enumerate(view["blocks"]):
        inputs = inputs or block.get("type") == "input"
        problems += _input_problems(block, f"/view/blocks/{number}")
    if inputs and not view.get("submit"):
        problems.append("`submit` is required when an `input` block is within `blocks` [json-pointer:/view]")
    if problems:
        raise ApiError("invalid_arguments", *problems)


def _input_problems(block: Json, at: str) -> Iterator[str]:
    yield from _too_long(block.get("block_id"), IDENTIFIER, f"{at}/block_id")
    if block.get("type") != "input":
        return
    element = block.get("element")
    if not isinstance(element, dict) or not _text_of(block.get("label")):
        yield f"missing required field: element or label [json-pointer:{at}]"
        return
    yield from _too_long(_text_of(block["label"]), 2_000, f"{at}/label/text")
    most = int(element.get("max_length") or FIELD)
    if most > FIELD:
        yield f"must be less than {FIELD + 1} [json-pointer:{at}/element/max_length]"
    yield from _too_long(element.get("initial_value"), most, f"{at}/element/initial_value")
    if element.get("initial_value") == "":
        yield f"must be more than 0 characters [json-pointer:{at}/element/initial_value]"


def _text_of(text: object) -> object:
    return text.get("text") if isinstance(text, dict) else None


def _too_long(value: object, most: int, pointer: str) -> Iterator[str]:
    if isinstance(value, str) and len(value) > most:
        yield f"must be less than {most + 1} characters [json-pointer:{pointer}]"


def _texts(value: object) -> Iterator[str]:
    """Every string that a person would read in a block."""
    if isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, dict):
        text = value.get("text")
        if isinstance(text, str):
            yield text
        for key, item in value.items():
            if key != "text" or not isinstance(item, str):
                yield from _texts(item)


def cut_text(text: str) -> tuple[str, bool]:
    """The text Slack keeps, and whether something was cut."""
    return text[:TEXT_KEPT], len(text) > TEXT_KEPT


def check_update_text(text: str) -> None:
    # Slack counts the escaped bytes of an update, while a new message is cut instead.
    if len(text.encode()) > UPDATE_TEXT_BYTES:
        raise ApiError("msg_too_long")


def check_markdown_text(text: str) -> None:
    if len(text) > MARKDOWN_TEXT:
        raise ApiError("msg_too_long")


def check_metadata(metadata: object) -> None:
    if not isinstance(metadata, dict) or not isinstance(metadata.get("event_type"), str):
        raise ApiError("invalid_metadata_format")
    if not isinstance(metadata.get("event_payload"), dict):
        raise ApiError("invalid_metadata_format")
    if len(str(metadata)) > 16_000:
        raise ApiError("metadata_too_large")
