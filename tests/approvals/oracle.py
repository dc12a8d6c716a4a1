"""What must become of requests, said again in few words: no log, no fold, only who said what and when."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

EXPIRES = timedelta(hours=4)
START_WITHIN = timedelta(minutes=15)
APPROVERS = ("carol", "dave")


@dataclass
class Asked:
    """One request: what it is for, where it comes from, and how it stands."""

    tag: str
    place: str
    expires_at: datetime
    status: str = "pending"
    decision: str = ""
    changed: str = ""
    at: datetime | None = None
    order: int = 0


@dataclass
class Oracle:
    """Told of everything that people and the clock do; says what ran, and how each request stands."""

    requests: dict[str, Asked] = field(default_factory=dict)
    ran: list[str] = field(default_factory=list)
    answers: int = 0

    def asked(self, id_: str, tag: str, place: str, now: datetime) -> None:
        assert id_ not in self.requests, "a new request has the id of an old one"
        self.requests[id_] = Asked(tag, place, now + EXPIRES)

    def answered(self, id_: str, who: str, decision: str, now: datetime, changed: str = "") -> None:
        asked = self.requests[id_]
        if asked.status != "pending" or asked.decision or who not in APPROVERS or now >= asked.expires_at:
            return
        self.answers += 1
        asked.decision, asked.at, asked.changed, asked.order = decision, now, changed, self.answers

    def stopped(self) -> None:
        self._end("cancelled", self.pending)

    def edited(self, place: str) -> None:
        self._end("superseded", [asked for asked in self.pending if asked.place == place])

    def settled(self, now: datetime) -> list[Asked]:
        """Everything takes effect; those that have to be asked for anew."""
        anew = []
        for asked in sorted(self.pending, key=lambda asked: asked.order):
            if not asked.decision:
                asked.status = "expired" if now >= asked.expires_at else "pending"
            elif asked.decision in ("reject", "respond"):
                asked.status = {"reject": "rejected", "respond": "answered"}[asked.decision]
            elif asked.at is not None and now - asked.at > START_WITHIN:
                asked.status = "superseded"
                anew.append(asked)
            else:
                asked.status = {"approve": "approved", "edit": "edited"}[asked.decision]
                self.ran.append(asked.changed or asked.tag)
        return anew

    @property
    def pending(self) -> list[Asked]:
        return [asked for asked in self.requests.values() if asked.status == "pending"]

    @staticmethod
    def _end(status: str, requests: list[Asked]) -> None:
        for asked in requests:
            asked.status = status
