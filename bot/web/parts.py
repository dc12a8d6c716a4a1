"""What the routes share: the site, its readings and its watch."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Header, Path, Request
from fastapi.security import HTTPBearer

from bot.web.callers import Caller
from bot.web.models import MOST_SEQ
from bot.web.readings import Readings
from bot.web.site import Site
from bot.web.watch import Watch


@dataclass(frozen=True, slots=True)
class Parts:
    site: Site
    readings: Readings
    watch: Watch


def _caller(request: Request) -> Caller:
    """The gate has let the request in and said who it is."""
    caller = request.scope["state"]["caller"]
    assert isinstance(caller, Caller)
    return caller


def _known_caller(request: Request) -> Caller | None:
    caller = request.scope["state"]["caller"]
    return caller if isinstance(caller, Caller) else None


# The gate decides; this one tells the OpenAPI document how to authenticate.
BEARER = Depends(
    HTTPBearer(
        auto_error=False,
        description="A person's own token (`bot people token NAME`), or the service token API_TOKEN, which "
        "decides nothing. Not needed in `bot dev`.",
    )
)
ByCaller = Annotated[Caller, Depends(_caller)]
ByAnybody = Annotated[Caller | None, Depends(_known_caller)]
RequestId = Annotated[str, Path(max_length=200)]
IdempotencyKey = Annotated[str | None, Header(min_length=1, max_length=200)]
ThreadId = Annotated[str, Path(max_length=200, description="From GET /api/threads.")]
SeqPath = Annotated[int, Path(ge=1, le=MOST_SEQ)]
