"""Asks a person: where they are reached, what they read, and how they may answer. Pure."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from bot import words
from bot.codes import Keys
from bot.events import Draft, Outgoing, RequestFor, outgoing_of
from bot.rules import Reach, Rules, Someone
from bot.thread import Thread

ANY_CODE = "7K3PWX"  # stands for one where only the length matters
PHONES = frozenset({"sms"})
"""Channels that make a noise at night."""


def ask(
    names: Iterable[str],
    text: str,
    request: RequestFor,
    thread: Thread,
    rules: Rules,
    now: datetime,
    *,
    until: datetime | None = None,
) -> tuple[tuple[Outgoing, ...], tuple[str, ...]]:
    """One message to each of these people, and who they are.

    Nobody who cannot be shown the whole text, or whose phone stays silent `until` it would be too late.
    """
    outgoing = []
    for name in names:
        someone = rules.people.get(name)
        reach = _where(someone, text, request, rules, now) if someone else None
        if someone is not None and reach is not None:
            message = _to(someone, reach, text, request, rules.link(thread.id), now)
            if until is None or message.not_before is None or message.not_before < until:
                outgoing.append(message)
    return tuple(outgoing), tuple(each.request.person for each in outgoing if each.request)


def elsewhere(message: Outgoing, rules: Rules, now: datetime) -> Outgoing | None:
    """The same request to the same person on a channel that was not tried yet; None if there is none."""
    request = message.request
    someone = rules.people.get(request.person) if request else None
    if request is None or someone is None:
        return None
    request = request.model_copy(update={"tried": (*request.tried, message.channel)})
    left = (reach for reach in someone.reaches if reach.channel not in request.tried)
    reach = next((each for each in left if _shows(each, message.text, request, rules)), None)
    return None if reach is None else _to(someone, reach, message.text, request, message.link, now)


def with_code(keys: Keys, message: Outgoing) -> Outgoing:
    """A request as it is sent: with the code to answer by text and the handle of its buttons, stored nowhere."""
    request = message.request
    if request is None:
        return message
    code = keys.code(request.kind, request.id, request.person, message.channel)
    handle = keys.handle(request.kind, request.id, request.person)
    filled = request.model_copy(update={"code": code, "handle": handle})
    return message.model_copy(update={"text": _whole(message.text, filled), "request": filled})


def by_night(drafts: Iterable[Draft], rules: Rules, now: datetime) -> tuple[Draft, ...]:
    """The same, but what is only told to somebody wakes nobody: it goes where it makes no noise, or waits."""
    return tuple(_hushed(draft, rules, now) for draft in drafts)


def _hushed(draft: Draft, rules: Rules, now: datetime) -> Draft:
    outgoing = outgoing_of(draft.data)
    hushed = tuple(_told_by_night(message, rules, now) for message in outgoing)
    return (
        draft
        if hushed == outgoing
        else replace(draft, data=draft.data.model_copy(update={"outgoing": hushed}))
    )


def _told_by_night(message: Outgoing, rules: Rules, now: datetime) -> Outgoing:
    if message.kind != "notice" or message.request or message.not_before or message.channel not in PHONES:
        return message
    to = (message.channel, message.destination)
    someone = next(
        (each for each in rules.people.values() if to in {(r.channel, r.destination) for r in each.reaches}),
        None,
    )
    until = someone.quiet.until(now, someone.timezone) if someone and someone.quiet else None
    if someone is None or until is None:
        return message
    silent = next((reach for reach in someone.reaches if reach.channel not in PHONES), None)
    if silent is None:
        return message.model_copy(update={"not_before": until})
    return message.model_copy(
        update={"channel": silent.channel, "account": silent.account, "destination": silent.destination}
    )


def _where(someone: Someone, text: str, request: RequestFor, rules: Rules, now: datetime) -> Reach | None:
    """The first of a person's addresses that can show it; at night rather one that makes no noise."""
    fitting = [reach for reach in someone.reaches if _shows(reach, text, request, rules)]
    if someone.quiet and someone.quiet.until(now, someone.timezone):
        silent = [reach for reach in fitting if reach.channel not in PHONES]
        fitting = silent or fitting
    return fitting[0] if fitting else None


def _shows(reach: Reach, text: str, request: RequestFor, rules: Rules) -> bool:
    whole = _whole(text, request.model_copy(update={"code": ANY_CODE}))
    return rules.may_carry(reach.channel, request.risk) and reach.fits(whole)


def _whole(text: str, request: RequestFor) -> str:
    return f"{text}\n{words.how_to_answer(request)}"


def _to(someone: Someone, reach: Reach, text: str, request: RequestFor, link: str, now: datetime) -> Outgoing:
    until = someone.quiet.until(now, someone.timezone) if someone.quiet and reach.channel in PHONES else None
    return Outgoing(
        text=text,
        kind="notice",
        channel=reach.channel,
        account=reach.account,
        destination=reach.destination,
        link=link,
        request=request.model_copy(update={"person": someone.name}),
        not_before=until,
    )
