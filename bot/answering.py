"""Answers to requests at the door: from a text, a button or the API to an input of the request's own thread.

One resolver for all ways in. What is judged here is judged by today's configuration; whether an answer that was let
in still counts (first, in time) is for the fold to say, and the rights are looked up again before the call starts.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import assert_never

from pydantic import JsonValue

from bot import grammar, words
from bot.codes import Keys, matches
from bot.errors import InvalidStep
from bot.events import (
    INLINE,
    Answerer,
    ApprovalAnswered,
    ApprovalRequested,
    Block,
    Decision,
    Incoming,
    MessageEdited,
    MessageReceived,
    Outgoing,
    QuestionAnswered,
    QuestionAsked,
    Refusal,
    RequestFor,
)
from bot.policy import approvers
from bot.ports import AskedRow, Clock, RequestRow, Store
from bot.rules import Rules
from bot.shown import shown
from bot.step import Calls, checked_args
from bot.thread import Thread

MOST_WRONG = 5
MOST_SHOWN = 3
MOST_REMEMBERED = 1000
MOST_COMPARED = 200  # open requests


@dataclass(frozen=True, slots=True)
class Attempt:
    """Somebody answers a request, in whichever way."""

    decision: Decision
    by: Answerer
    message: str = ""
    args: Mapping[str, JsonValue] | None = None


@dataclass(slots=True)
class _Tries:
    """Wrong codes for one request from one person on one channel: how many were stored, and which came since."""

    stored: int
    keys: set[str] = field(default_factory=set)


class Answering:
    """Finds the request that is meant and says whether this person may answer it so."""

    def __init__(
        self,
        store: Store,
        keys: Keys,
        *,
        rules: Callable[[], Rules],
        calls: Callable[[str], Calls],
        clock: Clock,
    ) -> None:
        self._store = store
        self._keys = keys
        self._rules = rules
        self._calls = calls
        self._clock = clock
        self._asked_again: dict[tuple[str, str], str] = {}
        self._tries: dict[tuple[str, str, str], _Tries] = {}

    # ------------------------------------------------------------ by text

    async def by_words(
        self, incoming: Incoming, data: MessageReceived | MessageEdited, person: str
    ) -> Sequence[Incoming]:
        """What somebody's words are instead of a message; nothing if they are one. `person` is "" for a stranger."""
        text, reading = own_words(data), _read(data)
        if reading is None:
            return ()
        by = Answerer(
            person=person, channel=incoming.channel, address=data.sender.address, proof=data.sender.proof
        )
        inputs: Sequence[Incoming] = ()
        if person and isinstance(data, MessageReceived):
            inputs = await self._decided(incoming, by, reading, text)
        codes = reading.code_like if isinstance(reading, grammar.Unclear) else (reading.code,)
        if inputs or not codes:
            return inputs
        unproven = data.sender.unproven
        return await self._misplaced(incoming, by, codes) or await self._overheard(
            incoming, by, codes, unproven
        )

    async def _decided(
        self, incoming: Incoming, by: Answerer, reading: grammar.Reading, text: str
    ) -> Sequence[Incoming]:
        """A decision of somebody who was asked here, or what may have been meant as one."""
        asked = await self._store.asked(by.person, by.channel)
        match reading:
            case grammar.Unclear():
                return await self._unclear(incoming, by, asked, text)
            case grammar.Approve(code):
                return await self._coded(incoming, asked, code, Attempt("approve", by))
            case grammar.Reject(code, reason):
                return await self._coded(incoming, asked, code, Attempt("reject", by, reason))
            case grammar.Answer(code, answer):
                return await self._coded(incoming, asked, code, Attempt("respond", by, answer))
            case _:
                assert_never(reading)

    async def _misplaced(self, incoming: Incoming, by: Answerer, codes: Sequence[str]) -> Sequence[Incoming]:
        """A code of theirs on another channel, or written into an older message: it decides nothing.

        The words are not kept, and they hear where the code counts.
        """
        someone = self._rules().people.get(by.person)
        reaches = someone.reaches if someone else ()
        for channel in dict.fromkeys((by.channel, *(reach.channel for reach in reaches))) if someone else ():
            for row in await self._store.asked(by.person, channel):
                if row.request.status == "pending" and any([self._fits(row, code) for code in codes]):
                    told = (word_to(incoming, words.misplaced(channel)),)
                    return (_input(incoming, row.request, _refused(row.request, by, "ambiguous", told)),)
        return ()

    async def _overheard(
        self, incoming: Incoming, by: Answerer, codes: Sequence[str], unproven: str
    ) -> Sequence[Incoming]:
        """A code that is somebody else's, or of somebody who could not be proved to be who they say they are.

        It is refused, on record, and the words are not kept.
        """
        said = words.unproven(unproven) if unproven else words.WRONG_CODE
        for request in await self._store.requests(limit=MOST_COMPARED):
            if any([self._is_anybodys(request, code) for code in codes]):
                told = (word_to(incoming, said),)
                return (_input(incoming, request, _refused(request, by, "unauthorised", told)),)
        return ()

    def _is_anybodys(self, request: RequestRow, code: str) -> bool:
        return any([matches(each, code) for each in self._codes(request)])

    def _codes(self, request: RequestRow) -> list[str]:
        people = self._rules().people
        ways = [
            (name, reach.channel)
            for name in request.approvers
            for reach in (people[name].reaches if name in people else ())
        ]
        return [self._keys.code(request.kind, request.id, name, channel) for name, channel in ways]

    async def without_codes(self, blocks: tuple[Block, ...]) -> tuple[Block, ...]:
        """A message without the codes of open requests, which may stand in what it quotes and are kept nowhere."""
        if not any(grammar.codes_in(block.text) for block in blocks):
            return blocks
        requests = await self._store.requests(limit=MOST_COMPARED)
        codes = {code for request in requests for code in self._codes(request)}
        return tuple([b.model_copy(update={"text": grammar.without_codes(b.text, codes)}) for b in blocks])

    def _is_new(self, by: Answerer, text: str) -> bool:
        place = (by.person, by.channel)
        before, self._asked_again[place] = self._asked_again.get(place), text
        return text != before

    async def _unclear(
        self, incoming: Incoming, by: Answerer, asked: Sequence[AskedRow], text: str
    ) -> Sequence[Incoming]:
        """Asked once more, where nobody else reads along and something is open."""
        waiting = [row.request for row in asked if row.request.status == "pending"]
        if not incoming.direct or not waiting:
            return ()
        again: tuple[Outgoing, ...] = ()
        if self._is_new(by, text):  # the same words again may be an automatic answer: it gets none of ours
            again = tuple([await self._again(incoming, row, by.person) for row in waiting[:MOST_SHOWN]])
        return (_input(incoming, waiting[0], _refused(waiting[0], by, "ambiguous", again)),)

    async def _coded(
        self, incoming: Incoming, asked: Sequence[AskedRow], code: str, attempt: Attempt
    ) -> Sequence[Incoming]:
        """Every code of theirs is compared, so that the time taken tells nothing."""
        meant = [row for row in asked if self._fits(row, code)]
        still_open = [row for row in meant if row.request.status == "pending"]
        if len(still_open) == 1:
            return (await self._meant(incoming, still_open[0], attempt),)
        if meant and not still_open:
            return (
                _input(incoming, meant[0].request, _late(meant[0].request, attempt.by, word_to(incoming))),
            )
        if attempt.decision == "respond":
            return ()  # "HP4427 is out of toner" begins with what only looks like a code
        return self._wrong_code(incoming, asked, attempt.by)

    def _fits(self, row: AskedRow, code: str) -> bool:
        return matches(self._keys.code(row.request.kind, row.request.id, row.person, row.channel), code)

    async def _meant(self, incoming: Incoming, row: AskedRow, attempt: Attempt) -> Incoming:
        request = row.request
        if self._wrong(row) >= MOST_WRONG:
            tool = await self._subject(request)
            told = (word_to(incoming, words.locked(tool)),)
            return _input(incoming, request, _refused(request, attempt.by, "locked", told))
        if (request.kind == "approval") is (attempt.decision == "respond"):
            # "CODE text" answers a question, OK and NO a request for a yes. To the other they may mean anything.
            again = (word_to(incoming, words.NOT_HERE),)
            if incoming.direct:
                again = (await self._again(incoming, request, attempt.by.person),)
            return _input(incoming, request, _refused(request, attempt.by, "ambiguous", again))
        return _input(incoming, request, await self.judged(request, attempt, word_to(incoming)))

    def _wrong_code(self, incoming: Incoming, asked: Sequence[AskedRow], by: Answerer) -> Sequence[Incoming]:
        """A wrong try for each open request that could have been meant; at the fifth an operator hears of it."""
        waiting = [row for row in asked if row.request.status == "pending" and row.request.kind == "approval"]
        waiting.sort(key=lambda row: (row.request.asked_at, row.request.id))
        inputs = []
        for number, row in enumerate(waiting):
            said: tuple[Outgoing, ...] = ()
            if number == 0:
                said = (word_to(incoming, words.WRONG_CODE),)
            if self._count_wrong(row, incoming.dedupe) == MOST_WRONG:
                said = (*said, *self._alarm(by, row.request))
            data = _refused(row.request, by, "wrong_code", said)
            inputs.append(_input(incoming, row.request, data, number=number))
        return tuple(inputs)

    def _wrong(self, row: AskedRow) -> int:
        """How many wrong codes there were, those on their way to the disk included: many may come at once."""
        tries = self._tries.get((row.request.id, row.person, row.channel))
        return max(row.wrong, tries.stored + len(tries.keys)) if tries else row.wrong

    def _count_wrong(self, row: AskedRow, dedupe: str | None) -> int:
        """How many that makes with this one; 0 if it was counted before."""
        place = (row.request.id, row.person, row.channel)
        tries = self._tries.setdefault(place, _Tries(row.wrong))
        if len(self._tries) > MOST_REMEMBERED:
            del self._tries[next(iter(self._tries))]
        key = dedupe or f"#{len(tries.keys)}"
        if key in tries.keys:
            return 0
        tries.keys.add(key)
        return self._wrong(row)

    def _alarm(self, by: Answerer, request: RequestRow) -> tuple[Outgoing, ...]:
        operator = self._rules().operator
        if operator is None:
            return ()
        text = words.operator_locked(by.person, by.channel, f"the request {request.id}")
        link = self._rules().link(request.thread_id)
        return (operator.model_copy(update={"text": text, "kind": "notice", "link": link}),)

    async def _again(self, incoming: Incoming, request: RequestRow, person: str) -> Outgoing:
        """The request once more, with the exact call, so that no code is taken for another's.

        The code is added when it is sent.
        """
        events = await self._store.events_at(request.thread_id, [request.seq])
        asks = RequestFor(kind=request.kind, id=request.id, person=person)
        what = "a request"
        match events[0].data if events else None:
            case ApprovalRequested() as asked:
                what = shown(asked.tool, asked.args)
            case QuestionAsked() as asked:
                what, asks = asked.text, asks.model_copy(update={"options": asked.options})
            case _:
                pass
        text = words.unclear(what, request.requester)
        return word_to(incoming).model_copy(update={"text": text, "request": asks})

    async def _subject(self, request: RequestRow) -> str:
        events = await self._store.events_at(request.thread_id, [request.seq])
        data = events[0].data if events else None
        return data.tool if isinstance(data, ApprovalRequested) else "this request"

    # ------------------------------------------------------------ by button

    async def by_button(
        self, incoming: Incoming, data: ApprovalAnswered | QuestionAnswered, person: str
    ) -> Incoming | None:
        """The input that a pressed button is; None if its handle belongs to no request of ours."""
        kind = "approval" if isinstance(data, ApprovalAnswered) else "question"
        handle = data.approval_id if isinstance(data, ApprovalAnswered) else data.question_id
        proven = self._keys.check_handle(handle, kind, person) if person else None
        request = await self._store.request(proven or handle.partition(".")[0])
        if request is None or request.kind != kind:
            return None
        by = data.by.model_copy(update={"person": person})
        reply = word_to(incoming)
        if proven is None:
            told = _maybe(reply, words.NOT_YOURS)
            return _input(incoming, request, _refused(request, by, "unauthorised", told))
        if isinstance(data, QuestionAnswered):
            return _input(
                incoming, request, await self._question(request, by, data.option or data.text, reply)
            )
        if data.decision is None:
            return None
        attempt = Attempt(data.decision, by, data.message, data.edited_args)
        return _input(incoming, request, await self.judged(request, attempt, reply))

    # ------------------------------------------------------------ the judgment

    async def judged(
        self, request: RequestRow, attempt: Attempt, reply: Outgoing | None = None
    ) -> ApprovalAnswered | QuestionAnswered:
        """The answer as data, let in or refused; `reply` is where to tell whoever gave it."""
        if request.kind == "question":
            return await self._question(request, attempt.by, attempt.message, reply)
        if request.status != "pending" or self._clock() >= request.expires_at:
            return _late(request, attempt.by, reply)
        events = await self._store.events_at(request.thread_id, [request.seq])
        asked = events[0].data if events else None
        if not isinstance(asked, ApprovalRequested):
            return _refused(request, attempt.by, "unauthorised", _maybe(reply, words.NOT_YOURS))
        if refusal := await self._may_not(request, asked, attempt.by):
            said = words.OWN_REQUEST if refusal == "own_request" else words.NOT_YOURS
            return _refused(request, attempt.by, refusal, _maybe(reply, said))
        args = attempt.args
        if attempt.decision == "edit":
            try:
                args = await self._edited(request, asked, attempt.args or {})
            except InvalidStep as error:
                said = words.invalid_edit(str(error))
                return _refused(request, attempt.by, "invalid_args", _maybe(reply, said), message=said)
        return ApprovalAnswered(
            approval_id=request.id,
            decision=attempt.decision,
            edited_args=dict(args) if attempt.decision == "edit" and args is not None else None,
            message=attempt.message,
            by=attempt.by,
            outgoing=_maybe(reply, words.noted(asked.quorum)) if asked.quorum > 1 else (),
        )

    async def _may_not(self, request: RequestRow, asked: ApprovalRequested, by: Answerer) -> Refusal | None:
        """By today's rules: nobody who is not listed, and not the requester where that is separated."""
        row = await self._store.thread(request.thread_id)
        if row is None or by.person not in request.approvers or by.proof in ("claimed", "none"):
            return "unauthorised"
        rules = self._rules()
        agent = rules.agents.get(row.agent)
        rule = agent.rule(asked.tool, asked.args) if agent else None
        if rule is None:
            return "unauthorised"
        separated = rule.separation_of_duties or asked.separation_of_duties
        if separated and by.person == asked.person:
            return "own_request"
        place = Thread(request.thread_id, channel=row.channel)
        entitled = approvers(rule, place, asked.person, rules, level=len(rule.levels))
        return None if by.person in entitled and rules.may_carry(by.channel, rule.risk) else "unauthorised"

    async def _edited(
        self, request: RequestRow, asked: ApprovalRequested, args: Mapping[str, JsonValue]
    ) -> dict[str, JsonValue]:
        if asked.quorum > 1:
            raise InvalidStep("several people have to agree on it; reject it and say what to change")
        row = await self._store.thread(request.thread_id)
        model = self._calls(row.agent).get(asked.tool) if row else None
        if model is None:
            raise InvalidStep(f"the tool {asked.tool} is no longer offered")
        return checked_args(model, args)

    async def _question(
        self, request: RequestRow, by: Answerer, text: str, reply: Outgoing | None
    ) -> QuestionAnswered:
        if request.status != "pending" or self._clock() >= request.expires_at:
            return _late_answer(request, by, reply)
        if by.person not in request.approvers or by.proof in ("claimed", "none"):
            told = _maybe(reply, words.NOT_YOURS)
            return QuestionAnswered(question_id=request.id, by=by, refused="unauthorised", outgoing=told)
        events = await self._store.events_at(request.thread_id, [request.seq])
        asked = events[0].data if events else None
        options = asked.options if isinstance(asked, QuestionAsked) else ()
        if options and text.strip().isdigit() and not chosen(text, options):
            told = _maybe(reply, words.no_such_option(len(options)))
            return QuestionAnswered(question_id=request.id, by=by, refused="ambiguous", outgoing=told)
        return QuestionAnswered(question_id=request.id, text=text, option=chosen(text, options), by=by)


