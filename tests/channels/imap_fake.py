"""An IMAP server that does what a test tells it to: mails come and go, and each command can go wrong once."""

import asyncio
import base64
import re
import ssl
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

ARRIVED = datetime(2026, 3, 1, 12, tzinfo=UTC)

Fault = Callable[["Session", str], Awaitable[bool]]
"""Called with the session and the whole command; True if the server is not to do it any more."""


@dataclass
class FakeImap:
    """The mailbox INBOX of user "bot", password "secret"."""

    validity: int = 7
    next_uid: int = 1
    capabilities: str = "IMAP4rev1 IDLE MOVE UIDPLUS AUTH=XOAUTH2"
    permanent: str = "\\Seen \\Deleted \\*"
    greeting: str = "* OK fake"
    refusal: str = "NO [AUTHENTICATIONFAILED] wrong"
    token: str = "good-token"
    port: int = 0
    mails: dict[int, bytes] = field(default_factory=dict)
    times: dict[int, datetime] = field(default_factory=dict)
    sizes: dict[int, int] = field(default_factory=dict)
    flags: dict[int, set[str]] = field(default_factory=lambda: defaultdict(set))
    folders: dict[str, list[bytes]] = field(default_factory=dict)
    faults: dict[str, list[Fault]] = field(default_factory=lambda: defaultdict(list))
    commands: list[str] = field(default_factory=list)
    sessions: set["Session"] = field(default_factory=set)
    connections: int = 0
    someone_idles: asyncio.Event = field(default_factory=asyncio.Event)

    def arrive(self, raw: bytes, at: datetime = ARRIVED) -> int:
        """A new mail; whoever idles hears of it."""
        uid = self.next_uid
        self.next_uid += 1
        self.mails[uid], self.times[uid] = raw, at
        for session in self.sessions:
            if session.idling:
                session.tell()
        return uid

    def go_wrong(self, command: str, fault: Fault, times: int = 1) -> None:
        self.faults[command] += [fault] * times

    def count(self, pattern: str) -> int:
        return sum(re.search(pattern, command) is not None for command in self.commands)

    @asynccontextmanager
    async def serve(self, tls: ssl.SSLContext | None = None) -> AsyncIterator["FakeImap"]:
        server = await asyncio.start_server(self._accept, "127.0.0.1", self.port, ssl=tls)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for session in list(self.sessions):
                session.writer.transport.abort()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = Session(self, reader, writer)
        self.connections += 1
        self.sessions.add(session)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                await session.run()
        finally:
            self.sessions.discard(session)
            writer.close()


