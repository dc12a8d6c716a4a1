"""What the web side needs from the rest of the bot, as small callables."""

import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from pydantic import JsonValue

from bot.ports import Clock, Receive, Store
from bot.secrets import Secret

Row = Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must be well before the bot is ready, and one line on how it stands."""

    name: str
    ok: bool
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Readiness:
    """Ready means that every check is well."""

    checks: tuple[Check, ...] = ()

    @property
    def ready(self) -> bool:
        return all(check.ok for check in self.checks)


class RawEvents(Protocol):
    """The rows of a log as they are stored, whatever is in them."""

    async def __call__(
        self, thread_id: str, *, after: int = 0, limit: int | None = None
    ) -> Sequence[Row]: ...


class FindThread(Protocol):
    """The id of a conversation's thread, or None if nobody has said anything there yet."""

    async def __call__(self, channel: str, account: str, conversation: str) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Site:
    """Everything the API and the pages are made of; bot.app puts it together.

    `open_to_loopback` is for `bot dev` alone: a caller on this machine without a token is then the demo
    person ann. `model_simulated` says that the demo brain thinks: nothing costs money. `service_token` is
    asked for at each request: a token that was changed is dead at once, and so are its sign-ins.
    """

    store: Store
    receive: Receive
    request_at: Callable[[str, int], Awaitable[Row]]
    raw_events: RawEvents
    find_thread: FindThread
    ready: Callable[[], Readiness]
    metrics: Callable[[], bytes]
    clock: Clock
    service_token: Callable[[], Secret | None]
    pid: int
    version: str
    open_to_loopback: bool = False
    dev: bool = False
    model_simulated: bool = False
    public_url: str = ""
    sim_url: str = ""
    max_body: int = 1_048_576
    retry_after: int = 5
    new_id: Callable[[], str] = lambda: secrets.token_hex(16)
