"""The files of a message as blocks of it. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Literal

from bot.events import Block
from bot.files.attachment import Attachment

MOST_TOGETHER = 10_000_000
"""Bytes of base64 of all pictures and PDFs of one message."""


def blocks(files: Iterable[Attachment], refs: Sequence[str] = ()) -> tuple[Block, ...]:
    """The files of one message as blocks of it; `refs` say where each is, else its digest does."""
    room, made = MOST_TOGETHER, []
    for number, each in enumerate(files):
        size = len(each.data)
        if size > room:
            each = replace(each, data="", refused="with the other files it is too much to look at")
        room -= len(each.data)
        made.append(_block(each, refs[number] if refs else each.digest))
    return tuple(made)


def _block(file: Attachment, ref: str) -> Block:
    kind: Literal["file", "image"] = "image" if file.content_type.startswith("image/") else "file"
    size = f"{max(1, file.size // 1024)} KB" if file.size else ""
    why = f"not shown: {file.refused}" if file.refused else ""
    about = "; ".join(filter(None, (file.content_type, size, why)))
    return Block(
        source="attachment",
        kind=kind,
        name=file.name,
        text=f"{about}\n{file.text}" if file.text else about,
        ref=ref,
        media_type=file.content_type if file.data else "",
        data=file.data,
    )
