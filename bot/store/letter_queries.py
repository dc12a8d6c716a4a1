"""What is read of letters, as functions of a connection's `execute`."""

from collections.abc import Iterable, Sequence

from bot.events import Event, MessageReceived, TurnStarted, outgoing_of
from bot.ports import Letter
from bot.store import codec
from bot.store.index_letters import BY_MAIL
from bot.store.queries import events_at, texts
from bot.store.schema import Execute

_MOST_LOOKED_AT = 200  # events; what somebody wrote longer ago than that is not the mail that is answered
_SAID = 5
_EARLIER = f"""
SELECT {codec.COLUMNS} FROM events
WHERE thread_id = ? AND seq <= ? AND type IN ('message.received', 'turn.started') ORDER BY seq DESC LIMIT ?
"""
_OUT = "SELECT id, seq, number, destination FROM outbox WHERE id > ? AND id < ? AND channel = 'email'"


def thread_by_token(execute: Execute, token: str) -> str | None:
    row = execute("SELECT thread_id FROM reply_tokens WHERE token = ?", (token,)).fetchone()
    return row[0] if row else None


def thread_by_letter(execute: Execute, message_ids: Iterable[str], address: str) -> str | None:
    """The thread that one of these mails of the same sender went into."""
    for message_id in message_ids:
        sql = "SELECT thread_id FROM letters WHERE message_id = ? AND address = ?"
        if row := execute(sql, (message_id, address.lower())).fetchone():
            return str(row[0])
    return None


def corresponds(execute: Execute, thread_id: str, addresses: Sequence[str]) -> bool:
    """Whether one of these wrote a mail into the thread, or was written one from there."""
    sql = "SELECT 1 FROM correspondents WHERE thread_id = ? AND address = ?"
    return any(execute(sql, (thread_id, each.lower())).fetchone() for each in addresses)


def sent_in(execute: Execute, thread_id: str) -> tuple[tuple[str, str], ...]:
    """The mails of a thread that went out, or will: outbox id and address."""
    return tuple((id_, to) for id_, _, _, to in _out(execute, thread_id))


def said_to(execute: Execute, thread_id: str, address: str) -> tuple[str, ...]:
    """What was written to somebody in a thread last, the newest first."""
    rows = [row for row in _out(execute, thread_id) if row[3] == address][-_SAID:]
    by_seq = {event.seq: event for event in events_at(execute, thread_id, [seq for _, seq, _, _ in rows])}
    found = [outgoing_of(by_seq[seq].data)[number].text for _, seq, number, _ in rows if seq in by_seq]
    return tuple(reversed(found))


def letter(execute: Execute, outbox_id: str, address: str) -> Letter:
    """What a mail that goes out answers: the mail of its turn, else the newest from that address, if any."""
    thread_id, _, rest = outbox_id.partition(":")
    seq = int(rest.partition(":")[0])
    rows = execute(_EARLIER, (thread_id, seq, _MOST_LOOKED_AT)).fetchall()
    events = codec.decode_rows(rows, lambda hashes: texts(execute, hashes))[0]
    theirs = [event for event in events if _is_from(event, address)]
    started = next((event.data.input for event in events if isinstance(event.data, TurnStarted)), 0)
    answered = next((event for event in theirs if event.seq == started), None) or next(iter(theirs), None)
    ref = answered.data.channel_ref if answered and isinstance(answered.data, MessageReceived) else {}
    known = bool(answered and isinstance(answered.data, MessageReceived) and answered.data.person)
    earlier = [id_ for id_, *_, to in _out(execute, thread_id) if to == address and id_ != outbox_id]
    first = earlier[0] if earlier else ""
    return Letter(ref, known=known, first=first, subject=_subject(execute, thread_id, first))


def _is_from(event: Event, address: str) -> bool:
    data = event.data
    return (
        isinstance(data, MessageReceived)
        and data.sender.channel == BY_MAIL
        and data.sender.address.lower() == address.lower()
    )


def _subject(execute: Execute, thread_id: str, outbox_id: str) -> str:
    if not outbox_id:
        return ""
    _, seq, number = outbox_id.rsplit(":", 2)
    events = events_at(execute, thread_id, [int(seq)])
    return outgoing_of(events[0].data)[int(number)].subject if events else ""


def _out(execute: Execute, thread_id: str) -> list[tuple[str, int, int, str]]:
    """The mails that a thread sends, oldest first. An outbox id begins with its thread's."""
    rows = execute(f"{_OUT} ORDER BY position", (f"{thread_id}:", f"{thread_id};")).fetchall()
    return [tuple(row) for row in rows]
