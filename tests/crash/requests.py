"""The second story of a crash sweep: a person's yes, no and edit, an expiry, a question, background and outside work.

Whoever answers knows what they were asked: the request is looked up in the log, and a code is made as for a message.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from bot import events as ev, ids
from bot.events import Event, Incoming, ModelAnswered
from bot.testing import EVERYBODY, Bot, call, reply
from tests.crash.scenario import Act

TOOLS = ("deploy", "pay", "question", "chore", "errand", "order")
GATED = frozenset({"deploy", "pay"})
HOME = "c3"
How = Literal["ok", "no", "edit", "approve", "answer", "token"]


@dataclass(frozen=True, slots=True)
class Reply(Act):
    """Somebody answers what the message `to` has led to: by a text with their code, a button, or a token."""

    to: int = 0
    by: str = "carol"
    how: How = "ok"

    async def incoming_in(self, bot: Bot, *, retry: int = 0) -> Incoming | None:
        """What arrives; None if there is nothing to answer, because the call came to nothing."""
        row = await bot.store.thread_of("fake", "A1", HOME)
        log = await bot.log(row.thread_id) if row else ()
        found = _meant(log, self.to)
        if row is None or found is None:
            return None
        if isinstance(found, ev.TaskStarted):
            done = ev.TaskFinished(task_id=found.task_id, outcome="ok", result=self.name)
            key = ids.task_dedupe(found.task_id)
            return Incoming(
                done, channel="api", dedupe=key, thread_id=row.thread_id, correlation=found.task_id
            )
        return self._answer(bot, found)

    def _answer(self, bot: Bot, found: ev.ApprovalRequested | ev.QuestionAsked) -> Incoming:
        number = next(each.addresses["phone"] for each in EVERYBODY if each.name == self.by)
        data: ev.AnyInput
        if self.how in ("edit", "approve") and isinstance(found, ev.ApprovalRequested):
            data = ev.ApprovalAnswered(
                approval_id=bot.keys.handle("approval", found.approval_id, self.by),
                decision="edit" if self.how == "edit" else "approve",
                edited_args={"n": self.to + 100} if self.how == "edit" else None,
                by=ev.Answerer(channel="phone", address=number, proof="provider"),
            )
            return self._from(number, data, conversation="")
        text = self._text(bot, found)
        sender = ev.Sender(channel="phone", address=number, proof="provider")
        blocks = (ev.Block(source="person", text=text),)
        return self._from(number, ev.MessageReceived(place=self.name, blocks=blocks, sender=sender), number)

    def _text(self, bot: Bot, found: ev.ApprovalRequested | ev.QuestionAsked) -> str:
        if isinstance(found, ev.QuestionAsked):
            return f"{bot.keys.code('question', found.question_id, self.by, 'phone')} 1"
        code = bot.keys.code("approval", found.approval_id, self.by, "phone")
        return f"OK {code}" if self.how == "ok" else f"NO {code} because of the freeze"

    def _from(self, number: str, data: ev.AnyInput, conversation: str) -> Incoming:
        return Incoming(
            data, channel="phone", account="A2", conversation=conversation, destination=number,
            dedupe=f"fake:{self.name}", direct=True,
        )  # fmt: skip


def _meant(
    log: tuple[Event, ...], number: int
) -> ev.ApprovalRequested | ev.QuestionAsked | ev.TaskStarted | None:
    """The first request, question or task that the call with this number has led to."""
    calls = {
        event.data.call_id
        for event in log
        if isinstance(event.data, ev.ToolStarted) and event.data.args == {"n": number}
    }
    for event in log:
        data = event.data
        if isinstance(data, ev.ApprovalRequested) and data.args == {"n": number}:
            return data
        if isinstance(data, ev.QuestionAsked | ev.TaskStarted) and data.call_id in calls:
            return data
    return None


REQUESTS: tuple[Act, ...] = (
    Act("m20", "deploy one", HOME),
    Reply("a20", "", HOME, to=20),
    Act("m21", "deploy two", HOME),
    Reply("a21", "", HOME, to=21, how="edit"),
    Act("m22", "deploy three", HOME),
    Reply("a22", "", HOME, to=22, how="no", by="dave"),
    Act("m23", "deploy four", HOME, wait=timedelta(hours=5)),
    Act("m24", "question five", HOME),
    Reply("a24", "", HOME, to=24, how="answer", by="dave"),
    Act("m25", "chore six", HOME),
    Act("m26", "errand seven", HOME),
    Act("m27", "order eight", HOME),
    Reply("a27", "", HOME, to=27, how="token"),
    Act("m28", "pay nine", HOME),
    Reply("a28", "", HOME, to=28),
    Reply("b28", "", HOME, to=28, by="dave", how="approve"),
    Act("m29", "deploy ten", HOME),
    Act("s29", "", HOME, control="stop"),
    Act("m30", "deploy eleven", HOME),
    Act("e30", "never mind", HOME, edit_of="m30"),
)


def think(body: Mapping[str, Any]) -> tuple[str, ModelAnswered]:
    """A call for the last message, if it names a tool and nothing has come of it yet."""
    *blocks, _ = (block["text"] for block in body["messages"][0]["content"])
    starts = [n for n, block in enumerate(blocks) if block.startswith(("<message", "<edited"))]
    if not starts:
        return "", reply("answer to what was before")
    last = blocks[starts[-1]]
    about = next((act.name for act in REQUESTS if act.text and act.text in last), "")
    done = any(each.startswith(("<tool_result", "<task", "<approval")) for each in blocks[starts[-1] :])
    asked = next((name for name in TOOLS if f">{name} " in last), "")
    if asked and not done:
        return about, call(asked, n=int(about[1:]))
    return about, reply(f"answer to {about}")
