"""Reads every real mail under a folder within the limits of the reader: none may break it, no machine may be answered.

`python -m bench.mail_sweep [FOLDER]`; `../shared/samples/mail` if none is given.
"""

import asyncio
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from bench.table import Row
from channels.email.automatic import why_automatic
from channels.email.mail import Mail
from channels.email.worker import Reader, Unreadable

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = ROOT.parent / "shared" / "samples" / "mail"
COPIED = ROOT / "tests" / "payloads" / "mail"
OURS = ("bot@example.net",)

MACHINES = re.compile(r"sisimai(?!.*/not/)|multipart_report|bounce|report_\d")
"""In the path of what mail systems sent by themselves."""

_HEADERS = re.compile(
    rb"(?:>?From .*\r?[\r\n])?(?:[!-9;-~]+:[ \t].*(?:\r\n|\r|\n)(?:[ \t].*(?:\r\n|\r|\n))*){2}"
)
_NO_MAIL = ("LICENSE", ".md", ".gitattributes", ".html", "_sender", "_body", "_signature", "_reply_text")

Counts = Counter[str]


def main() -> int:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else SAMPLES
    counts, broken = asyncio.run(sweep(folder))
    for name, count in sorted(counts.items()):
        print(f"{count:6} {name}")
    for violation in broken:
        print(f"VIOLATION {violation}")
    return 0 if counts["mails"] and not broken else 1


def mails(short: bool) -> tuple[list[Row], list[str]]:
    """The rows of `make prove`: all samples where they are there, else those that the tests have, and that is said."""
    there = SAMPLES.is_dir()
    if not there:
        print(
            f"*** LEFT OUT: {SAMPLES} is not there; only the mails copied into the tests are read", flush=True
        )
    counts, broken = asyncio.run(sweep(SAMPLES if there else COPIED))
    return [
        Row("all real mails that we have", "read" if there else "LEFT OUT, no samples here"),
        Row("real mails read", counts["mails"], "mails", "at least 50", counts["mails"] >= 50),
        Row("of these refused", counts["refused"], "mails", "0", not counts["refused"]),
        Row("of these bounces, reports, automatic or to a list", counts["automatic"], "mails"),
        Row("delivery reports that name a mail", counts["bounces with an id"], "mails"),
        Row("machines that would be answered", counts["answered"], "mails", "0", not counts["answered"]),
        Row("mails that broke the reader", counts["broken"], "mails", "0", not counts["broken"]),
        Row("mails over its time or memory", counts["over time"], "mails", "0", not counts["over time"]),
    ], broken


async def sweep(folder: Path) -> tuple[Counts, list[str]]:
    counts: Counts = Counter()
    broken: list[str] = []
    reader = Reader()
    try:
        for path, raw in _mails(folder):
            counts["mails"] += 1
            broken += [f"{path}: {why}" for why in await _one(reader, path, raw, counts)]
    finally:
        await reader.close()
    return counts, broken


async def _one(reader: Reader, path: Path, raw: bytes, counts: Counts) -> list[str]:
    """What is wrong with how this mail was read."""
    try:
        return _counted(await reader.read(raw), path, counts)
    except Unreadable as error:
        why = str(error)
    counts["over time" if "takes" in why else "broken" if "process" in why else "refused"] += 1
    return [why]


def _counted(mail: Mail, path: Path, counts: Counts) -> list[str]:
    why = mail.automatic or why_automatic(mail.headers, mail.report, mail.header("content-type"), OURS)
    counts["automatic"] += bool(why)
    counts["bounces with an id"] += any(bounce.message_id for bounce in mail.bounces)
    counts["with a text"] += bool(mail.text)
    counts["with a quote"] += bool(mail.quoted)
    counts["with something left out"] += bool(mail.dropped)
    counts["attachments"] += len(mail.attachments)
    counts["attachments refused"] += sum(bool(file.refused) for file in mail.attachments)
    if why or not MACHINES.search(str(path)):
        return []
    counts["answered"] += 1
    return ["a machine sent it, and it would be answered"]


def _mails(folder: Path) -> Iterator[tuple[Path, bytes]]:
    """Files that are mails: their name says so, or they begin with headers."""
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or path.name.endswith(_NO_MAIL):
            continue
        raw = path.read_bytes()
        if path.suffix == ".eml" or _HEADERS.match(raw[:4_000]):
            yield path, raw


if __name__ == "__main__":
    sys.exit(main())
