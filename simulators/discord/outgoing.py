"""What the app wants to send or to change, and everything that Discord refuses about it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from simulators.discord.config import Json
from simulators.discord.errors import DiscordError, bad_length, invalid, required, too_long

LONGEST_CONTENT = 2_000
LONGEST_NONCE = 25
MOST_EMBEDS, LONGEST_EMBEDS = 10, 6_000
MOST_FILES, LARGEST_FILES = 10, 10 << 20
MOST_ROWS, MOST_BUTTONS, LONGEST_LABEL, LONGEST_CUSTOM_ID = 5, 5, 80, 100
ROW, BUTTON, TEXT_INPUT, TEXT_DISPLAY = 1, 2, 4, 10
LINK_STYLE = 5
SUPPRESS_EMBEDS, HAS_THREAD, EPHEMERAL, LOADING = 1 << 2, 1 << 5, 1 << 6, 1 << 7
SUPPRESS_NOTIFICATIONS, COMPONENTS_V2 = 1 << 12, 1 << 15


@dataclass(frozen=True)
class Upload:
    name: str
    content_type: str
    content: bytes
    description: str | None = None


@dataclass(frozen=True)
class Outgoing:
    """A body as it came. `given` names its fields, for an edit changes only those."""

    given: Json
    files: tuple[Upload, ...] = ()

    @property
    def content(self) -> str:
        return str(self.given.get("content") or "")

    @property
    def embeds(self) -> list[Json]:
        return list(self.given.get("embeds") or [])

    @property
    def components(self) -> list[Json]:
        return list(self.given.get("components") or [])

    @property
    def flags(self) -> int:
        return int(self.given.get("flags") or 0)

    @property
    def nonce(self) -> str:
        return str(self.given.get("nonce") or "")

    @property
    def allowed_mentions(self) -> Json | None:
        return self.given.get("allowed_mentions")

    @property
    def reference(self) -> Json | None:
        return self.given.get("message_reference")

    @property
    def text(self) -> str:
        """Everything in which a mention is live."""
        return "\n".join([self.content, *texts(self.components)])


def check(outgoing: Outgoing, *, may_be_empty: bool = False) -> None:
    """Raise what Discord answers to a body that it does not take."""
    _check_shape(outgoing.given)
    if len(outgoing.content) > LONGEST_CONTENT:
        raise too_long("content", LONGEST_CONTENT)
    if len(outgoing.nonce) > LONGEST_NONCE:
        raise too_long("nonce", LONGEST_NONCE)
    _check_embeds(outgoing.embeds)
    _check_files(outgoing.files)
    check_components(outgoing.components)
    _check_allowed_mentions(outgoing.allowed_mentions)
    v2 = outgoing.flags & COMPONENTS_V2
    if v2 and (outgoing.content or outgoing.embeds):
        raise invalid(
            "content",
            "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2",
            "The 'content' field cannot be used when using MessageFlags.IS_COMPONENTS_V2",
        )
    some = (outgoing.content.strip(), outgoing.embeds, outgoing.files, outgoing.given.get("attachments"))
    if not any((*some, v2 and outgoing.components, outgoing.given.get("sticker_ids"), may_be_empty)):
        raise DiscordError(50006)


SHAPES: dict[str, tuple[type, ...]] = {
    "content": (str,),
    "embeds": (list,),
    "components": (list,),
    "attachments": (list,),
    "flags": (int,),
    "nonce": (str, int),
    "allowed_mentions": (dict,),
    "message_reference": (dict,),
}
KINDS_OF_SHAPE = {list: "BASE_TYPE_LIST", dict: "DICT_TYPE_CONVERT", int: "NUMBER_TYPE_COERCE"}


def _check_shape(given: Json) -> None:
    for name, kinds in SHAPES.items():
        value = given.get(name)
        if value is not None and not isinstance(value, kinds):
            code = KINDS_OF_SHAPE.get(kinds[0], "STRING_TYPE_CONVERT")
            raise invalid(name, code, f"Could not interpret {value!r} as {kinds[0].__name__}.")


def _check_embeds(embeds: list[Json]) -> None:
    if len(embeds) > MOST_EMBEDS:
        raise bad_length("embeds", 0, MOST_EMBEDS)
    if sum(map(_embed_length, embeds)) > LONGEST_EMBEDS:
        message = f"Embed size exceeds maximum size of {LONGEST_EMBEDS}"
        raise invalid("embeds", "MAX_EMBED_SIZE_EXCEEDED", message)


def _embed_length(embed: Json) -> int:
    texts = [embed.get("title"), embed.get("description"), (embed.get("footer") or {}).get("text")]
    texts += [(embed.get("author") or {}).get("name")]
    for each in embed.get("fields") or []:
        texts += [each.get("name"), each.get("value")]
    return sum(len(text) for text in texts if text)


def _check_files(files: tuple[Upload, ...]) -> None:
    if len(files) > MOST_FILES:
        raise bad_length("files", 0, MOST_FILES)
    if sum(len(file.content) for file in files) > LARGEST_FILES:
        raise DiscordError(40005)


def _check_allowed_mentions(allowed: Json | None) -> None:
    for name in ("users", "roles"):
        if allowed and name in (allowed.get("parse") or []) and allowed.get(name):
            raise invalid(
                "allowed_mentions",
                "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE",
                f'parse:["{name}"] and {name}: [ids...] are mutually exclusive.',
            )


# Components


def check_components(components: list[Json]) -> None:
    if len(components) > MOST_ROWS and not any(c.get("type") == TEXT_DISPLAY for c in components):
        raise bad_length("components", 1, MOST_ROWS)
    for index, component in enumerate(components):
        inner = component.get("components")
        if component.get("type") == ROW and not 1 <= len(inner or []) <= MOST_BUTTONS:
            raise bad_length(f"components.{index}.components", 1, MOST_BUTTONS)
    seen: set[str] = set()
    for path, button in _leaves(components, "components"):
        _check_button(path, button, seen)


def _check_button(path: str, button: Json, seen: set[str]) -> None:
    if button.get("type") != BUTTON or button.get("style") == LINK_STYLE:
        return
    if len(button.get("label") or "") > LONGEST_LABEL:
        raise too_long(f"{path}.label", LONGEST_LABEL)
    custom_id = button.get("custom_id")
    if not custom_id:
        raise required(f"{path}.custom_id")
    if len(custom_id) > LONGEST_CUSTOM_ID:
        raise bad_length(f"{path}.custom_id", 1, LONGEST_CUSTOM_ID)
    if custom_id in seen:
        message = "Component custom id cannot be duplicated"
        raise invalid(f"{path}.custom_id", "COMPONENT_CUSTOM_ID_DUPLICATED", message)
    seen.add(custom_id)


def _leaves(components: list[Json], path: str) -> Iterator[tuple[str, Json]]:
    for index, component in enumerate(components):
        here = f"{path}.{index}"
        yield here, component
        yield from _leaves(component.get("components") or [], f"{here}.components")
        for name in ("accessory", "component"):
            if isinstance(component.get(name), dict):
                yield f"{here}.{name}", component[name]


def leaves(components: list[Json]) -> list[Json]:
    """All components, those inside others too, in the order in which they are seen."""
    return [component for _, component in _leaves(components, "")]


def buttons(components: list[Json]) -> list[Json]:
    return [each for each in leaves(components) if each.get("type") == BUTTON]


def texts(components: list[Json]) -> list[str]:
    return [str(each.get("content", "")) for each in leaves(components) if each.get("type") == TEXT_DISPLAY]


@dataclass(frozen=True)
class Numbering:
    """Gives each component an `id`, as Discord does for those that came without."""

    given: list[Json] = field(default_factory=list)

    def numbered(self) -> list[Json]:
        counter = iter(range(1, 1_000))
        return [self._numbered(component, counter) for component in self.given]

    def _numbered(self, component: Json, counter: Iterator[int]) -> Json:
        number: Any = component.get("id") or next(counter)
        inner = component.get("components")
        more = {"components": [self._numbered(each, counter) for each in inner]} if inner else {}
        return {**component, "id": number, **more}
