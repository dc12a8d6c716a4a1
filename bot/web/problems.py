"""The one shape of every error that the API answers with: `{error: {message, found?, allowed?}}`."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from bot.errors import BrokenEvent, NoSuchThread, Overloaded, StoreError, UnknownEvent

LONGEST_FOUND = 200
MOST_ERRORS = 5
UNREADABLE = "the log of this thread holds something that this program cannot read; look at its raw events"

log = structlog.get_logger("web")


class Error(BaseModel):
    message: str = Field(description="What is wrong and, where one can, how to put it right.")
    found: str | None = None
    allowed: str | None = None


class ErrorBody(BaseModel):
    """What went wrong. `seq` is the last one of a thread that has moved on."""

    error: Error
    seq: int | None = None


class Problem(Exception):
    """A request that is answered with an error."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        found: object = None,
        allowed: object = None,
        headers: Mapping[str, str] | None = None,
        seq: int | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.found = found
        self.allowed = allowed
        self.headers = headers
        self.seq = seq

    @property
    def response(self) -> JSONResponse:
        error: dict[str, str] = {"message": self.message}
        if self.found is not None:
            error["found"] = shown(self.found)
        if self.allowed is not None:
            error["allowed"] = str(self.allowed)
        body: dict[str, object] = {"error": error} if self.seq is None else {"error": error, "seq": self.seq}
        return JSONResponse(body, self.status, headers=dict(self.headers or {}))


EXPECTED: tuple[type[Exception], ...] = (
    Problem, Overloaded, StoreError, NoSuchThread, BrokenEvent, UnknownEvent, RequestValidationError,
    HTTPException,
)  # fmt: skip


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The errors of an operation, for the OpenAPI document."""
    always = (400, 401, 403, 404, 413, 415, 422, 503)
    return {
        status: {"model": ErrorBody, "description": HTTPStatus(status).phrase}
        for status in sorted({*always, *statuses})
    }


def no_such_thread(thread_id: str) -> Problem:
    return Problem(404, "there is no such thread", found=thread_id, allowed="an id from GET /api/threads")


def shown(found: object) -> str:
    text = found if isinstance(found, str) else repr(found)
    text = text.encode(errors="replace").decode()
    return text if len(text) <= LONGEST_FOUND else f"{text[:LONGEST_FOUND]}..."


def add_handlers(app: FastAPI, *, retry_after: int) -> None:
    """Make every failure a short JSON answer; what was unexpected goes to the log, not to the caller."""
    later = {"Retry-After": str(retry_after)}

    async def problem(request: Request, error: Exception) -> JSONResponse:
        return _as_problem(error, later).response

    for kind in EXPECTED:
        app.add_exception_handler(kind, problem)
    app.add_exception_handler(Exception, _unexpected)


def _as_problem(error: Exception, later: Mapping[str, str]) -> Problem:
    match error:
        case Problem():
            return error
        case Overloaded() | StoreError():
            return Problem(503, str(error), headers=later)
        case NoSuchThread():
            return Problem(404, str(error))
        case BrokenEvent() | UnknownEvent():
            return Problem(409, UNREADABLE, found=str(error))
        case RequestValidationError():
            return _invalid(error.errors())
        case HTTPException():
            return Problem(error.status_code, _phrase(error), headers=error.headers)
        case _:
            return Problem(500, "something went wrong")


def _phrase(error: HTTPException) -> str:
    match error.status_code:
        case 404:
            return "there is nothing at this address; GET /openapi.json lists what there is"
        case 405:
            return "this method is not allowed here"
        case _:
            return str(error.detail)


def _invalid(errors: Sequence[Any]) -> Problem:
    """Everything that is wrong, each with its name; found and allowed are those of the first."""
    first = errors[0]
    status = 404 if first["loc"][0] == "path" else 422
    if first["type"] == "json_invalid":
        return Problem(422, f"the body is not JSON: {first.get('ctx', {}).get('error', first['msg'])}")
    message = "; ".join(f"{_name(error)}: {error['msg']}" for error in errors[:MOST_ERRORS])
    found = first.get("input")
    if first["type"] == "missing":
        found = ", ".join(map(str, found)) if isinstance(found, dict) else "nothing"
    return Problem(status, message, found=found, allowed=_allowed(first))


def _name(error: Any) -> str:
    place, *names = (str(part) for part in error["loc"])
    return ".".join(names) or place


def _allowed(error: Any) -> str | None:
    context = error.get("ctx") or {}
    rules = [
        f"{key} {context[key]}"
        for key in ("ge", "le", "min_length", "max_length", "pattern", "expected")
        if key in context
    ]
    match error["type"]:
        case "missing":
            return "required"
        case "extra_forbidden":
            return "only the fields of the OpenAPI document"
        case _:
            return ", ".join(rules) or None


async def _unexpected(request: Request, error: Exception) -> JSONResponse:
    log.error("a request failed", path=request.url.path, error=type(error).__name__, exc_info=error)
    return Problem(500, "something went wrong here; the log of the bot has the details").response