def chosen(text: str, options: Sequence[str]) -> str:
    """The option that an answer names, by its number or in its own words; "" if it is none."""
    plain = text.strip().rstrip(".").casefold()
    if plain.isascii() and plain.isdigit() and 1 <= int(plain[:4]) <= len(options):
        return options[int(plain[:4]) - 1]
    return next((option for option in options if option.casefold() == plain), "")


# ---------------------------------------------------------------- inputs and replies


def _input(
    incoming: Incoming, request: RequestRow, data: ApprovalAnswered | QuestionAnswered, *, number: int = 0
) -> Incoming:
    """An input of the request's thread; redelivered it is the same one."""
    key = incoming.dedupe
    return replace(
        incoming,
        data=data,
        thread_id=request.thread_id,
        conversation="",
        destination="",
        dedupe=f"{key}#{request.id}" if key and number else key,
        raw=b"",  # what came in may hold a code, and those are kept nowhere
        correlation=request.id,
    )


def _refused(
    request: RequestRow, by: Answerer, why: Refusal, outgoing: tuple[Outgoing, ...], *, message: str = ""
) -> ApprovalAnswered | QuestionAnswered:
    if request.kind == "question":
        return QuestionAnswered(question_id=request.id, by=by, refused=why, outgoing=outgoing)
    return ApprovalAnswered(approval_id=request.id, by=by, refused=why, message=message, outgoing=outgoing)


