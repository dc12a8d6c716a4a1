"""What the web side needs from the rest of the bot, as small callables."""

import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from pydantic import JsonValue

from bot.answering import Attempt
from bot.claims import NoSuchPerson
from bot.events import ApprovalAnswered, QuestionAnswered
from bot.ports import Clock, Receive, RequestRow, Store, Webhook
from bot.rules import Someone
from bot.secrets import Secret, redact

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


class Judge(Protocol):
    """Somebody's answer to a request as data: let in, or refused and why. Nothing is stored yet."""

    async def __call__(
        self, request: RequestRow, attempt: Attempt, /
    ) -> ApprovalAnswered | QuestionAnswered: ...


def _nobody() -> Mapping[str, Someone]:
    return {}


def _no_link(name: str) -> str:
    raise NoSuchPerson(f"nobody is called {name!r}")


def _no_webhooks() -> Mapping[str, Webhook]:
    return {}


@dataclass(frozen=True, slots=True)
class Site:
    """Everything the API and the pages are made of; bot.app puts it together.

    `open_to_loopback` is for `bot dev` alone: a caller on this machine without a token is then the demo
    person ann. `model_simulated` says that the demo brain thinks: nothing costs money. `service_token` is
    asked for at each request: a token that was changed is dead at once, and so are its sign-ins. So are
    `by_token`, which names the person whose token it is, and `people`, today's. `secret` is the database's,
    which proves who acts in a shell. `new_link` makes a code by which a person adds an address.
    """

    store: Store
    receive: Receive
    judge: Judge
    secret: Callable[[], Awaitable[bytes]]
    request_at: Callable[[str, int], Awaitable[Row]]
    raw_events: RawEvents
    find_thread: FindThread
    ready: Callable[[], Readiness]
    metrics: Callable[[], bytes]
    clock: Clock
    service_token: Callable[[], Secret | None]
    pid: int
    version: str
    by_token: Callable[[str], str | None] = lambda token: None
    people: Callable[[], Mapping[str, Someone]] = _nobody
    new_link: Callable[[str], str] = _no_link
    clean: Callable[[str], str] = redact
    result_clip: int = 4000
    webhooks: Callable[[], Mapping[str, Webhook]] = _no_webhooks
    open_to_loopback: bool = False
    dev: bool = False
    model_simulated: bool = False
    public_url: str = ""
    sim_url: str = ""
    max_body: int = 1_048_576
    retry_after: int = 5
    new_id: Callable[[], str] = lambda: secrets.token_hex(16)
