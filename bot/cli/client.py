"""The HTTP API as commands use it: of the bot that runs, else of the same application in this process."""

import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from bot.cli.acting import proof_of
from bot.cli.place import Place
from bot.config import Config
from bot.errors import EXIT_LOCKED, SaywhenError, StartError
from bot.secrets import Redactor, Secret
from bot.store.lock import holder

if TYPE_CHECKING:
    from bot.app import Mode

TIMEOUT = httpx.Timeout(15.0, connect=5.0)
BUSY = 503

Body = Mapping[str, Any]


class NoBot(SaywhenError):
    """No bot is running here. Start one in another terminal: make run"""


class Refused(SaywhenError):
    """The bot refused."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Client:
    """Calls the API. `running` is False if it is that of this process: nothing of the bot runs then."""

    http: httpx.AsyncClient
    running: bool

    async def get(self, path: str, **params: Any) -> Any:
        return _answer(await self.http.get(path, params=params))

    async def post(self, path: str, body: Body, **params: Any) -> Any:
        return _answer(await self.http.post(path, json=body, params=params))


def _answer(response: httpx.Response) -> Any:
    if response.is_success:
        return response.json()
    raise Refused(response.status_code, _why(response))


def _why(response: httpx.Response) -> str:
    """The one line of `{error: {message, found?, allowed?}}`."""
    try:
        error = response.json()["error"]
        more = [f"{name}: {error[name]}" for name in ("found", "allowed") if error.get(name)]
        return "; ".join([error["message"], *more])
    except (ValueError, KeyError, TypeError):
        return f"the bot answered {response.status_code}"


def address(database: Path) -> str:
    """Where the running bot answers; raises NoBot."""
    found = holder(database)
    if found is None:
        raise NoBot
    if not found.url:
        raise NoBot(f"process {found.pid} is still starting; try again in a moment")
    return found.url


def connect(url: str, token: Secret | None) -> httpx.AsyncClient:
    """A connection to a bot; no proxy of the environment comes between."""
    headers = {"authorization": f"Bearer {token.reveal()}"} if token else {}
    return httpx.AsyncClient(base_url=url, headers=headers, timeout=TIMEOUT, trust_env=False)


@asynccontextmanager
async def client(place: Place, *, person: str = "") -> AsyncIterator[Client]:
    """A client of the running bot, else of the application in this process, which then holds the lock.

    With `person` it acts as them; without, with API_TOKEN or whatever a caller on this machine may.
    """
    token = await proof_of(place, person) if person else place.config.channels.api.token
    if place.holder is None:
        async with _in_process(place, token if person else None) as http:
            yield Client(http, running=False)
        return
    async with connect(address(place.database), token) as http:
        try:
            yield Client(http, running=True)
        except httpx.TransportError as error:
            raise StartError(
                f"the bot at {http.base_url} does not answer ({type(error).__name__})", code=1
            ) from error


@asynccontextmanager
async def _in_process(place: Place, proof: Secret | None) -> AsyncIterator[httpx.AsyncClient]:
    from bot.app import opened, site_of
    from bot.web import create_app, end_streams

    if not place.database.exists():
        raise StartError(
            f"there is no database {place.database}; the bot makes one when it first runs", code=1
        )
    quiet_logs(place.config)
    service = Secret(secrets.token_urlsafe())  # of this process alone: whoever holds the lock may steer
    async with opened(place.config, _mode(place)) as bot:
        app = create_app(replace(site_of(bot), service_token=lambda: service))
        end_streams(app)  # nobody works here, so there is nothing to wait for
        transport = httpx.ASGITransport(app=app, client=("127.0.0.1", 0))
        headers = {"authorization": f"Bearer {(proof or service).reveal()}"}
        async with httpx.AsyncClient(
            transport=transport, base_url="http://127.0.0.1", headers=headers, timeout=TIMEOUT
        ) as http:
            yield http


def _mode(place: Place) -> "Mode":
    """As `bot dev` would start it, or `bot run`: the rights of demo people depend on what is simulated."""
    from bot.app import Mode
    from bot.dev_environment import simulated_parts

    return Mode(dev=place.dev, simulated=simulated_parts(place.config) if place.dev else frozenset())


def quiet_logs(config: Config) -> None:
    """The bot's parts run in this process: what they log goes to standard error, and only what matters."""
    from bot.log import set_up

    set_up(level="WARNING", format=config.log.format, redact=Redactor(config.secrets()))


def refuse_if_running(place: Place) -> None:
    """Raise StartError with the holder's pid, if a bot has the database: it would act itself."""
    if (found := place.holder) is not None:
        raise StartError(
            f"process {found.pid} has {place.database} and works on its threads itself; "
            "stop it first (Ctrl-C where it runs, or SIGTERM)",
            code=EXIT_LOCKED,
        )
