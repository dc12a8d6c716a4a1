"""Ids: random ones that sort by time, and those that follow from a place in the log."""

import hashlib
from datetime import datetime


def uuid7(now: datetime, random: bytes) -> str:
    """A UUID version 7 (RFC 9562) from a time and ten random bytes, as 36 characters."""
    if len(random) != 10:
        raise ValueError(f"uuid7 needs 10 random bytes, found {len(random)}")
    millis = int(now.timestamp() * 1000)
    value = millis << 80 | int.from_bytes(random)
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    digits = f"{value:032x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def call_id(answered_seq: int) -> str:
    """The id of the call that the model asked for at this seq."""
    return f"c{answered_seq}"


def timer_id(seq: int) -> str:
    """The id of a timer whose reason stands at this seq."""
    return f"t{seq}"


def run_id(input_seq: int) -> str:
    """The id of the run that an input starts."""
    return f"r{input_seq}"


def idempotency_key(thread_id: str, call: str) -> str:
    """What a tool gets to make a repeated call harmless: the same for every try of one call."""
    return f"{thread_id}:{call}"


def outbox_id(thread_id: str, seq: int, number: int) -> str:
    """The id of the `number`th message that the event at `seq` sends."""
    return f"{thread_id}:{seq}:{number}"


def timer_dedupe(thread_id: str, timer: str) -> str:
    """The dedupe key of a timer's firing."""
    return f"timer:{thread_id}:{timer}"


def approval_id(thread_id: str, seq: int) -> str:
    """The id of a request for approval that stands after this seq: the same for all that lead there."""
    return hashlib.sha256(f"approval:{thread_id}:{seq}".encode()).hexdigest()[:16]


def question_id(thread_id: str, call: str) -> str:
    """The id of the question that a call asks."""
    return hashlib.sha256(f"question:{thread_id}:{call}".encode()).hexdigest()[:16]


def task_id(thread_id: str, call: str, args_digest: str) -> str:
    """The id of the task that a call with these arguments starts."""
    return hashlib.sha256(f"task:{thread_id}:{call}:{args_digest}".encode()).hexdigest()[:16]


def task_dedupe(task: str) -> str:
    """The dedupe key of a task's end: there is one."""
    return f"task:{task}"
