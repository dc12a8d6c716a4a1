"""The pages for people: the chat, the list of threads, the timeline of one."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Header, Query
from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from bot.events import Event
from bot.thread import Status
from bot.web import cards
from bot.web.bills import Bills
from bot.web.card import Card
from bot.web.models import MOST_SEQ
from bot.web.parts import ByCaller, Parts, ThreadId
from bot.web.prices import Bill
from bot.web.readings import Raw
from bot.web.streams import Entries, live, message

SHOWN = 300  # events of a timeline page
THREADS = 50  # rows of a list page

STATUS_WORDS: dict[Status, str] = {
    "idle": "ready",
    "working": "thinking …",
    "waiting_for_approval": "waits for a person's yes",
    "waiting_for_person": "waits for a person",
    "background": "working in the background",
    "paused": "paused",
    "with_person": "with a person",
    "parked": "parked",
    "closed": "closed",
}

After = Annotated[int, Query(ge=0, le=MOST_SEQ)]
LastId = Annotated[str | None, Header(alias="last-event-id")]


@cache
def environment() -> Environment:
    """The templates; everything that goes into a page is escaped unless it is Markup."""
    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["status_words"] = STATUS_WORDS
    return made


@dataclass(frozen=True, slots=True)
class Shown:
    """A row of the log with its card."""

    seq: int
    time: str
    card: Card


class Pages:
    """Renders what the page routes answer with."""

    def __init__(self, parts: Parts, templates: Environment) -> None:
        self._parts = parts
        self._bills = Bills(parts.site.store)
        self._templates = templates
        self._card = templates.get_template("card.html")
        self._bubble = templates.get_template("bubble.html")

    def page(self, name: str, **values: object) -> HTMLResponse:
        site = self._parts.site
        shared = {"dev": site.dev, "version": site.version, "sim": bool(site.sim_url)}
        return HTMLResponse(self._templates.get_template(name).render(**shared, **values))

    async def threads(self, before: str | None) -> HTMLResponse:
        rows = await self._parts.site.store.threads(limit=THREADS, before=before)
        listed = [(row, await self._parts.readings.status(row)) for row in rows]
        older = rows[-1].thread_id if len(rows) == THREADS else ""
        return self.page("threads.html", rows=listed, older=older)

    async def thread(self, thread_id: str, before: int | None) -> HTMLResponse:
        """The newest events, or those before a seq."""
        readings = self._parts.readings
        row = await readings.row(thread_id)
        end = row.last_seq + 1 if before is None else min(before, row.last_seq + 1)
        entries: list[Event | Raw] = []
        async for page in readings.pages(thread_id, after=max(0, end - SHOWN - 1), limit=SHOWN):
            entries += [entry for entry in page if entry.seq < end]
        shown = await self._shown(entries)
        return self.page(
            "thread.html",
            row=row,
            status=await readings.status(row),
            shown=shown,
            deliveries=_deliveries(entries),
            bill=await self._bill(thread_id),
            first=entries[0].seq if entries else 0,
            live=before is None,
            last=entries[-1].seq if entries else 0,
        )

    async def chat_messages(self, batch: Entries) -> AsyncIterator[bytes]:
        """A batch for the chat page: the bubbles, and where the thread stands now."""
        if batch:
            items = [{"seq": e.seq, "html": self._bubble_html(e)} for e in batch if isinstance(e, Event)]
            items = [item for item in items if item["html"]]
            yield message(batch[-1].seq, {"items": items, **await self._standing(batch)})

    async def timeline_messages(self, batch: Entries) -> AsyncIterator[bytes]:
        """A batch for the timeline: the cards, what was delivered, where the thread stands, its bill."""
        if batch:
            shown = await self._shown(batch)
            items = [{"seq": s.seq, "html": self._card.render(shown=s, deliveries={})} for s in shown]
            marks = [{"seq": d.of, "text": d.text, "well": d.well} for d in _deliveries(batch).values()]
            bill = await self._bill(_thread_id(batch))
            data = {"items": items, "marks": marks, "bill": bill, **await self._standing(batch)}
            yield message(batch[-1].seq, data)

    async def _standing(self, batch: Entries) -> dict[str, str]:
        row = await self._parts.readings.row(_thread_id(batch))
        status = await self._parts.readings.status(row)
        return {"status": status, "words": STATUS_WORDS[status]}

    async def _shown(self, entries: Entries) -> list[Shown]:
        # in a thread: prices take a while to load the first time
        return await asyncio.to_thread(
            lambda: [_show(entry, simulated=self._parts.site.model_simulated) for entry in entries]
        )

    async def _bill(self, thread_id: str) -> str:
        return _bill_words(await self._bills.of(thread_id), simulated=self._parts.site.model_simulated)

    def _bubble_html(self, event: Event) -> str:
        found = cards.bubble(event)
        return self._bubble.render(bubble=found, event=event) if found else ""


def routes(parts: Parts, pages: Pages) -> APIRouter:
    router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

    @router.get("/")
    async def chat(caller: ByCaller) -> HTMLResponse:
        return pages.page("chat.html", caller=caller)

    @router.get("/threads")
    async def threads(before: Annotated[str | None, Query(max_length=200)] = None) -> HTMLResponse:
        return await pages.threads(before)

    @router.get("/threads/{thread_id}")
    async def thread(
        thread_id: ThreadId, before: Annotated[int | None, Query(ge=1, le=MOST_SEQ)] = None
    ) -> HTMLResponse:
        return await pages.thread(thread_id, before)

    @router.get("/threads/{thread_id}/chat")
    async def chat_stream(thread_id: ThreadId, after: After = 0, last_event_id: LastId = None) -> Response:
        show = pages.chat_messages
        return await live(parts, thread_id, show, after=after, last_event_id=last_event_id)

    @router.get("/threads/{thread_id}/timeline")
    async def timeline_stream(
        thread_id: ThreadId, after: After = 0, last_event_id: LastId = None
    ) -> Response:
        show = pages.timeline_messages
        return await live(parts, thread_id, show, after=after, last_event_id=last_event_id)

    return router


def _show(entry: Event | Raw, *, simulated: bool) -> Shown:
    if isinstance(entry, Raw):
        return Shown(
            entry.seq,
            str(entry.row.get("time")),
            cards.unreadable(entry.row["broken"], entry.row.get("type")),
        )
    return Shown(entry.seq, f"{entry.time:%Y-%m-%d %H:%M:%S}", cards.card(entry, simulated=simulated))


def _deliveries(entries: Iterable[Event | Raw]) -> dict[int, cards.Delivery]:
    """The last word on each message, by the seq of its event."""
    found = (cards.delivery(entry) for entry in entries if isinstance(entry, Event))
    return {each.of: each for each in found if each}


def _thread_id(batch: Entries) -> str:
    return str(batch[-1].to_json()["thread_id"])


def _bill_words(bill: Bill, *, simulated: bool) -> str:
    if not bill.calls:
        return "no model call yet"
    usage = bill.usage
    cached = f" ({usage.cache_read:,} from cache)" if usage.cache_read else ""
    calls = "1 model call" if bill.calls == 1 else f"{bill.calls:,} model calls"
    incoming = usage.input + usage.cache_read + usage.cache_creation
    money = bill.money(simulated=simulated)
    return f"{calls}, {incoming:,} tokens in{cached}, {usage.output:,} out, {money}"
