"""How turns end, and who hears of it: replies, notices to approvers and operators, parked threads."""

from collections.abc import Iterable

from bot import words
from bot.events import Draft, Outcome, Outgoing, ThreadParked, TurnEnded
from bot.rules import Rules
from bot.thread import Run, Thread, Turn


def end(
    thread: Thread,
    turn: Turn,
    rules: Rules,
    outcome: Outcome,
    reply: str,
    *,
    reason: str = "",
    notices: tuple[Outgoing, ...] = (),
) -> Draft:
    run = thread.runs.get(turn.run, Run())
    outgoing = (*reply_to(thread, rules, reply), *to_approvers(thread, turn, reply, rules), *notices)
    ended = TurnEnded(outcome=outcome, reply=reply, reason=reason, steps=run.steps, outgoing=outgoing)
    return Draft(ended, run=turn.run)


def reply_to(
    thread: Thread, rules: Rules, text: str, by: str | None = None, person: str = ""
) -> tuple[Outgoing, ...]:
    """What the requester reads: whoever the open turn is for, or `by` (channel:address), who is this `person`."""
    if by is None and thread.turn is not None:
        by, person = thread.turn.by, thread.turn.person
    places = reply_places(thread, rules, by or "", person) if text else ()
    return tuple(
        Outgoing(
            text=text,
            channel=channel,
            account=account,
            destination=destination,
            link=rules.link(thread.id),
        )
        for channel, account, destination in places
        if destination
    )


Place = tuple[str, str, str]
"""Channel, account and destination."""


def reply_places(thread: Thread, rules: Rules, by: str, person: str) -> tuple[Place, ...]:
    """Where a reply goes: to the place that all of the thread read, or to whoever wrote, on channels like mail.

    Who answers by mail to something that a thread of another channel has sent is heard there; a person of the
    configuration reads the reply too, somebody else does not read what is said in that thread.
    """
    own = (thread.channel, thread.account, thread.destination)
    channel, _, address = by.partition(":")
    account = rules.accounts.get(channel, "")
    if not (channel in rules.answers_sender and address and account):
        return (own,)
    theirs = (channel, account, address)
    if channel == thread.channel:
        return (theirs,)
    return (own, theirs) if person else (own,)


def to_approvers(thread: Thread, turn: Turn, reply: str, rules: Rules) -> tuple[Outgoing, ...]:
    """How it went, in brief, for those who decided and do not read it here anyway."""
    others = [name for name in turn.approvers if name != turn.person]
    if not others or not reply:
        return ()
    return told(others, words.how_it_went(turn.person or turn.by, reply), thread, rules)


def told(names: Iterable[str], text: str, thread: Thread, rules: Rules) -> tuple[Outgoing, ...]:
    """A notice to each of these people, where they are reached first."""
    people = (rules.people.get(name) for name in dict.fromkeys(names))
    firsts = (someone.reaches[0] for someone in people if someone and someone.reaches)
    return tuple(
        Outgoing(
            text=text,
            kind="notice",
            channel=reach.channel,
            account=reach.account,
            destination=reach.destination,
            link=rules.link(thread.id),
        )
        for reach in firsts
    )


def to_operator(thread: Thread, rules: Rules, text: str) -> tuple[Outgoing, ...]:
    if rules.operator is None:
        return ()
    return (
        rules.operator.model_copy(update={"text": text, "kind": "notice", "link": rules.link(thread.id)}),
    )


def parked(thread: Thread, reason: str, rules: Rules, *, tries: int = 0, reply: str = "") -> Draft:
    """The event that parks a thread, tells an operator and, with a `reply`, the requester."""
    told = to_operator(thread, rules, words.operator_parked(thread.id, reason))
    return Draft(ThreadParked(reason=reason, tries=tries, outgoing=(*reply_to(thread, rules, reply), *told)))


def give_up(thread: Thread, reason: str, rules: Rules) -> tuple[Draft, ...]:
    """What an error of our own leaves behind: a turn that ended as failed, a parked thread, people who know."""
    turn = thread.turn
    if turn is None:
        return (parked(thread, reason, rules, reply=words.OUR_FAULT),)
    ended = end(thread, turn, rules, "failed", words.OUR_FAULT, reason=words.TURN_LOST)
    return (ended, parked(thread, reason, rules))
