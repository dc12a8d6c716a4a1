"""Modals: what Discord refuses about one, and what a person's answers become."""

from dataclasses import dataclass
from typing import Any

from simulators.discord.config import Json
from simulators.discord.errors import bad_length, required
from simulators.discord.guild import Refused
from simulators.discord.outgoing import LONGEST_CUSTOM_ID, LONGEST_LABEL, TEXT_INPUT, Numbering

LONGEST_TITLE, MOST_PARTS, LONGEST_VALUE = 45, 5, 4_000
LABEL = 18


@dataclass(frozen=True)
class Field:
    """One thing to fill in."""

    custom_id: str
    label: str
    component: Json


def check_modal(modal: Json) -> None:
    """Raise what Discord answers to a modal that it does not take."""
    title, custom_id, parts = modal.get("title"), modal.get("custom_id"), modal.get("components") or []
    if not title:
        raise required("title")
    if len(title) > LONGEST_TITLE:
        raise bad_length("title", 1, LONGEST_TITLE)
    if not custom_id:
        raise required("custom_id")
    if len(custom_id) > LONGEST_CUSTOM_ID:
        raise bad_length("custom_id", 1, LONGEST_CUSTOM_ID)
    if not 1 <= len(parts) <= MOST_PARTS:
        raise bad_length("components", 1, MOST_PARTS)
    for field in fields(modal):
        if not 1 <= len(field.label) <= LONGEST_LABEL:
            raise bad_length("components.label", 1, LONGEST_LABEL)


def fields(modal: Json) -> list[Field]:
    """What is to be filled in, in both forms that Discord has: in a row, and in a label."""
    found = []
    for part in modal.get("components") or []:
        inner = part.get("components") or ([part["component"]] if "component" in part else [])
        for component in inner:
            label = component.get("label") or part.get("label") or ""
            found.append(Field(str(component.get("custom_id", "")), label, component))
    return found


def answers(modal: Json, given: dict[str, Any]) -> Json:
    """The `data` of the interaction; what is given goes by custom id or label."""
    known = {name for field in fields(modal) for name in (field.custom_id, field.label)}
    if unknown := [name for name in given if name not in known]:
        names = [field.label or field.custom_id for field in fields(modal)]
        raise Refused(f"this form has no field {unknown[0]!r}; it has {', '.join(names)}")
    values = {field.custom_id: _value(field, given) for field in fields(modal)}
    parts = [_answered(part, values) for part in Numbering(modal["components"]).numbered()]
    return {"custom_id": modal["custom_id"], "components": parts}


def _value(field: Field, given: dict[str, Any]) -> Any:
    component = field.component
    value = given.get(field.custom_id, given.get(field.label, component.get("value") or ""))
    if component.get("type") != TEXT_INPUT:
        return value if isinstance(value, list) else [value] if value else []
    least, most = component.get("min_length") or 0, component.get("max_length") or LONGEST_VALUE
    if component.get("required", True) and not value:
        raise Refused(f"{field.label or field.custom_id!r} must be filled in")
    if value and not least <= len(value) <= most:
        raise Refused(f"{field.label or field.custom_id!r} takes {least} to {most} characters")
    return value


def _answered(part: Json, values: Json) -> Json:
    base = {"type": part["type"], "id": part["id"]}
    if "component" in part:
        return {**base, "component": _filled({"id": part["id"] + 100, **part["component"]}, values)}
    if part.get("components"):
        return {**base, "components": [_filled(each, values) for each in part["components"]]}
    return base


def _filled(component: Json, values: Json) -> Json:
    custom_id = component["custom_id"]
    name = "value" if component["type"] == TEXT_INPUT else "values"
    return {"type": component["type"], "id": component["id"], "custom_id": custom_id, name: values[custom_id]}
