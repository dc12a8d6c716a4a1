"""POST /api/mails/ID/retry: a mail in quarantine is read again."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel

from bot.web.models import MOST_SEQ
from bot.web.parts import BEARER
from bot.web.problems import Problem, documented

Retry = Callable[[int], Awaitable[bool]]
Number = Annotated[int, Path(ge=1, le=MOST_SEQ, description="The mail's number in `bot mail list`.")]


class RetryOut(BaseModel):
    """The mailbox is told; what comes of it is in `bot mail show`."""

    id: int


def routes(retry: Retry) -> APIRouter:
    router = APIRouter(prefix="/api/mails", tags=["mails"], dependencies=[BEARER])

    @router.post("/{number}/retry", summary="Read a mail in quarantine again", responses=documented())
    async def retry_mail(number: Number) -> RetryOut:
        if not await retry(number):
            raise Problem(404, "no mail in quarantine has this number", found=number)
        return RetryOut(id=number)

    return router
