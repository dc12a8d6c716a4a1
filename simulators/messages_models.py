"""The models that the simulated Messages API knows, as `GET /v1/models` lists them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

CONTEXT_WINDOW = 200_000
MAX_OUTPUT = 64_000


@dataclass(frozen=True)
class Model:
    id: str
    lifecycle: str = "active"

    def as_json(self, context_window: int) -> dict[str, Any]:
        yes, no = {"supported": True}, {"supported": False}
        return {
            "type": "model",
            "id": self.id,
            "display_name": self.id.replace("-", " ").title(),
            "created_at": "1970-01-01T00:00:00Z",  # "may be an epoch value if the release date is unknown"
            "deprecated_at": None,
            "retires_at": None,
            "lifecycle": self.lifecycle,
            "line": next((x for x in ("haiku", "sonnet", "opus", "fable", "mythos") if x in self.id), None),
            "max_input_tokens": context_window,
            "max_tokens": MAX_OUTPUT,
            "capabilities": {
                "batch": yes,
                "citations": yes,
                "code_execution": no,
                "context_management": {"supported": False},
                "effort": {
                    "supported": True,
                    "low": yes,
                    "medium": yes,
                    "high": yes,
                    "xhigh": yes,
                    "max": yes,
                },
                "image_input": yes,
                "pdf_input": yes,
                "server_tools": {"supported": False, "web_search": no, "code_execution": no},
                "structured_outputs": yes,
                "thinking": {
                    "supported": True,
                    "types": {"adaptive": yes, "between_tools": yes, "disabled": yes, "enabled": yes},
                },
            },
        }


_ACTIVE = """
    claude-fable-5-2 claude-mythos-5-2 claude-haiku-5-5 claude-sonnet-5-5 claude-fable-5-1 claude-opus-5-5
    claude-mythos-5-1 claude-sonnet-5 claude-fable-5 claude-mythos-5 claude-opus-5 claude-opus-4-8
    claude-opus-4-7 claude-opus-4-6 claude-sonnet-4-6 claude-haiku-4-5 claude-haiku-4-5-20251001
    claude-opus-4-5 claude-opus-4-5-20251101
"""
_DEPRECATED = "claude-sonnet-4-5 claude-sonnet-4-5-20250929"
_RETIRED = "claude-mythos-preview"

MODELS: Mapping[str, Model] = {
    name: Model(name, lifecycle)
    for lifecycle, names in (("active", _ACTIVE), ("deprecated", _DEPRECATED), ("retired", _RETIRED))
    for name in names.split()
}


def can_answer(model: str) -> bool:
    """A retired model stays in the list but answers 404, like one that never was."""
    return model in MODELS and MODELS[model].lifecycle != "retired"
