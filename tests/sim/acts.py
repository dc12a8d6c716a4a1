"""What the others do in a random world: people who write, decide and answer, outside systems, config, the clock."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TYPE_CHECKING

from bot import events as ev, ids
from bot.events import Incoming
from bot.ports import Received, RequestRow, TaskRow
from bot.testing import EVERYBODY
from bot.web.tasks import opens
from tests.sim.checks import must
from tests.sim.offer import Today, entitled

if TYPE_CHECKING:
    from tests.sim.process import Process

PEOPLE = (*("U1", "U2") * 4, "U3", "U3", "U9")  # ann, bob, carol, and a stranger
ACCOUNTS = {"fake": "A1", "phone": "A2"}
HOMES = {each.name: next(iter(each.addresses.items())) for each in EVERYBODY} | {"stranger": ("fake", "U9")}
CONTROLS: tuple[ev.ControlAction, ...] = ("stop", "stop", "pause", "resume", "take_over", "hand_back")
DECISIONS: tuple[ev.Decision, ...] = (
    "approve", "approve", "approve", "approve", "edit", "edit", "reject", "respond",
)  # fmt: skip
WRONG_CODE = "234CDF"
JUMPS = (30, 70, 150, 400, 700, 5000)  # seconds


class Acts:
    """Everybody outside of one process."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.play = process.play
        self.random = process.play.random

    async def one(self) -> None:
        """Somebody does something that makes sense now."""
        found = await self.process.store.requests(pending=True, limit=100)
        approvals = [row for row in found if row.kind == "approval"]
        questions = [row for row in found if row.kind == "question"]
        outside = [row for row in await self.process.store.open_tasks() if row.kind == "outside"]
        choices: list[tuple[int, Callable[[], Awaitable[None]]]] = [(34, self.write), (4, self.configure)]
        choices.append((4, self.jump))
        if approvals:
            choices.append((70, lambda: self.decide(self.random.choice(approvals))))
            choices.append((6, lambda: self.take_back(self.random.choice(approvals))))
            choices.append((1, lambda: self.guess(self.random.choice(approvals))))
        if questions:
            choices.append((20, lambda: self.answer(self.random.choice(questions))))
        if outside:
            choices.append((20, lambda: self.finish(self.random.choice(outside))))
        if self.process.gates.waiting:
            choices.append((15, self.release))
        if self.play.closed:
            choices.append((4, self.decide_again))
        (chosen,) = self.random.choices([act for _, act in choices], [weight for weight, _ in choices])
        await chosen()

    # ------------------------------------------------------------ messages and controls

    async def write(self) -> None:
        """A message, an edit, a delete or a control."""
        self.play.number += 1
        number = self.play.number
        conversation = self.random.choice(("c1", "c2"))
        by = self.random.choice(PEOPLE)
        mine = [place for owner, place in self.play.places if owner == conversation]
        choice = self.random.random()
        data: ev.AnyInput
        if mine and choice < 0.2:
            place = self.random.choice(mine[-3:])
            edited_at = f"{number:06}"  # later than any before it, as a provider's would be
            data = ev.MessageEdited(
                place=place, edited_at=edited_at, blocks=_text("edited"), sender=_sender("fake", by)
            )
        elif mine and choice < 0.26:
            data = ev.MessageDeleted(place=self.random.choice(mine[-3:]), sender=_sender("fake", by))
        elif mine and choice < 0.48:
            data = ev.ControlRequested(action=self.random.choice(CONTROLS), by=by)
        else:
            place = f"{conversation}:{number}"
            self.play.places.append((conversation, place))
            data = ev.MessageReceived(place=place, blocks=_text(f"m{number}"), sender=_sender("fake", by))
        await self.process.input(
            Incoming(
                data, channel="fake", account="A1", conversation=conversation, destination=conversation,
                dedupe=f"in:{number}", actor=by,
            )
        )  # fmt: skip

    # ------------------------------------------------------------ decisions

    async def decide(self, row: RequestRow) -> None:
        """One answer or several, by whoever it is, in whichever way, in time or not."""
        self.play.closed.append(row)
        if self.random.random() < 0.2:
            self._around(row)
        answers = [await self._an_answer(row)]
        choice = self.random.random()
        if choice < 0.2:
            answers.append(answers[0])
            self.play.counts["answers twice"] += 1
        elif choice < 0.35:
            answers.append(await self._an_answer(row))
            self.play.counts["answers at once"] += 1
            await asyncio.gather(*(self._give(row, answer) for answer in answers))
            answers = []
        elif row.quorum > 1 and choice < 0.75:
            answers += [self._pressed(row, name, "approve") for name in row.approvers]
        for answer in answers:
            await self._give(row, answer)
        choice = self.random.random()
        if choice < 0.12:
            self.play.today = Today(removed=frozenset(row.approvers))
            self.play.counts["config changed"] += 1
        elif choice < 0.25:
            self.play.clock.advance(self.random.choice((150, 400, 1000)))
            self.play.counts["clock jumps"] += 1
        elif choice < 0.33:
            await self.take_back(row)

    async def guess(self, row: RequestRow) -> None:
        """Five wrong codes; after them the right one decides nothing on that channel any more."""
        who = self.random.choice(row.approvers)
        asked = await self.process.store.asked(who, HOMES[who][0])
        if not any(each.request.id == row.id for each in asked):
            return
        for _ in range(5):
            await self.process.input(self._written(who, f"OK {WRONG_CODE}"))
        code = self.process.keys.code("approval", row.id, who, HOMES[who][0])
        data = await self._at(await self.process.input(self._written(who, f"OK {code}")))
        let_in = isinstance(data, ev.ApprovalAnswered) and data.refused is None
        must(not let_in, self.play.run, f"{who} decided {row.id} by text after five wrong codes")
        self.play.counts["codes guessed"] += 1

    async def take_back(self, row: RequestRow) -> None:
        """Whoever asked changes or deletes what they wrote, or the thread is stopped or held."""
        asked = await self._at(Received(row.thread_id, row.seq, duplicate=False))
        assert isinstance(asked, ev.ApprovalRequested)
        origin = await self._at(Received(row.thread_id, asked.origin, duplicate=False))
        self.play.number += 1
        number = self.play.number
        data: ev.AnyInput = ev.ControlRequested(action=self.random.choice(("stop", "pause")), by="U1")
        if isinstance(origin, ev.MessageReceived) and self.random.random() < 0.5:
            place, sender = origin.place, origin.sender
            data = ev.MessageEdited(
                place=place, edited_at=f"{number:06}", blocks=_text("edited"), sender=sender
            )
            if self.random.random() < 0.3:
                data = ev.MessageDeleted(place=place, sender=sender)
        await self.process.input(
            Incoming(data, channel="fake", thread_id=row.thread_id, dedupe=f"in:{number}")
        )

    async def decide_again(self) -> None:
        """A button of a request that may be long closed."""
        row = self.random.choice(self.play.closed[-5:])
        self.play.counts["answers to old requests"] += 1
        await self._give(row, await self._an_answer(row))

    async def _an_answer(self, row: RequestRow) -> Incoming:
        right = self.random.random() < 0.8
        who = self.random.choice(row.approvers if right and row.approvers else tuple(HOMES))
        decision = self.random.choice(DECISIONS)
        choice = self.random.random()
        if choice < 0.05:
            return self._written(who, f"OK {WRONG_CODE}")
        if choice < 0.1:
            return self._written(who, "ok sure")
        asked = await self.process.store.asked(who, HOMES[who][0])
        knows_code = any(each.request.id == row.id for each in asked)
        if choice < 0.5 and knows_code and decision in ("approve", "reject"):
            self.play.counts["answers by text"] += 1
            code = self.process.keys.code("approval", row.id, who, HOMES[who][0])
            return self._written(who, f"OK {code}." if decision == "approve" else f"no {code} because no")
        return self._pressed(row, who, decision)

    def _pressed(self, row: RequestRow, who: str, decision: ev.Decision) -> Incoming:
        owner = who if self.random.random() < 0.9 else self.random.choice(tuple(HOMES))
        channel, address = HOMES[who]
        data = ev.ApprovalAnswered(
            approval_id=self.process.keys.handle("approval", row.id, owner),
            decision=decision,
            edited_args={"n": self.random.choice((7, 8, "bad"))} if decision == "edit" else None,
            message="words" if decision in ("reject", "respond") else "",
            by=ev.Answerer(channel=channel, address=address, proof="provider"),
        )
        return self._from(channel, address, data)

    def _written(self, who: str, text: str) -> Incoming:
        channel, address = HOMES[who]
        data = ev.MessageReceived(
            place=f"{address}:{self.play.number + 1}", blocks=_text(text), sender=_sender(channel, address)
        )
        return self._from(channel, address, data, conversation=address)

    def _from(self, channel: str, address: str, data: ev.AnyInput, *, conversation: str = "") -> Incoming:
        self.play.number += 1
        return Incoming(
            data, channel=channel, account=ACCOUNTS[channel], conversation=conversation, destination=address,
            dedupe=f"in:{self.play.number}", actor=address, direct=True,
        )  # fmt: skip

    async def _give(self, row: RequestRow, incoming: Incoming) -> None:
        """Hand it in, and see that nobody was let in who may not decide today."""
        received = await self.process.input(incoming)
        data = await self._at(received)
        if not isinstance(data, ev.ApprovalAnswered) or received.duplicate:
            return
        self.play.counts[f"answered {data.refused or data.decision}"] += 1
        self.play.counts["answers of the requester"] += data.by.person == row.requester
        if data.refused is not None or data.approval_id != row.id:
            return
        asked = await self._at(Received(row.thread_id, row.seq, duplicate=False))
        assert isinstance(asked, ev.ApprovalRequested)
        may = entitled(asked.tool, asked.person, self.play.today)
        must(data.by.person in may, self.play.run, f"{data.by.person} was let in to decide {asked.tool}")

    async def _at(self, place: Received) -> ev.AnyData | None:
        events = await self.process.store.events_at(place.thread_id, [place.seq]) if place.thread_id else ()
        return events[0].data if events else None

    def _around(self, row: RequestRow) -> None:
        """The clock stands just before, at or just after the end of a request."""
        wanted = row.expires_at + timedelta(milliseconds=self.random.choice((-1, 0, 1)))
        self.play.clock.now = max(self.play.clock.now, wanted)
        self.play.counts["answers at the expiry"] += 1

    # ------------------------------------------------------------ questions, tasks, config, time

    async def answer(self, row: RequestRow) -> None:
        """A question is answered, by the right person or another."""
        if self.random.random() < 0.2:
            self._around(row)
        who = self.random.choice(row.approvers) if self.random.random() < 0.8 else "ann"
        channel, address = HOMES[who]
        if self.random.random() < 0.5 and who in row.approvers:
            code = self.process.keys.code("question", row.id, who, channel)
            await self.process.input(self._written(who, f"{code} {self.random.choice(('1', 'green'))}"))
        else:
            by = ev.Answerer(channel=channel, address=address, proof="provider")
            handle = self.process.keys.handle("question", row.id, who)
            data = ev.QuestionAnswered(question_id=handle, option="blue", by=by)
            await self.process.input(self._from(channel, address, data))
        self.play.counts["questions answered"] += 1

    async def finish(self, row: TaskRow) -> None:
        """An outside system reports the end of a task, with its token or a guess."""
        guess = self.random.random() < 0.2
        token = "0" * 40 if guess else self.process.keys.token(row.task_id)
        must(opens(row, token) is not guess, self.play.run, "a token opens the wrong task, or not its own")
        if guess:
            return
        self.play.counts["tasks finished by token"] += 1
        outcomes: tuple[ev.TaskOutcome, ...] = ("ok", "ok", "failed")
        data = ev.TaskFinished(task_id=row.task_id, outcome=self.random.choice(outcomes), result="reported")
        for _ in range(self.random.choice((1, 2))):
            dedupe = ids.task_dedupe(row.task_id)
            await self.process.input(
                Incoming(data, channel="api", dedupe=dedupe, thread_id=row.thread_id, correlation=row.task_id)
            )

    async def release(self) -> None:
        """A background call comes to its end."""
        self.process.gates.release(self.random.choice(self.process.gates.waiting))
        await self.process.quiet()

    async def configure(self) -> None:
        """The configuration is changed, in most cases tightened."""
        self.play.counts["config changed"] += 1
        self.play.today = Today(
            removed=frozenset(self.random.choice(((), ("carol",), ("dave",), ("carol", "dave")))),
            barred=frozenset(self.random.choice(((), (), ("ann",), ("bob",)))),
            two=self.random.random() < 0.2,
        )
        if self.random.random() < 0.4:
            self.play.today = Today()

    async def jump(self) -> None:
        self.play.counts["clock jumps"] += 1
        self.play.clock.advance(self.random.choice(JUMPS))


def _text(text: str) -> tuple[ev.Block, ...]:
    return (ev.Block(source="person", text=text),)


def _sender(channel: str, address: str) -> ev.Sender:
    return ev.Sender(channel=channel, address=address, proof="provider")
