"""Ann in Slack, Carol and Bob on their phones, and a real bot between them, with the demo brain."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx

from simulators.messages import MessagesSimulator
from simulators.slack import SlackSimulator
from simulators.twilio import ACCOUNT_SID, AUTH_TOKEN, NUMBER, TwilioSimulator
from tests.walks.kit import RealBot, environment

T = TypeVar("T")

PATIENCE = 40  # seconds; nothing is decided by time, and slow machines are slow
SIMULATED = ("--dev", "--simulated", "model,slack,sms")
FAST = '[channels.slack]\npace = "20ms"\n\n[channels.sms]\npace = "20ms"\n'
_CODE = re.compile(r"\bOK ([A-Z0-9]{6}) ")


@dataclass
class Desk:
    slack: SlackSimulator
    phones: TwilioSimulator
    bot: RealBot

    async def start(self) -> None:
        """Start the bot, and tell the simulated Twilio where it listens now, as `bot dev` does."""
        await self.bot.start()
        hooks = f"{self.bot.url}/webhooks/twilio"
        self.phones.use_webhook(f"{hooks}/sms#rc=5&rp=all", status_url=f"{hooks}/status")

    # ------------------------------------------------------------ what people do

    async def ask(self, text: str, *, of: str = "carol") -> str:
        """Ann asks in Slack for something that needs a yes; returns the request as it reads on a phone."""
        before = len(self.phone(of))
        self.slack.say("ann", text)
        return await self.until(lambda: next((t for t in self.phone(of)[before:] if _CODE.search(t)), ""))

    def text(self, person: str, text: str) -> None:
        self.phones.say(person, text)

    # ------------------------------------------------------------ what they see

    def phone(self, person: str) -> list[str]:
        return [message["text"] for message in self.phones.messages(to=person)]

    def in_slack(self, person: str = "ann") -> list[str]:
        return [message["text"] for message in self.slack.messages(person)]

    async def slack_says(self, part: str, *, person: str = "ann") -> str:
        return await self._one_with(part, lambda: self.in_slack(person))

    async def phone_says(self, part: str, *, person: str = "carol") -> str:
        return await self._one_with(part, lambda: self.phone(person))

    async def _one_with(self, part: str, look: Callable[[], list[str]]) -> str:
        try:
            return await self.until(lambda: next((text for text in look() if part in text), ""))
        except TimeoutError:
            raise AssertionError(f"waited for {part!r} and saw {look()}") from None

    def deployed(self, tag: str) -> int:
        """How often the job really ran with this tag."""
        log = self.bot.folder / "deploys"
        return log.read_text().splitlines().count(f"deployed {tag} to staging") if log.exists() else 0

    # ------------------------------------------------------------ what the bot says of itself

    async def get(self, path: str) -> Any:
        async with httpx.AsyncClient(base_url=self.bot.url, timeout=20, trust_env=False) as http:
            return (await http.get(path)).json()

    async def decide(self, tag: str, **decision: Any) -> int:
        """Decide the request with this tag over the API; returns the status."""
        found = (await self.get("/api/approvals?status=pending"))["approvals"]
        (id_,) = [each["approval_id"] for each in found if each["args"].get("tag") == tag]
        async with httpx.AsyncClient(base_url=self.bot.url, timeout=20, trust_env=False) as http:
            return (await http.post(f"/api/approvals/{id_}/decision", json=decision)).status_code

    async def events(self) -> list[dict[str, Any]]:
        """Ann's conversation in Slack, with the job or the request each event is about."""
        threads = (await self.get("/api/threads"))["threads"]
        (thread_id,) = [each["thread_id"] for each in threads if each["conversation"].endswith(":D0ANN")]
        found: list[dict[str, Any]] = (await self.get(f"/api/threads/{thread_id}/events"))["events"]
        return found

    async def calls(self, tag: str) -> list[str]:
        """The types of the events about the call with this tag that happen once, in order."""
        found, ids = [], set()
        for event in await self.events():
            data = event["data"]
            args = data.get("final_args") or data.get("args") or {}
            if args.get("tag") == tag or data.get("call_id") in ids or data.get("task_id") in ids:
                ids |= {data[name] for name in ("call_id", "task_id") if name in data}
                found.append(event["type"])
        return [kind for kind in found if kind != "task.progressed"]

    async def until(self, look: Callable[[], T]) -> T:
        async def looking() -> T:
            return look()

        return await self.until_so(looking)

    async def until_so(self, look: Callable[[], Awaitable[T]]) -> T:
        async with asyncio.timeout(PATIENCE):
            while not (found := await look()):  # noqa: ASYNC110 - anything that may become true
                await asyncio.sleep(0.02)
        return found


def code(request: str) -> str:
    """The code in a request."""
    found = _CODE.search(request)
    assert found is not None, request
    return found[1]


@asynccontextmanager
async def open_desk(folder: Path, settings: str = "") -> AsyncIterator[Desk]:
    """Everybody is there and the bot runs. `settings` are laid over what is shipped."""
    (folder / "config.local.toml").write_text(f"{FAST}\n{settings}")
    async with SlackSimulator() as slack, MessagesSimulator() as model, TwilioSimulator() as phones:
        environ = environment(slack, model.base_url, folder) | {
            "TWILIO_ACCOUNT_SID": ACCOUNT_SID,
            "TWILIO_AUTH_TOKEN": AUTH_TOKEN,
            "TWILIO_FROM": NUMBER,
            "TWILIO_API_URL": phones.api_url,
            "DEPLOY_LOG": str(folder / "deploys"),
        }
        desk = Desk(slack, phones, RealBot(folder, environ, SIMULATED))
        await desk.start()
        try:
            yield desk
            assert await desk.bot.stop() == 0
            assert "Traceback" not in desk.bot.output()
        finally:
            await desk.bot.kill()