class Session:
    def __init__(self, fake: FakeImap, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.fake, self.reader, self.writer = fake, reader, writer
        self.idling = False
        self.deaf = False
        self.told = (-1, 0)

    def tell(self) -> None:
        """How many mails there are, if that is news: one that went and one that came are news too."""
        there = (len(self.fake.mails), self.fake.next_uid)
        if self.told != there:
            self.told = there
            self.say(f"* {there[0]} EXISTS")

    def say(self, *lines: str | bytes) -> None:
        for line in lines:
            self.writer.write((line.encode() if isinstance(line, str) else line) + b"\r\n")

    async def run(self) -> None:
        self.say(self.fake.greeting)
        while line := (await self.reader.readline()).decode().rstrip("\r\n"):
            if self.deaf:
                continue
            self.fake.commands.append(line.partition(" ")[2])
            tag, name, rest = found(r"(\S+) ((?:UID )?\S+) ?(.*)", line).groups()
            faults = self.fake.faults[name.upper()]
            if faults and await faults.pop(0)(self, line):
                continue
            done = await getattr(self, "do_" + name.lower().replace(" ", "_"))(rest)
            self.say(f"{tag} {done or 'OK done'}")
            if name.upper() == "LOGOUT":
                return

    async def do_capability(self, _):
        self.say(f"* CAPABILITY {self.fake.capabilities}")

    async def do_noop(self, _):
        self.tell()

    async def do_login(self, rest):
        return "OK in" if rest == '"bot" "secret"' else self.fake.refusal

    async def do_authenticate(self, rest):
        said = base64.b64decode(rest.split()[1]).decode()
        if said == f"user=bot\x01auth=Bearer {self.fake.token}\x01\x01":
            return "OK in"
        self.say("+ eyJzdGF0dXMiOiI0MDEifQ==")
        await self.reader.readline()
        return self.fake.refusal

    async def do_select(self, rest):
        if rest != '"INBOX"':
            return "NO [NONEXISTENT] no such mailbox"
        fake = self.fake
        self.say("* FLAGS (\\Seen)", f"* OK [PERMANENTFLAGS ({fake.permanent})] kept")
        self.tell()
        self.say(f"* OK [UIDVALIDITY {fake.validity}] valid", f"* OK [UIDNEXT {fake.next_uid}] next")
        return "OK [READ-WRITE] opened"

    async def do_uid_search(self, rest):
        uids = sorted(self.fake.mails)
        if match := re.fullmatch(r"UID (\d+):\*", rest):
            uids = [uid for uid in uids if uid >= int(match[1])] or uids[-1:]
        else:
            day = datetime.strptime(rest.removeprefix("SINCE "), "%d-%b-%Y").replace(tzinfo=UTC)
            uids = [uid for uid in uids if self.fake.times[uid] >= day]
        self.say("* SEARCH" + "".join(f" {uid}" for uid in uids))

    async def do_uid_fetch(self, rest):
        uids, _, what = rest.partition(" ")
        for uid in self._uids(uids):
            self.say_mail(uid, what)

    def say_mail(self, uid: int, what: str = "BODY.PEEK[]") -> None:
        raw, place = self.fake.mails[uid], sorted(self.fake.mails).index(uid) + 1
        if "RFC822.SIZE" in what:
            size, at = self.fake.sizes.get(uid, len(raw)), self.fake.times[uid]
            date = f"{at:%d-%b-%Y %H:%M:%S} +0000"
            self.say(f'* {place} FETCH (UID {uid} RFC822.SIZE {size} INTERNALDATE "{date}")')
        elif "HEADER" in what:
            head = raw.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
            self.say(f"* {place} FETCH (UID {uid} BODY[HEADER]<0> {{{len(head)}}}", head + b")")
        else:
            self.say(f"* {place} FETCH (UID {uid} BODY[] {{{len(raw)}}}", raw + b")")

    async def do_uid_store(self, rest):
        uids, _, flags = rest.partition(" ")
        for uid in self._uids(uids):
            self.fake.flags[uid] |= set(found(r".*\((.*)\)", flags)[1].split())

    async def do_uid_copy(self, rest):
        uids, _, folder = rest.partition(" ")
        if folder.strip('"') not in self.fake.folders:
            return "NO [TRYCREATE] no such folder"
        self.fake.folders[folder.strip('"')] += [self.fake.mails[uid] for uid in self._uids(uids)]
        return None

    async def do_uid_move(self, rest):
        return await self.do_uid_copy(rest) or await self.do_uid_expunge(rest.partition(" ")[0])

    async def do_uid_expunge(self, rest):
        for uid in self._uids(rest):
            del self.fake.mails[uid]

    async def do_create(self, rest):
        self.fake.folders.setdefault(rest.strip('"'), [])

    async def do_append(self, rest):
        size = int(found(r".*\{(\d+)\}$", rest)[1])
        self.say("+ go on")
        raw = await self.reader.readexactly(size)
        await self.reader.readline()
        folder = found(r'"([^"]*)"', rest)[1]
        self.fake.folders.setdefault(folder, []).append(raw)

    async def do_idle(self, _):
        self.say("+ idling")
        self.tell()
        self.idling = True
        self.fake.someone_idles.set()
        try:
            line = await self.reader.readline()
        finally:
            self.idling = False
            self.fake.someone_idles.clear()
        return "OK done" if line.strip() == b"DONE" else "BAD"

    async def do_logout(self, _):
        self.say("* BYE")

    def _uids(self, text: str) -> list[int]:
        return [uid for uid in map(int, text.split(",")) if uid in self.fake.mails]


def found(pattern: str, text: str) -> re.Match[str]:
    match = re.match(pattern, text)
    assert match, text
    return match


async def reset(session: Session, _: str) -> bool:
    """The connection breaks."""
    session.writer.transport.abort()
    return True


async def bye(session: Session, _: str) -> bool:
    """The server says that it goes, and stays half open: it never says anything again."""
    session.say("* BYE shutting down")
    session.deaf = True
    return True


async def silence(session: Session, _: str) -> bool:
    """No answer, to this or anything after it."""
    session.deaf = True
    return True


async def no(session: Session, line: str) -> bool:
    """The server refuses this once."""
    session.say(f"{line.split()[0]} NO [SERVERBUG] not now")
    return True


async def bye_in_idle(session: Session, line: str) -> bool:
    """IDLE begins, then the server goes without closing the connection."""
    session.say("+ idling", "* BYE shutting down")
    session.deaf = True
    return True


async def many_lines(session: Session, line: str) -> bool:
    """1,200 lines in one write, then the answer is given as always."""
    session.writer.write(b"".join(b"* %d EXPUNGE\r\n" % n for n in range(1200, 0, -1)))
    return False


async def cut_off(session: Session, line: str) -> bool:
    """The connection breaks in the middle of a mail."""
    session.say("* 1 FETCH (UID 1 BODY[] {100000}", b"only the beginning")
    await session.writer.drain()
    session.writer.close()
    return True
