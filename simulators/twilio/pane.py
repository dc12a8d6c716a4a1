"""The SMS pane of the page /sim: one phone a person, side by side, each with its messages."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from aiohttp import web

from simulators.page import Pane, render
from simulators.people import Person
from simulators.twilio.config import Json
from simulators.twilio.state import Message

if TYPE_CHECKING:
    from simulators.twilio.simulator import TwilioSimulator

MOST_SHOWN = 200


def sms_pane(twilio: "TwilioSimulator") -> Pane:
    def html() -> str:
        return render("sms_pane.html", ours=twilio.config.number, people=twilio.config.people)

    return Pane("sms", "SMS", html)


def add_routes(app: web.Application, twilio: "TwilioSimulator") -> None:
    async def pane(request: web.Request) -> web.Response:
        seen = str(twilio.state.version)
        if request.query.get("seen") == seen:
            return web.Response(status=204)
        return web.json_response({"seen": seen, **PaneView(twilio).render()})

    app.router.add_get("/sim/sms/pane", pane)


class PaneView:
    """What is on all the phones."""

    def __init__(self, twilio: "TwilioSimulator") -> None:
        self._twilio = twilio
        self._ours = twilio.config.number

    def render(self) -> Json:
        messages = self._twilio.state.messages()
        return {
            "webhook": self._twilio.state.get("webhook"),
            "phones": [self._phone(person, messages) for person in self._people(messages)],
        }

    def _people(self, messages: Sequence[Message]) -> tuple[Person, ...]:
        """The demo people, and whoever else has texted or was texted."""
        people = {person.sms: person for person in self._twilio.config.people}
        for message in messages:
            number = self._other_end(message)
            people.setdefault(number, Person(number, sms=number))
        return tuple(people.values())

    def _phone(self, person: Person, messages: Sequence[Message]) -> Json:
        here = [message for message in messages if self._other_end(message) == person.sms][-MOST_SHOWN:]
        shown = [self._shown(message, person) for message in here]
        return {
            "number": person.sms,
            "name": person.name,
            "stopped": self._twilio.state.is_opted_out(self._ours, person.sms),
            "messages": render("sms_messages.html", messages=shown),
        }

    def _other_end(self, message: Message) -> str:
        return message.sender if message.direction == "inbound" else message.recipient

    def _shown(self, message: Message, person: Person) -> Json:
        return {
            "sid": message.sid,
            "text": message.body,
            "mine": message.direction == "inbound",
            "time": _clock(message.created_at, person),
            "lost": message.status in ("undelivered", "failed"),
            "status": message.status,
            "error_code": message.error_code,
            "media": [
                *(media.content_type for media in self._twilio.state.media_of(message.sid)),
                *message.media_urls,
            ],
        }


def _clock(at: float, person: Person) -> str:
    return datetime.fromtimestamp(at, UTC).astimezone(ZoneInfo(person.tz)).strftime("%H:%M")
