"""Wherever the process dies, no mail is lost, and each crash costs at most one mail that is read twice."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from tests.channels import mailbox_dying, mailbox_kit as kit
from tests.channels.imap_fake import FakeImap
from tests.channels.mailbox_kit import mail, store_at

TEXTS = ["one", "two", "three"]
MOST_POINTS = 60


async def live(database: Path, fake: FakeImap, taken: Path, nth: int) -> bool:
    """One life of the process; returns whether it died."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, mailbox_dying.__file__, str(database), str(fake.port), str(taken), str(nth),
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip
    async with asyncio.timeout(60):
        code = await process.wait()
    assert code in (0, mailbox_dying.DIED)
    return code != 0


async def prepared(database: Path) -> None:
    async with store_at(database) as store:
        await store.mail.keep_mailbox(kit.US, "INBOX", validity=7, baseline=0, since=kit.NOW)


async def judge(database: Path, fake: FakeImap, taken: Path, deaths: int) -> None:
    lines = read_lines(taken)
    assert sorted(set(lines)) == sorted(f"Subject: {text}" for text in TEXTS), "a mail is lost"
    assert len(lines) <= len(TEXTS) + deaths
    assert all(fake.flags[uid] == {"$Saywhen"} for uid in (1, 2, 3))
    async with store_at(database) as store:
        assert [row.state for row in await store.mail.rows()] == ["done"] * 3


def read_lines(file: Path) -> list[str]:
    return file.read_text().splitlines()


@pytest.mark.prove
@pytest.mark.slow
async def test_dying_at_any_point_and_starting_again_reads_everything(tmp_path: Path) -> None:
    """Each database sees one death, at the first point, the second, ... until a life comes to its end."""
    for nth in points():
        database, taken = tmp_path / f"{nth}.db", tmp_path / f"{nth}.taken"
        await prepared(database)
        async with FakeImap().serve() as fake:
            for text in TEXTS:
                fake.arrive(mail(text))

            if not await live(database, fake, taken, nth):
                assert nth > 10, "there were hardly any points to die at"
                return
            assert not await live(database, fake, taken, 0)

            await judge(database, fake, taken, deaths=1)


def points() -> list[int]:
    """All with PROOF, else one while a mail is kept and one while it is taken; the crash sweep has the rest."""
    return list(range(1, MOST_POINTS)) if os.environ.get("PROOF") else [4, 8, MOST_POINTS]


async def test_dying_three_times_in_a_row_reads_everything_in_the_end(tmp_path: Path) -> None:
    database, taken = tmp_path / "saywhen.db", tmp_path / "taken"
    await prepared(database)
    async with FakeImap().serve() as fake:
        for text in TEXTS:
            fake.arrive(mail(text))

        died = [await live(database, fake, taken, nth) for nth in (5, 9, 12, 0)]

        assert died == [True, True, True, False]
        await judge(database, fake, taken, deaths=3)
