"""What people press and type as commands: Discord's interactions, and these as answers. Pure.

Whose press it is says the user's id alone. Whether they may decide is not for this page to know.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast, get_args

from pydantic import JsonValue

from bot.events import Answerer, ApprovalAnswered, Decision, Incoming, QuestionAnswered
from channels.discord.events import NAME, Identity, Kind, kind_of
from channels.discord.forms import HANDLE, PREFIX, fields_of
from channels.discord.shapes import Json, id_in, items, mapping, number, string

COMMAND, COMPONENT, MODAL = 2, 3, 5
BUTTON, CHAT_INPUT = 2, 1
TOKEN = re.compile(r"[A-Za-z0-9._~=+/-]{1,500}")
CUSTOM_ID = re.compile(
    rf"{re.escape(PREFIX)}(?P<name>[a-z]+)#(?P<handle>{HANDLE.pattern})(?:#(?P<option>[1-9][0-9]?))?"
)
DECISIONS: tuple[str, ...] = get_args(Decision)
WITH_FORM = frozenset({"edit", "reject", "respond", "answer"})


@dataclass(frozen=True, slots=True)
class Origin:
    """Where somebody pressed: what it takes to answer them, for a quarter of an hour."""

    id: str
    token: str = field(repr=False)
    user: str
    channel: str
    kind: Kind
    message: str = ""
    content: str = ""
    display: str = ""

    @property
    def key(self) -> str:
        return f"{NAME}:interaction:{self.id}"


@dataclass(frozen=True, slots=True)
class Press:
    """A button of a request was pressed; `name` is what it stands for."""

    origin: Origin
    name: str
    handle: str
    option: str = ""
    label: str = ""


@dataclass(frozen=True, slots=True)
class Submission:
    """A form was sent in; `name` is the button that had opened it."""

    origin: Origin
    name: str
    handle: str
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Command:
    """A slash command was used."""

    origin: Origin
    name: str
    text: str = ""


Interaction = Press | Submission | Command


def parse(payload: object, *, me: Identity) -> Interaction | None:
    """What somebody pressed, sent in or typed; None for anything that is not ours, or nobody's."""
    body = mapping(payload)
    origin = _origin(body, me)
    if origin is None:
        return None
    data = mapping(body.get("data"))
    match number(body, "type"):
        case 2:
            return _command(data, origin)
        case 3:
            return _press(data, origin, mapping(body.get("message")))
        case 5:
            return _submission(data, origin)
        case _:
            return None


def _origin(body: Json, me: Identity) -> Origin | None:
    # In a server the person is its member, in a DM a user.
    user = mapping(mapping(body.get("member")).get("user")) or mapping(body.get("user"))
    id_, token, who = id_in(body, "id"), string(body, "token"), id_in(user, "id")
    if not (id_ and who and TOKEN.fullmatch(token)) or user.get("bot") or who == me.user:
        return None
    channel, message = mapping(body.get("channel")), mapping(body.get("message"))
    return Origin(
        id=id_,
        token=token,
        user=who,
        channel=id_in(body, "channel_id") or id_in(channel, "id"),
        kind=_kind(body, channel),
        message=id_in(message, "id"),
        content=string(message, "content"),
        display=string(mapping(body.get("member")), "nick")
        or string(user, "global_name")
        or string(user, "username"),
    )


def _kind(body: Json, channel: Json) -> Kind:
    if not id_in(body, "guild_id"):
        return "dm"
    return kind_of(number(channel, "type"))


def _press(data: Json, origin: Origin, message: Json) -> Press | None:
    found = CUSTOM_ID.fullmatch(string(data, "custom_id"))
    if found is None or number(data, "component_type") != BUTTON:
        return None
    name, option = found["name"], found["option"] or ""
    is_known = name in DECISIONS or name in ("answer", "option")
    if not is_known or (name == "option") != bool(option):
        return None
    return Press(origin, name, found["handle"], option, _label_of(message, found[0]))


def _label_of(message: Json, custom_id: str) -> str:
    buttons = (button for row in items(message, "components") for button in items(row, "components"))
    return next((string(each, "label") for each in buttons if each.get("custom_id") == custom_id), "")


def _submission(data: Json, origin: Origin) -> Submission | None:
    found = CUSTOM_ID.fullmatch(string(data, "custom_id"))
    if found is None or found["name"] not in WITH_FORM:
        return None
    return Submission(origin, found["name"], found["handle"], fields_of(data))


def _command(data: Json, origin: Origin) -> Command | None:
    name = string(data, "name")
    if not name or data.get("type", CHAT_INPUT) != CHAT_INPUT or not origin.channel:
        return None
    options = {string(each, "name"): string(each, "value") for each in items(data, "options")}
    return Command(origin, name, options.get("text", ""))


# ---------------------------------------------------------------- answers


def answer(
    given: Press | Submission, *, me: Identity, text: str = "", args: dict[str, JsonValue] | None = None
) -> Incoming:
    """The press or submission as an input. `text` is what the person wrote, `args` are the changed ones."""
    by = Answerer(channel=NAME, address=given.origin.user, proof="provider")
    data: ApprovalAnswered | QuestionAnswered
    if isinstance(given, Press) and given.option:
        data = QuestionAnswered(question_id=given.handle, text=given.option, by=by)
    elif given.name == "answer":
        data = QuestionAnswered(question_id=given.handle, text=text, by=by)
    else:
        decision = cast("Decision", given.name)  # `parse` lets no other name pass
        data = ApprovalAnswered(
            approval_id=given.handle, decision=decision, edited_args=args, message=text, by=by
        )
    return Incoming(
        data=data,
        channel=NAME,
        account=me.user,
        destination=given.origin.user,
        dedupe=given.origin.key,
        direct=True,
    )
