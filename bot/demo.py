"""`bot demo`: the whole story of an approval, played by itself, with the plug pulled twice.

Everything is judged from the outside: the simulated Slack and phones, the file the job writes, the bot's API.
"""

import re
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import httpx

from bot.demo_stage import DATABASE, DemoFailed, Json, Stage, prepared
from bot.errors import SaywhenError

DEPLOY, DEPLOYED = "deploy v1.2 to staging", "deployed v1.2 to staging"
SEND, SENT = "send Bob an SMS saying: the deploy starts at 5", "the deploy starts at 5"
AGAIN, WHY = "deploy v2.0 to staging", "the code freeze has begun"
_CODE = re.compile(r"\bOK ([A-Z0-9]{6}) ")


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happened, in seconds since the beginning."""

    seconds: float
    who: str
    what: str


@dataclass(frozen=True, slots=True)
class Check:
    """What is claimed, and what was found."""

    claim: str
    expected: object
    found: object

    @property
    def holds(self) -> bool:
        return self.expected == self.found


@dataclass(slots=True)
class Played:
    """What a demo leaves behind. `error` says why the story broke off, if it did."""

    timeline: list[Moment] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    error: str = ""
    folder: str = ""

    @property
    def ok(self) -> bool:
        return not self.error and bool(self.checks) and all(check.holds for check in self.checks)

    def as_json(self) -> dict[str, Any]:
        checks = [{**asdict(check), "holds": check.holds} for check in self.checks]
        timeline = [asdict(moment) for moment in self.timeline]
        return {
            "ok": self.ok,
            "error": self.error,
            "timeline": timeline,
            "checks": checks,
            "folder": self.folder,
        }


async def play(checkout: Path, *, keep: bool, tell: Callable[[Moment], None]) -> Played:
    """Play it in a temporary folder, and leave nothing behind but that folder if it is to be kept."""
    folder = _new_folder()
    played = Played(folder=str(folder) if keep else "")
    try:
        await _play(checkout, folder, played, tell)
    except (SaywhenError, httpx.HTTPError, OSError) as error:
        played.error = str(error) or type(error).__name__
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)
    return played


async def _play(checkout: Path, folder: Path, played: Played, tell: Callable[[Moment], None]) -> None:
    stage = Stage(folder, prepared(checkout, folder))
    try:
        await Story(stage, played, tell).play()
    finally:
        await stage.close()


def _new_folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="saywhen-demo-")).resolve()


class Story:
    """Ann asks, Carol decides from her phone, and the plug is pulled in between."""

    def __init__(self, stage: Stage, played: Played, tell: Callable[[Moment], None]) -> None:
        self._stage = stage
        self._played = played
        self._tell = tell
        self._began = time.monotonic()
        self._pids: list[int] = []

    async def play(self) -> None:
        await self._stage.open()
        self._note("demo", "a simulated Slack, simulated phones and a demo brain are up; no key, no account")
        await self._start("the bot is up")
        thread_id = await self._deploy()
        await self._send()
        await self._refuse()
        await self._judge(thread_id)

    # ------------------------------------------------------------ the three acts

    async def _deploy(self) -> str:
        code = await self._ask(DEPLOY, shown=('job: "deploy-staging"', 'tag: "v1.2"'))
        await self._kill("between request and decision")
        if self._stage.deploys():
            raise DemoFailed("something was deployed before anybody said yes")
        await self._carol(f"OK {code}", "while the bot is down")
        await self._start("the bot is back, and looks for what it has missed")
        thread_id = await self._stage.thread_id()
        await self._stage.until("the job to start", lambda: self._seen(thread_id, "task.started"))
        self._note("job", "Carol's OK was found, and deploy-staging has started")
        await self._kill("while the job runs")
        if self._stage.deploys():
            self._note("job", "was faster than the plug this time; its result is still nowhere in the log")
        await self._start("the bot is back, and waits for the job that went on without it")
        await self._slack_says("staging runs v1.2 now")
        await self._phone_says("staging runs v1.2 now")
        return thread_id

    async def _send(self) -> None:
        code = await self._ask(SEND, shown=(f'text: "{SENT}"', 'to: "Bob"'))
        await self._carol(f"OK {code}")
        texts = await self._stage.until("a text on Bob's phone", lambda: self._stage.phone("bob"))
        self._note("Bob's phone", texts[-1])
        await self._slack_says("I have written to Bob")
        await self._phone_says("I have written to Bob")

    async def _refuse(self) -> None:
        code = await self._ask(AGAIN, shown=('tag: "v2.0"',))
        await self._carol(f"NO {code} because {WHY}")
        await self._slack_says(WHY)
        await self._phone_says(WHY)

    async def _judge(self, thread_id: str) -> None:
        events = await self._stage.events(thread_id)
        started = [event["data"]["tool"] for event in events if event["type"] == "tool.started"]
        ended = [event["data"]["outcome"] for event in events if event["type"] == "task.finished"]
        resolved = [event["data"] for event in events if event["type"] == "approval.resolved"]
        decided = [f"{data['status']} by {', '.join(data['by'])}" for data in resolved]
        self._check("the job wrote down", [DEPLOYED], self._stage.deploys())
        self._check("texts to Bob", [SENT], await self._stage.phone("bob", arrived=False))
        self._check("calls that were started", ["run_job", "send_message"], started)
        self._check("jobs that ended", ["ok"], ended)
        self._check("requests", ["approved by carol"] * 2 + ["rejected by carol"], decided)
        self._check("lives of the bot", 3, len(set(self._pids)))

    # ------------------------------------------------------------ what people and the plug do

    async def _ask(self, text: str, *, shown: tuple[str, ...]) -> str:
        """Ann asks in Slack; returns the code on Carol's phone, which must show the exact arguments."""
        before = len(await self._stage.phone("carol"))
        self._note("Ann, in Slack", text)
        await self._stage.say("slack", "ann", text)
        request = await self._next("Carol's phone", "carol", before, "OK ")
        if missing := [each for each in shown if each not in request]:
            raise DemoFailed(f"Carol's phone does not show {missing[0]}")
        await self._slack_says("I have asked carol")
        found = _CODE.search(request)
        if found is None:
            raise DemoFailed("there is no code in the request on Carol's phone")
        return found[1]

    async def _carol(self, text: str, when: str = "") -> None:
        self._note("Carol, by SMS", f"{text}{f'   ({when})' if when else ''}")
        await self._stage.say("sms", "carol", text)

    async def _kill(self, when: str) -> None:
        await self._stage.pull_the_plug()
        self._note("the plug", f"kill -9 of the bot (pid {self._pids[-1]}), {when}")

    async def _start(self, said: str) -> None:
        self._pids.append(await self._stage.start())
        self._note("the bot", f"{said} (pid {self._pids[-1]})")

    # ------------------------------------------------------------ what is seen

    async def _slack_says(self, part: str) -> None:
        async def look() -> str:
            return next((text for text in reversed(await self._stage.slack("ann")) if part in text), "")

        self._note("Slack, to Ann", await self._stage.until(f"{part!r} in Ann's Slack", look))

    async def _phone_says(self, part: str) -> None:
        """Not her own request or text, but the brief word about how it went."""
        await self._next("Carol's phone", "carol", 0, part)

    async def _next(self, where: str, person: str, before: int, part: str) -> str:
        async def look() -> str:
            texts = (await self._stage.phone(person))[before:]
            return next((text for text in reversed(texts) if part in text), "")

        text = await self._stage.until(f"{part!r} on {where}", look)
        self._note(where, text)
        return text

    async def _seen(self, thread_id: str, kind: str) -> list[Json]:
        return [event for event in await self._stage.events(thread_id) if event["type"] == kind]

    def _check(self, claim: str, expected: object, found: object) -> None:
        self._played.checks.append(Check(claim, expected, found))

    def _note(self, who: str, what: str) -> None:
        moment = Moment(round(time.monotonic() - self._began, 1), who, what)
        self._played.timeline.append(moment)
        self._tell(moment)


def where_to_look(played: Played) -> str:
    """What to type to look into a folder that was kept."""
    return f"DATABASE_URL=sqlite:///{Path(played.folder) / DATABASE} bot --root {played.folder} threads"
