"""The Discord channel: what the gateway tells us is stored; replies leave by the HTTP API."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import aiohttp
import discord
from pydantic import JsonValue

from bot.errors import ChannelRefused
from bot.events import Outgoing
from bot.ports import Health, Part, Receive
from channels.discord import commands, parts, requests
from channels.discord.backfill import Backfill, Places, no_places
from channels.discord.client import Client
from channels.discord.connection import Connection, Rhythm
from channels.discord.contents import Contents
from channels.discord.events import NAME, Identity
from channels.discord.failures import CallFailed, refusal
from channels.discord.files import Files
from channels.discord.intake import Intake, Memory
from channels.discord.interactive import Asked, Interactive, Knows
from channels.discord.lanes import Lanes
from channels.discord.posting import Posting, Taken, none_taken
from channels.discord.rest import TIMEOUT, Rest, Web
from channels.discord.session import Identified, uncounted
from channels.discord.shapes import Json, id_in, items, mapping, string
from channels.discord.typing_signs import TypingSigns

CLOSE_TIMEOUT = 5.0

log = logging.getLogger(__name__)


async def not_asked(_handle: str) -> Mapping[str, JsonValue] | None:
    """No request is known."""
    return None


class DiscordChannel:
    """One Discord app. `account` (the bot's user id) is empty until Discord has said who we are."""

    name = NAME
    sends_at_once = 3  # to one destination; Discord takes five messages in five seconds

    def __init__(
        self,
        *,
        token: str,
        knows: Knows,
        places: Places = no_places,
        identified: Identified = uncounted,
        asked: Asked = not_asked,
        taken: Taken = none_taken,
        api_url: str = "",
        gateway_url: str = "",
        allow_bots: frozenset[str] = frozenset(),
        seconds_between_sends: float = 1.0,
        timeout: float = TIMEOUT,
        rhythm: Rhythm = Rhythm(),  # noqa: B008 - a frozen value
    ) -> None:
        """Nothing is asked of Discord before `run`.

        `knows`: whether a conversation has a thread. `places`: the conversations we know and the last message of
        each, for what was missed. `identified` counts the sessions begun. `asked`: the arguments of the request a
        handle belongs to. `taken`: whether a provider's id is known already.
        """
        self.seconds_between_sends = seconds_between_sends
        self._token = token
        self._knows = knows
        self._api_url = api_url
        self._allow_bots = allow_bots
        self._timeout = timeout
        self._silence = rhythm.silence
        self._account = ""
        self._web = Web()
        self._memory = Memory()
        self._contents = Contents()
        self._files = Files(api_url=api_url)
        self._posting = Posting(self._web, taken=taken)
        self._typing = TypingSigns(self._web, has_thread=self._posting.has_thread)
        self._interactive = Interactive(self._web, asked=asked, knows=knows)
        self._backfill = Backfill(self._web, places=places, hand_over=self._hand_over)
        self._connection = Connection(
            gateway_url=gateway_url,
            rhythm=rhythm,
            identified=identified,
            before_session=self._backfill.prepare,
        )
        self._lanes: Lanes | None = None
        self._intake: Intake | None = None

    @property
    def account(self) -> str:
        return self._account

    def health(self) -> Health:
        self._connection.warning = self._intake.warning if self._intake else ""
        return self._connection.health()

    async def run(self, receive: Receive) -> None:
        failures = 0
        refused: ChannelRefused | None = None
        try:
            while refused is None:
                self._connection.set_state("connecting")
                async with self.serving(receive) as client:
                    error = await self._log_in(client)
                    if error is None:
                        await self._register()
                        refused = await self._connection.run(client)
                    else:
                        refused = refusal(error)
                if error is not None and refused is None:
                    failures += 1
                    await self._connection.pause(failures, str(error), at_least=error.retry_after or 0.0)
            raise refused
        finally:
            self._connection.set_state("off")

    @asynccontextmanager
    async def serving(self, receive: Receive) -> AsyncIterator[Client]:
        """A client whose events are taken in, for as long as this lasts; it is not connected yet."""
        async with asyncio.TaskGroup() as tasks:
            client = Client(self._heard, api_url=self._api_url, timeout=self._timeout, silence=self._silence)
            working = tasks.create_task(self._work(client, receive))
            await asyncio.sleep(0)
            try:
                yield client
            finally:
                working.cancel()
                self._web.http = None
                await _close(client)

    async def _work(self, client: Client, receive: Receive) -> None:
        """Keeps what works beside the connection, until cancelled."""
        async with self._files.open(), asyncio.TaskGroup() as tasks:
            self._typing.tasks = tasks
            self._lanes = Lanes(tasks)
            self._intake = Intake(
                self._web,
                client=client,
                lanes=self._lanes,
                receive=receive,
                posting=self._posting,
                interactive=self._interactive,
                contents=self._contents,
                files=self._files,
                knows=self._knows,
                allow_bots=self._allow_bots,
                memory=self._memory,
            )
            self._web.http = client.http
            try:
                await asyncio.get_running_loop().create_future()
            finally:
                self._typing.tasks = self._lanes = None

    async def _log_in(self, client: Client) -> CallFailed | None:
        """Ask Discord who we are; what went wrong, if something did."""
        try:
            await client.login(self._token)
        except discord.LoginFailure:
            return CallFailed("Discord does not know this token", status=401)
        except discord.HTTPException as error:
            return CallFailed(f"the login failed: {error}", status=error.status, code=error.code)
        except CallFailed as error:
            return error
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            return CallFailed(str(error) or type(error).__name__, sent=False)
        assert client.user is not None
        self._know(Identity(str(client.user.id), str(client.application_id or ""), client.user.name))
        return None

    def _know(self, me: Identity) -> None:
        if self._account != me.user:
            log.info("Discord: we are %s, account %s", me.name, me.user)
        self._account = me.user
        if self._intake is not None:
            self._intake.know(me)

    async def _register(self) -> None:
        """Tell Discord our slash commands, if it has others; the channel works without them."""
        assert self._intake is not None
        path, app = "/applications/{application_id}/commands", self._intake.me.application
        try:
            found = await self._web.call("GET", path, application_id=app)
            if not commands.same(items({"commands": found}, "commands")):
                await self._web.call("PUT", path, json=list(commands.DEFINITIONS), application_id=app)
                log.info("Discord: the slash commands were registered")
        except CallFailed as error:
            log.warning("Discord: the slash commands could not be registered: %s", error)

    # What arrives

    def _heard(self, name: str, data: Json) -> None:
        if self._lanes is None or self._intake is None:
            return
        match name:
            case "READY":
                self._ready(data)
                self._backfill.known(self._lanes)
            case "RESUMED":
                self._connection.connected()
            case "GUILD_CREATE":
                for thread in items(data, "threads"):
                    self._posting.know_thread(id_in(thread, "id"))
                self._backfill.guild(data, self._lanes)
            case "THREAD_CREATE":
                self._posting.know_thread(id_in(data, "id"))
            case _:
                if name == "MESSAGE_CREATE":
                    self._backfill.heard(data)
                self._intake.take(name, data)

    def _ready(self, data: Json) -> None:
        user, application = mapping(data.get("user")), mapping(data.get("application"))
        self._know(Identity(id_in(user, "id"), id_in(application, "id"), string(user, "username")))
        self._connection.connected()

    async def _hand_over(self, message: Json) -> None:
        if self._intake is not None:
            self._backfill.heard(message)
            await self._intake.message(message, live=False)

    # What leaves

    def fits(self, text: str) -> bool:
        """Whether a request with this text can be shown whole, in one message."""
        return requests.fits(text)

    def render(self, outbox_id: str, outgoing: Outgoing) -> tuple[Part, ...]:
        if outgoing.request is not None:
            return (requests.render_request(outbox_id, outgoing, outgoing.request),)
        return parts.render(outbox_id, outgoing)

    async def send(self, part: Part) -> str:
        self._typing.hide(part.destination)
        return await self._posting.send(part)

    async def find(self, part: Part) -> str | None:
        return await self._posting.find(part)

    async def show_status(self, destination: str, text: str) -> None:
        if text:
            await self._typing.show(destination)
        else:
            self._typing.hide(destination)


async def _close(client: Client) -> None:
    """Let the calls that are under way end, then close; what hangs is left."""
    try:
        async with asyncio.timeout(CLOSE_TIMEOUT):
            if isinstance(client.http, Rest):
                await client.http.drained(within=CLOSE_TIMEOUT / 2)
            await client.close()
    except (TimeoutError, aiohttp.ClientError, OSError) as error:
        log.debug("Discord: not closed in time: %s", error)
