"""The files that come with a message: where each is, and whether it may be fetched from there. Pure."""

from dataclasses import dataclass

import yarl

from bot.events import Block
from bot.files import Attachment, is_read, unread
from bot.files.shown import MOST_TOGETHER, blocks
from channels.discord.shapes import Json, id_in, items, mapping, number, string

SERVERS = frozenset({"cdn.discordapp.com", "media.discordapp.net"})
MOST_BYTES = MOST_TOGETHER // 4 * 3
"""Of all files of one message; as base64 they are a third longer."""


@dataclass(frozen=True, slots=True)
class File:
    """One file by reference: its address is good for a day, the ids of its message for as long as that is there.

    `size` in bytes, -1 if Discord does not say.
    """

    ref: str
    url: str
    name: str
    content_type: str
    size: int

    @property
    def is_read(self) -> bool:
        """Whether the model gets to see files like this one."""
        return is_read(name=self.name, content_type=self.content_type, size=self.size)

    def unread(self, why: str = "") -> Attachment:
        size = max(0, self.size)
        if not why and not self.is_read and is_read(name=self.name, content_type=self.content_type, size=0):
            why = "it is too large to look at"
        return unread(name=self.name, content_type=self.content_type, size=size, why=why)

    def block(self) -> Block:
        (block,) = blocks([self.unread()], [self.ref])
        return block


def files_of(message: Json) -> list[File]:
    """Its own files, and those of messages that it passes on."""
    passed_on = [mapping(each.get("message")) for each in items(message, "message_snapshots")]
    found = [item for each in (message, *passed_on) for item in items(each, "attachments")]
    return [_file(item, message) for item in found if id_in(item, "id")]


def worth_fetching(files: list[File]) -> list[File]:
    """Those of which the model gets to see the content, as far as they go into one message."""
    room, wanted = MOST_BYTES, []
    for file in files:
        if file.is_read and file.size <= room:
            wanted.append(file)
            room -= max(0, file.size)
    return wanted


def may_be_fetched(url: str, api_url: str) -> bool:
    """Only from Discord's own servers, or from the one that stands in for it."""
    try:
        asked = yarl.URL(url)
        if asked.user is not None or asked.password is not None:
            return False
        return _server(asked) in {("https", server, 443) for server in SERVERS} | _stand_in(api_url)
    except ValueError:
        return False


def _stand_in(api_url: str) -> set[tuple[str, str | None, int | None]]:
    return {_server(yarl.URL(api_url))} if api_url else set()


def _server(url: yarl.URL) -> tuple[str, str | None, int | None]:
    return url.scheme, url.host, url.port


def _file(item: Json, message: Json) -> File:
    return File(
        ref=f"{id_in(message, 'channel_id')}/{id_in(message, 'id')}/{id_in(item, 'id')}",
        url=string(item, "url"),
        name=string(item, "filename"),
        content_type=string(item, "content_type"),
        size=number(item, "size"),
    )
