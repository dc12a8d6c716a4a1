"""The suite finds what it is there to find: adapters that are wrong in one way each fail at the test for it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from bot.events import Sender
from tests.conformance import stage as stages
from tests.conformance.test_documented import documented

FolderChannel: Any = documented.FolderChannel
FolderVenue: Any = documented.FolderVenue
Conformance: Any = documented.Conformance


class AcknowledgesFirst(FolderChannel):
    async def run(self, receive):
        async def late(incoming):
            path = self._folder / "in" / incoming.dedupe.rpartition(":")[2]
            content = path.read_text()
            path.unlink()
            received = await receive(incoming)
            path.write_text(content)
            return received

        await super().run(late)


class KnowsNoDuplicates(FolderChannel):
    numbers = count(1)

    def _incoming(self, path):
        return replace(super()._incoming(path), dedupe=str(next(self.numbers)))


class BelievesTheText(FolderChannel):
    def _incoming(self, path):
        incoming = super()._incoming(path)
        name = incoming.data.blocks[0].text.rpartition(" ")[2]
        sender = Sender(channel="folder", address=name, proof="provider")
        return replace(incoming, data=incoming.data.model_copy(update={"sender": sender}))


class OneForAll(FolderChannel):
    def _incoming(self, path):
        return replace(super()._incoming(path), conversation="everybody")


class HearsItself(FolderChannel):
    async def send(self, part):
        (self._folder / "in" / f"{part.destination}-x{part.outbox_id[-3:].replace(':', '')}.txt").write_text(
            part.text
        )
        return await super().send(part)


class CutsOff(FolderChannel):
    def render(self, outbox_id, outgoing):
        return tuple(replace(part, text=part.text[:2_000]) for part in super().render(outbox_id, outgoing))


class RollsDice(FolderChannel):
    numbers = count(1)

    def render(self, outbox_id, outgoing):
        return tuple(
            replace(part, body={"nonce": next(self.numbers)}) for part in super().render(outbox_id, outgoing)
        )


class LeavesSomethingRunning(FolderChannel):
    async def _forever(self):
        await asyncio.Event().wait()

    async def run(self, receive):
        self.left = asyncio.ensure_future(self._forever())
        await super().run(receive)


class Calls(FolderVenue):
    def shown(self):
        return [replace(each, pings=("everybody",)) for each in super().shown()]


MUTANTS: dict[type, str] = {
    AcknowledgesFirst: "test_what_could_not_be_stored_comes_again",
    KnowsNoDuplicates: "test_fifty_deliveries_are_one_message",
    BelievesTheText: "test_who_wrote_is_who_the_provider_says",
    OneForAll: "test_two_people_have_two_conversations",
    HearsItself: "test_our_own_messages_are_nothing_that_we_answer",
    CutsOff: "test_a_long_answer_arrives_in_parts_and_in_order",
    RollsDice: "test_any_answer_can_be_rendered_and_always_the_same_way",
    LeavesSomethingRunning: "test_it_ends_when_it_is_told_to_and_leaves_nothing_running",
    Calls: "test_nobody_is_called_and_nothing_is_fetched",
}


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.__name__)
async def test_a_wrong_adapter_is_found(mutant: type, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(stages, "PATIENCE", 2)
    test = getattr(Conformance, MUTANTS[mutant])
    is_venue = issubclass(mutant, FolderVenue)
    suite = Conformance()
    suite.name = "folder"
    suite.open_venue = _venue_of(mutant if is_venue else FolderVenue, FolderChannel if is_venue else mutant)

    with pytest.raises(AssertionError):
        await _play(test, suite, tmp_path)


async def _play(test: Any, suite: Any, folder: Path) -> None:
    if "stage" not in test.__code__.co_varnames[: test.__code__.co_argcount]:
        await test(suite, folder)
        return
    async with stages.open_stage(suite.open_venue, "folder", folder) as stage:
        await test(suite, stage)


def _venue_of(venue: Any, channel: Any) -> Callable[[], Any]:
    @asynccontextmanager
    async def opened() -> AsyncIterator[Any]:
        with TemporaryDirectory() as folder:
            made = venue(Path(folder))
            made.channel = lambda store: channel(Path(folder), every=0.01)
            yield made

    return opened
