"""The one place where words of ours become the body of a call: no mention in them is live, no link shows a preview.

Discord makes mentions live unless it is told otherwise, in edits too, so every body says so.
"""

from collections.abc import Mapping
from types import MappingProxyType

SUPPRESS_EMBEDS = 1 << 2
EPHEMERAL = 1 << 6

Body = dict[str, object]
NOTHING: Mapping[str, object] = MappingProxyType({})


def said(content: str, *, ephemeral: bool = False, more: Mapping[str, object] = NOTHING) -> Body:
    """A new message."""
    flags = SUPPRESS_EMBEDS | (EPHEMERAL if ephemeral else 0)
    return {"content": content, "flags": flags, "allowed_mentions": nobody(), **more}


def changed(content: str, *, more: Mapping[str, object] = NOTHING) -> Body:
    """A message that we wrote, anew."""
    return {"content": content, "flags": SUPPRESS_EMBEDS, "allowed_mentions": nobody(), **more}


def nobody() -> Mapping[str, object]:
    """Nobody is called, neither by a mention nor as the writer of what we reply to."""
    return {"parse": [], "replied_user": False}
