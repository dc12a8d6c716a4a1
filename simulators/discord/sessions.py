"""Gateway sessions: what each was sent, so that it can be resumed, and how often the bot identified."""

import json
from dataclasses import dataclass, replace

from simulators.discord.config import Json
from simulators.discord.state import DiscordState

KEEP_EVENTS = 5_000


@dataclass(frozen=True)
class Session:
    """`lost_at` is when its connection was gone; absent while it has one."""

    id: str
    intents: int
    seq: int = 0
    lost_at: float | None = None


class Sessions:
    def __init__(self, state: DiscordState) -> None:
        self._db = state.db

    def put(self, session: Session) -> Session:
        self._db.execute(
            "INSERT OR REPLACE INTO discord_sessions VALUES (?, ?, ?, ?)",
            (session.id, session.intents, session.seq, session.lost_at),
        )
        return session

    def get(self, id_: str) -> Session | None:
        row = self._db.execute("SELECT * FROM discord_sessions WHERE id = ?", (id_,)).fetchone()
        return Session(*row) if row else None

    def all(self) -> list[Session]:
        return [Session(*row) for row in self._db.execute("SELECT * FROM discord_sessions")]

    def end(self, id_: str) -> None:
        self._db.execute("DELETE FROM discord_sessions WHERE id = ?", (id_,))
        self._db.execute("DELETE FROM discord_events WHERE session = ?", (id_,))

    def end_lost_before(self, time: float) -> None:
        for session in self.all():
            if session.lost_at is not None and session.lost_at < time:
                self.end(session.id)

    def lose_all(self, time: float) -> None:
        """After a restart no session has its connection any more."""
        self._db.execute("UPDATE discord_sessions SET lost_at = ? WHERE lost_at IS NULL", (time,))

    def add_event(self, session: Session, event: str, data: Json) -> tuple[Session, str]:
        """Number an event and keep it; returns the frame to send."""
        session = self.put(replace(session, seq=session.seq + 1))
        frame = json.dumps({"t": event, "s": session.seq, "op": 0, "d": data})
        self._db.execute("INSERT INTO discord_events VALUES (?, ?, ?)", (session.id, session.seq, frame))
        self._db.execute(
            "DELETE FROM discord_events WHERE session = ? AND seq <= ?",
            (session.id, session.seq - KEEP_EVENTS),
        )
        return session, frame

    def events_after(self, session: Session, seq: int) -> list[str]:
        rows = self._db.execute(
            "SELECT payload FROM discord_events WHERE session = ? AND seq > ? ORDER BY seq",
            (session.id, seq),
        )
        return [frame for (frame,) in rows]

    # The daily budget

    def add_identify(self, time: float) -> None:
        self._db.execute("INSERT INTO discord_identifies VALUES (?)", (time,))

    def identifies_since(self, time: float) -> int:
        row = self._db.execute("SELECT COUNT(*) FROM discord_identifies WHERE at > ?", (time,)).fetchone()
        return int(row[0])

    def forget_identifies(self) -> None:
        self._db.execute("DELETE FROM discord_identifies")
