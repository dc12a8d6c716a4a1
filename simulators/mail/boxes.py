"""pymap's mailboxes in memory, each change of them written to the simulators' file as well."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import TypeAlias

from pymap.backend.dict.mailbox import MailboxData, MailboxSet, Message
from pymap.concurrent import Event
from pymap.flags import FlagOp
from pymap.interfaces.message import CachedMessage
from pymap.mime import MessageBody, MessageContent, MessageHeader
from pymap.parsing.message import AppendMessage
from pymap.parsing.specials import ObjectId
from pymap.parsing.specials.flag import Flag, Recent, Wildcard
from pymap.selected import SelectedMailbox

from simulators.mail.state import INBOX, Item, MailState

Lines: TypeAlias = Sequence[tuple[int, int, int]]
"""As pymap has them: start, end without and with the line's end."""


class Opaque(MessageContent):
    """A mail whose parts nobody looks at here: what a broken mail does to a parser is not our matter."""

    @classmethod
    def _parse(cls, data: bytes, view: memoryview, lines: Lines) -> "Opaque":
        head, body = cls._split_lines(data, lines)
        return cls(data, MessageHeader._parse(data, view, head), MessageBody._parse(data, view, body, None))


class Box(MailboxData):
    """A mailbox that takes keywords, and that an idle client hears of without a gap."""

    def __init__(self, name: str, boxes: "Boxes") -> None:
        super().__init__(boxes.content_cache, boxes.thread_cache)
        self._state, self._now = boxes.state, boxes.now
        self.name = name
        self._uid_validity, self._max_uid = self._state.numbering(name)
        for item in self._state.items(name):
            self._take_up(item)

    def _take_up(self, item: Item, *, recent: bool = False) -> Message:
        content = Opaque.parse(item.raw)
        message = self._messages[item.uid] = Message(
            item.uid,
            item.when,
            map(Flag, item.flags),
            email_id=self._content_cache.add(content),
            thread_id=ObjectId.random_thread_id(),
            recent=recent,
            content=content,
        )
        self._mod_sequences.update([item.uid])
        return message

    @property
    def permanent_flags(self) -> frozenset[Flag]:
        return super().permanent_flags | {Wildcard}

    async def update_selected(
        self, selected: SelectedMailbox, *, wait_on: Event | None = None
    ) -> SelectedMailbox:
        # pymap would wait for the next change, even if one came while nobody was looking.
        known = selected.mod_sequence == self._mod_sequences.highest
        return await super().update_selected(selected, wait_on=wait_on if known else None)

    async def append(self, append_msg: AppendMessage, *, recent: bool = False) -> Message:
        when = append_msg.when or self._now()
        flags = sorted(str(flag) for flag in append_msg.flag_set - {Recent})
        async with self.messages_lock.write_lock():
            self._max_uid += 1
            item = Item(self._max_uid, bytes(append_msg.literal), tuple(flags), when.timestamp())
            self._state.put_item(self.name, item)
            message = self._take_up(item, recent=recent)
            self._updated.set()
        return message

    async def copy(self, uid: int, destination: MailboxData, *, recent: bool = False) -> int | None:
        assert isinstance(destination, Box)
        to_uid = await super().copy(uid, destination, recent=recent)
        if to_uid is not None:
            self._state.copy_item(self.name, uid, destination.name, to_uid)
        return to_uid

    async def move(self, uid: int, destination: MailboxData, *, recent: bool = False) -> int | None:
        assert isinstance(destination, Box)
        to_uid = await super().move(uid, destination, recent=recent)
        if to_uid is not None:
            self._state.move_item(self.name, uid, destination.name, to_uid)
        return to_uid

    async def update(
        self, uid: int, cached_msg: CachedMessage, flag_set: frozenset[Flag], mode: FlagOp
    ) -> Message:
        message = await super().update(uid, cached_msg, flag_set, mode)
        self._state.flag_item(self.name, uid, map(str, message.permanent_flags))
        return message

    async def delete(self, uids: Iterable[int]) -> None:
        gone = list(uids)
        await super().delete(gone)
        self._state.delete_items(self.name, gone)


class Boxes(MailboxSet):
    """All mailboxes of the account, as they were when the simulators last ran."""

    def __init__(self, state: MailState, *, now: Callable[[], datetime]) -> None:
        super().__init__()
        self.state, self.now = state, now
        self.content_cache, self.thread_cache = self._content_cache, self._thread_cache
        self.inbox = self._inbox = Box(INBOX, self)
        self._set.update({name: Box(name, self) for name in state.boxes() if name != INBOX})

    async def put(self, raw: bytes) -> int:
        """A new mail in the INBOX; returns its UID."""
        message = await self.inbox.append(AppendMessage(raw, self.now()), recent=True)
        return message.uid

    async def add_mailbox(self, name: str) -> ObjectId:
        if name in self._set:
            raise ValueError(name)
        self.state.add_box(name, at=self.now().timestamp())
        self._set[name] = found = Box(name, self)
        return found.mailbox_id

    async def delete_mailbox(self, name: str) -> None:
        await super().delete_mailbox(name)
        self.state.delete_box(name)

    async def rename_mailbox(self, before: str, after: str) -> None:
        if before.upper() == INBOX:
            raise ValueError(after)
        await super().rename_mailbox(before, after)
        for name, box in self._set.items():
            if isinstance(box, Box) and box.name != name:
                self.state.rename_box(box.name, name)
                box.name = name
