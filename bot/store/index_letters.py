"""What an event changes in the index of letters: who takes part in a thread by mail, and by what its mails are known.

Pure, as bot/store/index.py is.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from bot.events import Event, MessageReceived, outgoing_of

BY_MAIL = "email"


@dataclass(frozen=True, slots=True)
class AddCorrespondent:
    """Somebody wrote a mail into the thread, or was written one from there; `mailed`: it went out from us."""

    thread_id: str
    address: str
    mailed: bool = False


@dataclass(frozen=True, slots=True)
class AddLetter:
    """A mail that came into the thread, by the Message-ID that its sender gave it."""

    message_id: str
    address: str
    thread_id: str


LetterChange = AddCorrespondent | AddLetter


def project_letters(event: Event) -> Iterator[LetterChange]:
    """What the event changes, in order."""
    data = event.data
    if isinstance(data, MessageReceived):
        if data.sender.channel == BY_MAIL:
            yield AddCorrespondent(event.thread_id, data.sender.address)
            message_id = data.channel_ref.get("message_id")
            if isinstance(message_id, str) and message_id:
                yield AddLetter(message_id, data.sender.address, event.thread_id)
        return
    for message in outgoing_of(data):
        if message.channel == BY_MAIL and message.destination:
            yield AddCorrespondent(event.thread_id, message.destination, mailed=True)
