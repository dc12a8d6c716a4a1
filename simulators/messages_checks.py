"""What the Messages API refuses before any model sees it: headers, fields, blocks, schemas, sizes."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

from simulators.messages_faults import ApiError
from simulators.messages_models import MAX_OUTPUT, can_answer
from simulators.messages_prompt import as_blocks, texts
from simulators.messages_schema import MAX_STRICT_TOOLS, SchemaRefused, refuse

VERSIONS = {"2023-01-01", "2023-06-01", "2026-10-21"}
MAX_BODY = 32 * 1024 * 1024
MAX_MESSAGES = 100_000
MAX_BREAKPOINTS = 4

COUNT_FIELDS = {
    "model", "messages", "cache_control", "output_config", "speed", "system", "thinking", "tool_choice",
    "tools",
}  # fmt: skip
CREATE_FIELDS = COUNT_FIELDS | {
    "max_tokens", "container", "diagnostics", "inference_geo", "metadata", "service_tier", "stop_sequences",
    "stream", "user_profile_id", "workspace_id",
}  # fmt: skip
GONE = {"temperature", "top_p", "top_k"}

BLOCK_FIELDS: Mapping[str, set[str]] = {
    "text": {"text", "cache_control", "citations"},
    "image": {"source", "cache_control", "transformations"},
    "document": {"source", "cache_control", "citations", "context", "title"},
    "search_result": {"content", "source", "title", "cache_control", "citations"},
    "tool_use": {"id", "name", "input", "cache_control", "caller", "toolset_name"},
    "tool_result": {"tool_use_id", "content", "is_error", "cache_control", "toolset_name"},
    "thinking": {"thinking", "signature"},
    "redacted_thinking": {"data"},
}
NEEDED: Mapping[str, tuple[str, ...]] = {
    "text": ("text",), "image": ("source",), "document": ("source",), "search_result": ("content", "source"),
    "tool_use": ("id", "name", "input"), "tool_result": ("tool_use_id",),
    "thinking": ("thinking", "signature"), "redacted_thinking": ("data",),
}  # fmt: skip


def invalid(message: str) -> NoReturn:
    raise ApiError(400, "invalid_request_error", message)


def check_headers(headers: Mapping[str, str]) -> None:
    """Refuse a request without a usable key (401) or without a known version (400)."""
    key = headers.get("x-api-key")
    bearer = headers.get("authorization", "")
    if key is None and not bearer:
        raise ApiError(401, "authentication_error", "x-api-key header is required")
    given = (key if key is not None else bearer.removeprefix("Bearer ").removeprefix("Bearer")).strip()
    if not given or given.startswith("invalid"):
        raise ApiError(
            401, "authentication_error", "invalid x-api-key" if key is not None else "Invalid bearer token"
        )
    version = headers.get("anthropic-version")
    if version is None:
        invalid("anthropic-version: header is required")
    if version not in VERSIONS:
        invalid(f'anthropic-version: "{version}" is not a valid version')


def parse(raw: bytes) -> dict[str, Any]:
    """Read the body as strictly as the API does: UTF-8, no NaN, no half surrogate pairs, an object."""
    try:
        parsed = json.loads(raw.decode(), parse_constant=_no_constant)
        for text in texts(parsed):
            text.encode()
    except (ValueError, RecursionError) as error:
        invalid(f"The request body is not valid JSON: {error}")
    if not isinstance(parsed, dict):
        invalid("Input should be a valid dictionary or object to extract fields from")
    return parsed


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def check_request(request: Mapping[str, Any], *, counting: bool = False) -> None:
    """Raise the 400 or 404 that the API would answer."""
    for name in request:
        if name in GONE:
            invalid(f"{name}: not supported by API version 2026-10-21")
        if name not in (COUNT_FIELDS if counting else CREATE_FIELDS):
            invalid(f"{name}: Extra inputs are not permitted")
    _check_model(request)
    if not counting:
        _check_scalars(request)
    _check_system(request.get("system"))
    _check_messages(request.get("messages"))
    _check_tools(request.get("tools"))
    _check_breakpoints(request)
    _check_output(request)


def _check_model(request: Mapping[str, Any]) -> None:
    model = request.get("model")
    if not isinstance(model, str):
        invalid("model: Field required" if model is None else "model: Input should be a valid string")
    if not can_answer(model):
        raise ApiError(404, "not_found_error", f"model: {model}")


def _check_scalars(request: Mapping[str, Any]) -> None:
    limit = request.get("max_tokens")
    if limit is None:
        invalid("max_tokens: Field required")
    if not isinstance(limit, int) or isinstance(limit, bool):
        invalid("max_tokens: Input should be a valid integer")
    if limit < 0:
        invalid("max_tokens: Input should be greater than or equal to 0")
    if limit > MAX_OUTPUT:
        invalid(
            f"max_tokens: {limit} > {MAX_OUTPUT}, which is the maximum allowed number of output tokens for "
            f"{request['model']}"
        )
    if not isinstance(request.get("stream", False), bool):
        invalid("stream: Input should be a valid boolean")
    stops = request.get("stop_sequences", [])
    if not isinstance(stops, list) or not all(isinstance(each, str) and each.strip() for each in stops):
        invalid("stop_sequences: each stop sequence must contain non-whitespace")


def _check_system(system: Any) -> None:
    if system is None or isinstance(system, str):
        return
    if not isinstance(system, list):
        invalid("system: Input should be a valid string or list")
    for n, block in enumerate(system):
        if not isinstance(block, Mapping) or block.get("type") != "text":
            invalid(f"system.{n}.type: Input should be 'text'")
        _check_block(block, f"system.{n}", "system")


def _check_messages(messages: Any) -> None:
    if not isinstance(messages, list):
        invalid("messages: Field required" if messages is None else "messages: Input should be a valid list")
    if not messages:
        invalid("messages: at least one message is required")
    if len(messages) > MAX_MESSAGES:
        invalid(f"messages: Too many messages, at most {MAX_MESSAGES}")
    for n, message in enumerate(messages):
        _check_message(message, f"messages.{n}")
    if messages[0]["role"] == "assistant":
        invalid('messages: first message must use the "user" role')
    if messages[-1]["role"] == "assistant":
        invalid(
            "This model does not support assistant message prefill. "
            "The conversation must end with a user message."
        )
    _check_pairs(messages)


def _check_message(message: Any, at: str) -> None:
    if not isinstance(message, Mapping):
        invalid(f"{at}: Input should be a valid dictionary or object to extract fields from")
    for name in message:
        if name not in ("role", "content"):
            invalid(f"{at}.{name}: Extra inputs are not permitted")
    if message.get("role") not in ("user", "assistant", "system"):
        invalid(f"{at}.role: Input should be 'user', 'assistant' or 'system'")
    content = message.get("content")
    if not isinstance(content, str | list):
        invalid(
            f"{at}.content: Field required"
            if content is None
            else f"{at}.content: Input should be a valid list"
        )
    if not content:
        invalid(f"{at}: user messages must have non-empty content")
    for n, block in enumerate(as_blocks(content)):
        _check_block(block, f"{at}.content.{n}", "messages")


def _check_block(block: Any, at: str, section: str) -> None:
    if not isinstance(block, Mapping):
        invalid(f"{at}: Input should be a valid dictionary or object to extract fields from")
    kind = block.get("type")
    if not isinstance(kind, str) or kind not in BLOCK_FIELDS:
        tags = ", ".join(f"'{each}'" for each in BLOCK_FIELDS)
        invalid(
            f"{at}: Input tag {kind!r} found using 'type' does not match any of the expected tags: {tags}"
        )
    for name in block:
        if name != "type" and name not in BLOCK_FIELDS[kind]:
            invalid(f"{at}.{kind}.{name}: Extra inputs are not permitted")
    for name in NEEDED[kind]:
        if name not in block:
            invalid(f"{at}.{kind}.{name}: Field required")
    if kind == "text":
        _check_text(block["text"], f"{at}.text.text", section)


def _check_text(text: Any, at: str, section: str) -> None:
    if not isinstance(text, str):
        invalid(f"{at}: Input should be a valid string")
    if not text:
        invalid(f"{section}: text content blocks must be non-empty")
    if not text.strip():
        invalid(f"{section}: text content blocks must contain non-whitespace text")


def _check_pairs(messages: list[Mapping[str, Any]]) -> None:
    """Each tool_use has its tool_result in the very next message, and the other way round."""
    open_ids: set[str] = set()
    for n, message in enumerate(messages):
        parts = as_blocks(message["content"])
        answered = {part["tool_use_id"] for part in parts if part["type"] == "tool_result"}
        if missing := sorted(open_ids - answered):
            invalid(
                f"messages.{n}: `tool_use` ids were found without `tool_result` blocks immediately after: "
                f"{', '.join(missing)}. Each `tool_use` block must have a corresponding `tool_result` block "
                "in the next message."
            )
        if extra := sorted(answered - open_ids):
            invalid(
                f"messages.{n}.content: unexpected `tool_use_id` found in `tool_result` blocks: "
                f"{', '.join(extra)}. "
                "Each `tool_result` block must have a corresponding `tool_use` block in the previous message."
            )
        open_ids = {part["id"] for part in parts if part["type"] == "tool_use"}


def _check_tools(tools: Any) -> None:
    if tools is None:
        return
    if not isinstance(tools, list):
        invalid("tools: Input should be a valid list")
    names = set()
    for n, tool in enumerate(tools):
        if not isinstance(tool, Mapping) or not isinstance(tool.get("name"), str):
            invalid(f"tools.{n}.custom.name: Field required")
        if not isinstance(tool.get("input_schema"), Mapping):
            invalid(f"tools.{n}.custom.input_schema: Field required")
        if tool["name"] in names:
            invalid("tools: Tool names must be unique.")
        names.add(tool["name"])


def _check_breakpoints(request: Mapping[str, Any]) -> None:
    marks = list(_marks(request))
    for at, mark in marks:
        if not isinstance(mark, Mapping) or mark.get("type") != "ephemeral" or set(mark) - {"type", "ttl"}:
            invalid(f"{at}.cache_control.type: Input should be 'ephemeral'")
        if mark.get("ttl", "5m") not in ("5m", "1h"):
            invalid(f"{at}.cache_control.ephemeral.ttl: Input should be '5m' or '1h'")
    if len(marks) > MAX_BREAKPOINTS:
        invalid(
            f"A maximum of {MAX_BREAKPOINTS} blocks with cache_control may be provided. Found {len(marks)}."
        )
    lives = [mark.get("ttl", "5m") for _, mark in marks]
    if "5m" in lives and "1h" in lives[lives.index("5m") :]:
        invalid(
            "a ttl='1h' cache_control block must not come after a ttl='5m' cache_control block. Note that "
            "blocks are processed in the following order: `tools`, `system`, `messages`."
        )


def _marks(request: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    rows = [("tools", request.get("tools") or ()), ("system", as_blocks(request.get("system") or ()))]
    rows += [
        (f"messages.{n}.content", as_blocks(each["content"])) for n, each in enumerate(request["messages"])
    ]
    for at, row in rows:
        for n, block in enumerate(row):
            if block.get("cache_control") is not None:
                yield f"{at}.{n}", block["cache_control"]
    if request.get("cache_control") is not None:
        yield "top level", request["cache_control"]


def _check_output(request: Mapping[str, Any]) -> None:
    """The schemas that become a grammar: the output format and the strict tools, limited together."""
    config = request.get("output_config") or {}
    if not isinstance(config, Mapping) or set(config) - {"effort", "format"}:
        invalid("output_config: Extra inputs are not permitted")
    if config.get("effort") not in (None, "low", "medium", "high", "xhigh", "max"):
        invalid("output_config.effort: Input should be 'low', 'medium', 'high', 'xhigh' or 'max'")
    schemas = []
    if (wanted := config.get("format")) is not None:
        if not isinstance(wanted, Mapping) or wanted.get("type") != "json_schema" or "schema" not in wanted:
            invalid("output_config.format: Input should be a json_schema with its schema")
        schemas.append(("output_config.format.schema", wanted["schema"]))
    strict = [(n, tool) for n, tool in enumerate(request.get("tools") or ()) if tool.get("strict")]
    if len(strict) > MAX_STRICT_TOOLS:
        invalid(
            f"Too many strict tools ({len(strict)}). "
            f"The maximum number of strict tools is {MAX_STRICT_TOOLS}."
        )
    schemas += [(f"tools.{n}.custom.input_schema", tool["input_schema"]) for n, tool in strict]
    try:
        refuse(schemas)
    except SchemaRefused as refused:
        invalid(str(refused))
