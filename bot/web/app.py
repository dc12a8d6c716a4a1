"""Puts the web side together: one FastAPI application behind one gate."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles
from fastapi.telemetry import TelemetryConfig

from bot.web import (
    approvals,
    approvals_page,
    health,
    messages,
    pages,
    people,
    problems,
    steering,
    tasks,
    threads,
    webhooks,
)
from bot.web.gate import Gate
from bot.web.parts import Parts
from bot.web.readings import Readings
from bot.web.signing_in import SignIn
from bot.web.simproxy import SimProxy
from bot.web.site import Site
from bot.web.watch import Watch

STATIC = Path(__file__).parent / "static"
ABOUT = """\
One agent core, every channel. Send a message to a conversation; its thread is an event log that can be read
and followed. Authenticate with `Authorization: Bearer TOKEN`: a person's own token, or the service token, which
decides nothing; `bot dev` needs none on its own machine. POST takes JSON only. Every error is
`{error: {message, found?, allowed?}}`; 503 means that nothing was accepted: send it again after `Retry-After`.
Status words: idle, working, waiting_for_approval, waiting_for_person, background, paused, with_person, parked,
closed."""

# FastAPI's own would export what people send, and traces; ours are one span a turn and our own metrics.
NO_TELEMETRY: TelemetryConfig = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "operation_spans": False,
    "auto_configure": False,
}


def create_app(site: Site) -> FastAPI:
    """The application: API, streams, pages, and in `bot dev` the way to the simulators."""
    parts = Parts(site, Readings(site), Watch(site.store))
    proxy = SimProxy(site.sim_url) if site.sim_url else None
    templates = pages.environment()
    sign_in = SignIn(site, templates)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        end_streams(app)
        if proxy is not None:
            await proxy.close()

    app = FastAPI(
        title="Saywhen",
        version=site.version,
        description=ABOUT,
        docs_url=None,  # its page loads scripts from elsewhere
        redoc_url=None,
        lifespan=lifespan,
        redirect_slashes=False,
        telemetry=NO_TELEMETRY,
    )
    app.state.watch = parts.watch
    problems.add_handlers(app, retry_after=site.retry_after)
    app.add_middleware(Gate, site=site, refused=sign_in.refused)
    for router in (
        health.routes(parts),
        messages.routes(parts),
        threads.routes(parts),
        steering.routes(parts),
        approvals.routes(parts),
        tasks.routes(parts),
        people.routes(parts),
        webhooks.routes(parts),
    ):
        app.include_router(router)
    shown = pages.Pages(parts, templates)
    app.include_router(pages.routes(parts, shown))
    app.include_router(approvals_page.routes(parts, shown))
    app.include_router(sign_in.routes())
    if proxy is not None:
        app.include_router(proxy.routes())
    app.add_api_route("/favicon.ico", _icon, methods=["GET"], include_in_schema=False)
    app.mount("/static", StaticFiles(directory=STATIC))
    return app


def end_streams(app: FastAPI) -> None:
    """End every stream and every wait, so that the server can stop; call it before the server is told to."""
    watch: Watch = app.state.watch
    watch.close()


async def _icon() -> FileResponse:
    return FileResponse(STATIC / "icon.svg", media_type="image/svg+xml")
