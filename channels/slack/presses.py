"""What people press: Slack's interaction payloads as presses and submissions, and these as answers. Pure.

Whose press it is say the ids of team and user alone. Whether they may decide is not for this page to know.
"""

import re
from dataclasses import dataclass
from typing import cast, get_args

from pydantic import JsonValue

from bot.events import Answerer, ApprovalAnswered, Decision, Incoming, QuestionAnswered
from channels.slack.events import NAME, Identity
from channels.slack.forms import HANDLE, Origin
from channels.slack.requests import OPTION, PREFIX
from channels.slack.shapes import Json, id_in, items, mapping, string, ts_in

USER = re.compile(r"[UW][A-Z0-9]{1,63}")
VALUE = re.compile(rf"(?P<handle>{HANDLE.pattern})(?:#(?P<option>[1-9][0-9]?))?")
TRIGGER = re.compile(r"[A-Za-z0-9._-]{1,200}")
DECISIONS: tuple[str, ...] = get_args(Decision)


@dataclass(frozen=True, slots=True)
class Presser:
    """Who pressed, as Slack's ids: the team is theirs, which in a shared channel may not be ours."""

    team: str
    user: str

    @property
    def address(self) -> str:
        return f"{self.team}/{self.user}"


@dataclass(frozen=True, slots=True)
class Press:
    """A button of a request was pressed; `name` is what it stands for, `args` what its message carries."""

    by: Presser
    name: str
    origin: Origin
    option: str
    label: str
    at: str
    trigger: str
    args: str
    blocks: list[Json]

    @property
    def key(self) -> str:
        return f"{NAME}:action:{self.at or self.trigger}:{self.by.user}:{PREFIX}{self.name}"


@dataclass(frozen=True, slots=True)
class Submission:
    """A form was sent in; `name` is the button that had opened it."""

    by: Presser
    name: str
    origin: Origin
    view: Json

    @property
    def key(self) -> str:
        return f"{NAME}:view:{id_in(self.view, 'id')}:{self.by.user}"


def parse(payload: object, *, me: Identity) -> Press | Submission | None:
    """What somebody pressed or sent in; None for anything that is not ours, or nobody's."""
    body = mapping(payload)
    by = _presser(body, me)
    if by is None:
        return None
    match body.get("type"):
        case "block_actions":
            return _press(body, by)
        case "view_submission":
            return _submission(mapping(body.get("view")), by)
        case _:
            return None


def _presser(body: Json, me: Identity) -> Presser | None:
    user = mapping(body.get("user"))
    id_ = id_in(user, "id")
    # A person's own team; the one of the payload is where they pressed.
    team = id_in(user, "team_id") or id_in(mapping(body.get("team")), "id")
    if not team or not USER.fullmatch(id_) or id_ in (me.user, "USLACKBOT") or user.get("is_bot"):
        return None
    return Presser(team, id_)


def _press(body: Json, by: Presser) -> Press | None:
    action = next((each for each in items(body, "actions") if _is_ours(string(each, "action_id"))), None)
    value = VALUE.fullmatch(string(action, "value")) if action else None
    if action is None or value is None:
        return None
    container, message = mapping(body.get("container")), mapping(body.get("message"))
    origin = Origin(
        value["handle"],
        channel=id_in(container, "channel_id") or id_in(mapping(body.get("channel")), "id"),
        ts=ts_in(container, "message_ts") or ts_in(message, "ts"),
        thread=ts_in(container, "thread_ts"),
    )
    trigger = string(body, "trigger_id")
    press = Press(
        by=by,
        name=string(action, "action_id").removeprefix(PREFIX),
        origin=origin,
        option=value["option"] or "",
        label=string(mapping(action.get("text")), "text"),
        at=ts_in(action, "action_ts"),
        trigger=trigger if TRIGGER.fullmatch(trigger) else "",
        args=carried_by(message),
        blocks=items(message, "blocks"),
    )
    is_option = press.name.startswith("option.")
    return press if (press.at or press.trigger) and is_option == bool(press.option) else None


def _is_ours(action_id: str) -> bool:
    name = action_id.removeprefix(PREFIX)
    return action_id.startswith(PREFIX) and (
        name in DECISIONS or name == "answer" or action_id.startswith(OPTION)
    )


def _submission(view: Json, by: Presser) -> Submission | None:
    name = string(view, "callback_id").removeprefix(PREFIX)
    origin = Origin.parse(string(view, "private_metadata"))
    if origin is None or not id_in(view, "id") or name not in ("edit", "reject", "respond", "answer"):
        return None
    return Submission(by, name, origin, view)


def carried_by(message: Json) -> str:
    """The arguments that a message of ours carries, as they were written there; "" if Slack left them out."""
    payload = mapping(mapping(message.get("metadata")).get("event_payload"))
    return string(mapping(payload.get("request")), "args")


# ---------------------------------------------------------------- answers


def answer(
    given: Press | Submission, *, me: Identity, text: str = "", args: dict[str, JsonValue] | None = None
) -> Incoming:
    """The press or submission as an input. `text` is what the person wrote, `args` are the changed ones."""
    by = Answerer(channel=NAME, address=given.by.address, proof="provider")
    handle = given.origin.handle
    data: ApprovalAnswered | QuestionAnswered
    if isinstance(given, Press) and given.option:
        data = QuestionAnswered(question_id=handle, text=given.option, by=by)
    elif given.name == "answer":
        data = QuestionAnswered(question_id=handle, text=text, by=by)
    else:
        decision = cast("Decision", given.name)  # `parse` lets no other name pass
        data = ApprovalAnswered(approval_id=handle, decision=decision, edited_args=args, message=text, by=by)
    return Incoming(
        data=data,
        channel=NAME,
        account=me.account,
        destination=given.by.address,
        dedupe=given.key,
        direct=True,
    )
