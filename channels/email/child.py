"""The process that reads mails for us, with limits: `python -m channels.email.child CPU_SECONDS MEMORY_BYTES`.

It is started by `worker.py`, holds no secrets, and ends when its standard input does. What kills it kills nothing else.
"""

import json
import logging
import math
import os
import resource
import signal
import sys
from typing import BinaryIO

from channels.email.limits import Unreadable
from channels.email.reading import read
from channels.email.wire import LENGTH, answer, frame, refusal

READY = b"ready"
MOST_FILES = 32


def main() -> int:
    cpu, memory = float(sys.argv[1]), int(sys.argv[2])
    logging.disable(logging.CRITICAL)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints must not get between the answers
    _limit(memory)
    _send(answers, READY)
    return _serve(sys.stdin.buffer, answers, cpu, memory)


def _serve(questions: BinaryIO, answers: BinaryIO, cpu: float, memory: int) -> int:
    while head := questions.read(LENGTH.size):
        asked = json.loads(questions.read(LENGTH.unpack(head)[0]))
        raw = questions.read(asked["size"])
        if len(raw) < asked["size"]:
            return 0
        _allow(cpu)
        try:
            _send(answers, answer(read(raw, ours=asked["ours"])))
        except Unreadable as error:
            _send(answers, refusal(str(error)))
        except MemoryError:
            raw = b""
            _send(answers, refusal(f"reading it takes more than {memory >> 20} MiB of memory", last=True))
            return 1
        signal.setitimer(signal.ITIMER_PROF, 0)
    return 0


def _send(answers: BinaryIO, data: bytes) -> None:
    answers.write(frame(data))
    answers.flush()


def _limit(memory: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_NOFILE, (MOST_FILES, MOST_FILES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _allow(cpu: float) -> None:
    """So much time from now on, by a timer that ends the process; if that is switched off, by a limit a bit later."""
    signal.setitimer(signal.ITIMER_PROF, cpu)
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    until = math.ceil(used.ru_utime + used.ru_stime + cpu) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (until if hard < 0 else min(until, hard), hard))


if __name__ == "__main__":
    sys.exit(main())
