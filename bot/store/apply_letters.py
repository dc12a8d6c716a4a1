"""Carries out in SQL what an event changes in the index of letters."""

from bot.codes import reply_token
from bot.store.index_letters import AddCorrespondent, AddLetter, LetterChange
from bot.store.schema import Execute

_CORRESPONDENT = "INSERT OR IGNORE INTO correspondents (thread_id, address) VALUES (?, ?)"
_LETTER = "INSERT OR IGNORE INTO letters (message_id, address, thread_id) VALUES (?, ?, ?)"
_REPLY = "INSERT OR IGNORE INTO reply_tokens (token, thread_id) VALUES (?, ?)"


def apply_letters(execute: Execute, change: LetterChange) -> None:
    """Make one change."""
    match change:
        case AddCorrespondent(thread_id, address, mailed):
            execute(_CORRESPONDENT, (thread_id, address.lower()))
            if mailed:
                secret = execute("SELECT value FROM meta WHERE key = 'secret'").fetchone()[0]
                execute(_REPLY, (reply_token(secret, thread_id), thread_id))
        case AddLetter(message_id, address, thread_id):
            execute(_LETTER, (message_id, address.lower(), thread_id))