def _late_answer(request: RequestRow, by: Answerer, reply: Outgoing | None) -> QuestionAnswered:
    status = "expired" if request.status == "pending" else request.status
    told = _maybe(reply, words.question_over(status))
    return QuestionAnswered(question_id=request.id, by=by, refused="late", outgoing=told)


def _late(request: RequestRow, by: Answerer, reply: Outgoing | None) -> ApprovalAnswered | QuestionAnswered:
    if request.kind == "question":
        return _late_answer(request, by, reply)
    said = late_words(request)
    return ApprovalAnswered(
        approval_id=request.id, by=by, refused="late", message=said, outgoing=_maybe(reply, said)
    )


def late_words(request: RequestRow) -> str:
    """What became of a request that is not open any more."""
    if request.status == "pending":
        return words.ended_before("expired", (), request.expires_at)
    return words.ended_before(request.status, request.decided_by, request.decided_at or request.expires_at)


def _read(data: MessageReceived | MessageEdited) -> grammar.Reading | None:
    """What decides stands above all quotes; a code between or below them was perhaps meant to."""
    reading = grammar.read(own_words(data))
    codes = [code for line in _between_quotes(data) for code in grammar.codes_in(line)]
    if reading is None and codes:
        return grammar.Unclear(tuple(dict.fromkeys(codes)))
    return reading


def _between_quotes(data: MessageReceived | MessageEdited) -> list[str]:
    lines = [line for b in data.blocks if b.name == INLINE for line in b.text.split("\n")]
    return [line for line in lines if not line.startswith(">")]


def own_words(data: MessageReceived | MessageEdited) -> str:
    """What the sender wrote themselves, without what they quote, attach or give as a title (a mail's subject)."""
    return "\n".join(b.text for b in data.blocks if b.source == "person" and b.kind == "text" and not b.name)


def word_to(incoming: Incoming, text: str = "") -> Outgoing:
    """A word to whoever wrote, where they wrote."""
    return Outgoing(
        text=text,
        kind="notice",
        channel=incoming.channel,
        account=incoming.account,
        destination=incoming.destination,
    )


def _maybe(reply: Outgoing | None, text: str) -> tuple[Outgoing, ...]:
    return (reply.model_copy(update={"text": text}),) if reply and reply.destination else ()
