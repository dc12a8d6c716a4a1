"""What Slack says about the files of a message. Pure; the content is fetched by channels/slack/fetching.py."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.events import Block, Incoming, MessageEdited, MessageReceived
from bot.files import LARGEST_READ, Attachment, is_read, unread
from bot.files.shown import MOST_TOGETHER, blocks
from channels.slack.shapes import Json, id_in, string

MOST_AT_ONCE = MOST_TOGETHER * 3 // 4
"""Bytes of the files of one message that are shown to the model."""

OUTSIDE = "it is kept outside Slack"
GONE = "it was deleted"
WITHHELD = "Slack does not show it in this workspace"
TOO_LARGE = f"it is larger than {LARGEST_READ:,} bytes"
TOO_MUCH = "with the other files it is too much to look at"


@dataclass(frozen=True, slots=True)
class SlackFile:
    """A file, as a message names it. `bare`: Slack tells no more than its id, until it is asked (files.info).

    `version` changes with the content. `why` it cannot be fetched is "" for one that can.
    """

    id: str
    name: str
    content_type: str
    size: int
    url: str = ""
    version: str = ""
    why: str = ""
    bare: bool = False

    @property
    def wanted(self) -> bool:
        """Whether the model could read it, as far as Slack says."""
        if self.bare:
            return True
        readable = is_read(name=self.name, content_type=self.content_type, size=self.size)
        return readable and bool(self.url) and not self.why

    def reference(self, why: str = "") -> Attachment:
        return unread(
            name=self.name,
            content_type=self.content_type,
            size=self.size,
            why=why or self.why or self._too_large,
        )

    @property
    def _too_large(self) -> str:
        of_a_kind = is_read(name=self.name, content_type=self.content_type, size=0)
        readable = is_read(name=self.name, content_type=self.content_type, size=self.size)
        return "it is too large to look at" if of_a_kind and not readable else ""


def file_in(item: Json) -> SlackFile | None:
    """A file of a message, or the answer of files.info; None for what has no id."""
    ref = id_in(item, "id")
    if not ref:
        return None
    size = item.get("size")
    return SlackFile(
        id=ref,
        name=string(item, "name") or string(item, "title"),
        content_type=string(item, "mimetype"),
        size=size if isinstance(size, int) and size >= 0 else 0,
        url=string(item, "url_private_download") or string(item, "url_private"),
        version=str(item.get("edit_timestamp") or item.get("timestamp") or ""),
        why=_why(item),
        bare=item.get("file_access") == "check_file_info",
    )


def _why(item: Json) -> str:
    """Why the content is not to be had from Slack."""
    mode, access = item.get("mode"), item.get("file_access")
    if mode == "tombstone":
        return GONE
    if mode == "hidden_by_limit" or access in ("access_denied", "file_not_found"):
        return WITHHELD
    return OUTSIDE if item.get("is_external") is True or mode == "external" else ""


def references(files: Sequence[SlackFile]) -> tuple[Block, ...]:
    """The files as blocks of their message, without content."""
    return blocks([file.reference() for file in files], [file.id for file in files])


def with_contents(incoming: Incoming, files: Sequence[SlackFile], found: Sequence[Attachment]) -> Incoming:
    """The message with what was found of its files, each where its reference stands."""
    data = incoming.data
    assert isinstance(data, MessageReceived | MessageEdited)
    looked_at = {block.ref: block for block in blocks(found, [file.id for file in files])}
    shown = [
        looked_at.get(block.ref, block) if block.source == "attachment" else block for block in data.blocks
    ]
    return replace(incoming, data=data.model_copy(update={"blocks": tuple(shown)}))
