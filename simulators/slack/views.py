"""Modals: what an app opened for a person, what they write in it, and what became of it."""

import secrets
from dataclasses import dataclass, field

from simulators.people import Person
from simulators.slack import limits
from simulators.slack.arguments import Call
from simulators.slack.config import Json
from simulators.slack.limits import ApiError
from simulators.slack.workspace import Refused, Workspace


@dataclass
class Modal:
    """`view` is what Slack tells the app; `typed` and `errors` are by block, for the person alone."""

    view: Json
    owner: str
    typed: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)


class Views:
    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._config = workspace.config
        self.open: dict[str, Modal] = {}

    # The app

    def add(self, view: Json, owner: str) -> Json:
        shown = self._shown(view, f"V{secrets.token_hex(5).upper()}")
        self.open[shown["id"]] = Modal(shown, owner)
        self._changed()
        return shown

    def update(self, call: Call) -> Json:
        (view_id,) = call.required("view_id")
        view = read_view(call)
        if view_id not in self.open:
            raise ApiError("not_found")
        return {"view": self.replace(view_id, view)}

    def replace(self, view_id: str, view: Json) -> Json:
        modal = self.open[view_id]
        self.open[view_id] = Modal(self._shown(view, view_id), modal.owner)
        self._changed()
        return self.open[view_id].view

    # The person

    def of(self, person: Person) -> list[Modal]:
        """Those that are open for this person, the one on top last."""
        return [modal for modal in self.open.values() if modal.owner == person.slack_user_id]

    def find(self, person: Person, view_id: str | None) -> Modal:
        theirs = self.of(person)
        wanted = [modal for modal in theirs if view_id in (None, modal.view["id"])]
        if not wanted:
            open_now = sorted(str(modal.view["id"]) for modal in theirs)
            raise Refused(f"no open view {view_id or ''} for {person.name}; open are {open_now}")
        return wanted[-1]

    def fill(self, modal: Modal, values: Json) -> Json:
        """The state that Slack sends: by block, then by action. A value is given by block id or label."""
        if modal.view.get("submit") is None and inputs_of(modal):
            raise Refused("that view cannot be submitted")
        left = dict(values)
        state: Json = {}
        modal.typed, modal.errors = {}, {}
        for block in inputs_of(modal):
            element, label = block["element"], str(block["label"]["text"])
            given = left.pop(block["block_id"], left.pop(label, element.get("initial_value")))
            if isinstance(given, dict):  # in Slack's own shape
                state[block["block_id"]] = given
                continue
            if not given and not block.get("optional"):
                raise Refused(f"{label!r} must be filled in")
            modal.typed[block["block_id"]] = str(given or "")
            state[block["block_id"]] = {
                element["action_id"]: {"type": element["type"], "value": given or None}
            }
        if left:
            fields = [block["block_id"] for block in inputs_of(modal)]
            raise Refused(f"that view has no field {sorted(left)}; it has {fields}")
        return state

    def answered(self, modal: Modal, response: Json | None) -> None:
        """What the app's acknowledgement of a submission says about the modal."""
        answer = response or {}
        match answer.get("response_action"):
            case "errors":
                modal.errors = {str(block): str(words) for block, words in answer["errors"].items()}
            case "update":
                self.replace(modal.view["id"], answer["view"])
            case "clear":
                for theirs in [m for m in self.open.values() if m.owner == modal.owner]:
                    self.open.pop(theirs.view["id"])
            case _:
                self.open.pop(modal.view["id"], None)
        self._changed()

    def close(self, modal: Modal) -> None:
        self.open.pop(modal.view["id"], None)
        self._changed()

    def _changed(self) -> None:
        self._workspace.state.version += 1

    def _shown(self, view: Json, view_id: str) -> Json:
        blocks = [
            {**block, "block_id": block.get("block_id") or secrets.token_hex(3)} for block in view["blocks"]
        ]
        return {
            "private_metadata": "",
            "callback_id": "",
            "external_id": "",
            "clear_on_close": False,
            "notify_on_close": False,
            "submit": None,
            "close": None,
            **view,
            "blocks": blocks,
            "id": view_id,
            "team_id": self._config.team_id,
            "state": {"values": {}},
            "hash": f"{self._workspace.timestamp():.6f}",
            "previous_view_id": None,
            "root_view_id": view_id,
            "app_id": self._config.app_id,
            "app_installed_team_id": self._config.team_id,
            "bot_id": self._config.bot_id,
        }


def inputs_of(modal: Modal) -> list[Json]:
    return [block for block in modal.view["blocks"] if block.get("type") == "input"]


def read_view(call: Call) -> Json:
    view = call.json("view", error="invalid_arguments")
    if not isinstance(view, dict) or view.get("type") != "modal" or not view.get("title"):
        raise ApiError("invalid_arguments", "missing required field: view")
    if not isinstance(view.get("blocks"), list):
        raise ApiError("invalid_arguments", "missing required field: blocks")
    limits.check_view(view)
    return dict(view)
