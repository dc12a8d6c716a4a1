"""A person at a terminal, or a pipe: lines in, what the bot says out, also while a line is being typed."""

import asyncio
import json
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from io import TextIOWrapper

from bot.cli.conversation import Conversation, Said
from bot.cli.output import plain

PROMPT = "> "
HERE = "\r\x1b[K"  # to the start of the line, and clear it


class Terminal:
    """Where the bot's words go. `interactive`: a person types here, and what they typed so far is kept."""

    def __init__(self, *, as_json: bool, interactive: bool) -> None:
        self.interactive = interactive
        self._as_json = as_json
        self._typed: Callable[[], str] = lambda: ""
        self._asking = False

    def show(self, said: Said) -> None:
        if self._as_json:
            document = {
                "thread_id": said.thread_id,
                "seq": said.seq,
                "reply": said.text,
                "outcome": said.outcome,
            }
            self._write(json.dumps(document, ensure_ascii=False))
        else:
            self._write(plain(said.text))

    def note(self, text: str) -> None:
        if self._asking:
            self._write(plain(f"({text})"))
        else:
            print(plain(text), file=sys.stderr, flush=True)

    def _write(self, text: str) -> None:
        if self._asking:
            print(f"{HERE}{text}\n{PROMPT}{self._typed()}", end="", flush=True)
        else:
            print(text, flush=True)

    @contextmanager
    def asking(self) -> Iterator[None]:
        """While a person types; puts the terminal back in order even if they end in the middle of a line."""
        import readline
        import termios

        before = termios.tcgetattr(sys.stdin.fileno())
        self._typed, self._asking = readline.get_line_buffer, True
        try:
            yield
        finally:
            self._asking = False
            termios.tcsetattr(sys.stdin.fileno(), termios.TCSADRAIN, before)


async def talk(conversation: Conversation, terminal: Terminal) -> bool:
    """Send each line at once, so that one can say more while an answer takes long; ends with Ctrl-D."""
    await conversation.begin()
    terminal.note("Ctrl-D ends.")
    listening = asyncio.ensure_future(conversation.listen())
    try:
        with terminal.asking():
            async for line in lines(lambda: input(PROMPT)):
                _raise_if_ended(listening)
                if line.strip():
                    await conversation.say(line, wait=False)
    finally:
        listening.cancel()
    print()
    return True


async def read_pipe(conversation: Conversation, terminal: Terminal) -> bool:
    """Send line after line, each once the one before is answered. False if one of them got no answer."""
    if isinstance(sys.stdin, TextIOWrapper):
        sys.stdin.reconfigure(errors="replace")  # bytes that are no text must not end the talk
    await conversation.begin()
    listening = asyncio.ensure_future(conversation.listen())
    answered = True
    try:
        async for line in lines(_next_line):
            _raise_if_ended(listening)
            if line.strip():
                answered = await conversation.say(line.rstrip("\n"), wait=True) and answered
    finally:
        listening.cancel()
    return answered


def _raise_if_ended(listening: asyncio.Future[None]) -> None:
    if listening.done():
        listening.result()


def _next_line() -> str:
    if line := sys.stdin.readline():
        return line
    raise EOFError


async def lines(read: Callable[[], str]) -> AsyncIterator[str]:
    """The lines that `read` returns, until it raises EOFError; read in a thread that nobody waits for."""
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[str | None] = asyncio.Queue()
    wanted = threading.Semaphore(1)

    def run() -> None:
        line: str | None = ""
        while line is not None and wanted.acquire():
            try:
                line = read()
            except EOFError:
                line = None
            with suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(queue.put_nowait, line)

    threading.Thread(target=run, name="keyboard", daemon=True).start()
    while (line := await queue.get()) is not None:
        yield line
        wanted.release()
