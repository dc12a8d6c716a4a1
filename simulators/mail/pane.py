"""The mail pane of the page /sim: the mails of one person and the app as cards, and a form to write one."""

import re
from datetime import datetime
from html import unescape
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from aiohttp import web

from simulators.mail.config import Json
from simulators.mail.shown import shown
from simulators.page import Pane, render
from simulators.people import Person

if TYPE_CHECKING:
    from simulators.mail.simulator import MailSimulator

MOST_SHOWN = 200


def mail_pane(mail: "MailSimulator") -> Pane:
    def html() -> str:
        return render("mail_pane.html", ours=mail.config.address, people=mail.config.people)

    return Pane("email", "Mail", html)


def add_routes(app: web.Application, mail: "MailSimulator") -> None:
    async def pane(request: web.Request) -> web.Response:
        who = _person(mail, request.query.get("as", ""))
        seen = f"{mail.state.version} {who.email}"
        if request.query.get("seen") == seen:
            return web.Response(status=204)
        return web.json_response({"seen": seen, "messages": render_mails(mail, who)})

    app.router.add_get("/sim/email/pane", pane)


def render_mails(mail: "MailSimulator", person: Person) -> str:
    """What the app and this person wrote to each other, oldest first."""
    letters = [shown(letter) for letter in mail.state.letters(last=MOST_SHOWN)]
    cards = [_card(each, person) for each in letters if _concerns(each, person)]
    return render("mail_messages.html", messages=cards)


def _person(mail: "MailSimulator", email: str) -> Person:
    found = (person for person in mail.config.people if person.email == email)
    return next(found, Person(email, email=email))


def _concerns(mail: Json, person: Person) -> bool:
    involved = (mail["from"], mail["sender"], *mail["recipients"], *mail["to"])
    return person.email in map(str.lower, involved)


def _card(mail: Json, person: Person) -> Json:
    at = datetime.fromisoformat(mail["at"]).astimezone(ZoneInfo(person.tz))
    words, quoted = _fold_quote(mail["text"] or _without_tags(mail["html"]))
    return {
        **mail,
        "mine": mail["direction"] == "in",
        "time": at.strftime("%H:%M"),
        "words": words,
        "quoted": quoted,
        "invited": mail["direction"] == "out" and mail.get("calendar", {}).get("method") == "REQUEST",
    }


def _fold_quote(text: str) -> tuple[str, str]:
    """The text, and the lines that quote an earlier mail at its end, with the line that introduces them."""
    lines = text.rstrip().splitlines()
    start = len(lines)
    while start and (lines[start - 1].startswith(">") or not lines[start - 1].strip()):
        start -= 1
    if start == len(lines):
        return text.strip(), ""
    while start and lines[start - 1].strip():
        start -= 1
    return "\n".join(lines[:start]).strip(), "\n".join(lines[start:]).strip()


def _without_tags(html: str) -> str:
    return unescape(re.sub(r"<[^<>]*>", " ", html))
