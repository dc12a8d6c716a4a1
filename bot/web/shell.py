"""How a command proves who acts: with the secret of the database, which only those who run the bot can read.

The proof is a bearer token, `local.NAME.UNTIL.MAC`. It holds for a minute, and only for callers on this machine.
"""

from datetime import datetime, timedelta

from bot.codes import Keys

PREFIX = "local."
LIFETIME = timedelta(minutes=1)


def proof(keys: Keys, name: str, now: datetime) -> str:
    """The bearer token with which the shell acts as this person."""
    until = str(int((now + LIFETIME).timestamp()))
    return f"{PREFIX}{name}.{keys.handle('shell', until, name)}"


def proven(keys: Keys, token: str, now: datetime) -> str:
    """Who acts by this token; "" if it is none of ours, or too old."""
    name, _, handle = token.removeprefix(PREFIX).partition(".")
    until = keys.check_handle(handle, "shell", name)
    return name if until is not None and now.timestamp() < int(until) else ""
