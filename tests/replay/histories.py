"""Random histories of one thread: anything that people, models, tools and time can do, in any order."""

from datetime import timedelta
from random import Random

from bot import events as ev
from bot.thread import Calling
from tests.replay.purebot import PureBot, finished, step

ALPHABET = "abc <>&\"'\n\t\\\0\x01\u202e\u200fäé漢😀/="
NAMES = ("", "ann", '"><b>', "x" * 300, "😀" * 250, "'&\"" * 80)
ACTIONS: tuple[ev.ControlAction, ...] = (
    "stop",
    "pause",
    "resume",
    "resume",
    "take_over",
    "hand_back",
    "resume",
)
FAILURES: tuple[ev.FailureKind, ...] = ("unavailable", "too_large", "invalid", "refusal", "budget")


def text(r: Random) -> str:
    """Often short, sometimes much longer than what a prompt shows."""
    piece = "".join(r.choices(ALPHABET, k=r.randint(0, 12)))
    return piece * r.choice((1, 1, 1, 1, 8, 60, 900))


def blocks(r: Random) -> tuple[ev.Block, ...]:
    sources: tuple[ev.Source, ...] = ("person", "stranger", "quoted", "attachment")
    return tuple(
        ev.Block(
            source=r.choice(sources), kind=r.choice(("text", "file")), text=text(r), name=r.choice(NAMES)
        )
        for _ in range(r.choice((1, 1, 1, 0, 2, 5)))
    )


def an_input(r: Random, number: int) -> ev.AnyInput:
    sender = ev.Sender(channel="fake", address=r.choice(("U1", "U2")), proof="provider")
    place = f"p{r.randint(0, 9)}"
    match r.random():
        case x if x < 0.55:
            return ev.MessageReceived(
                place=f"p{number}", blocks=blocks(r), sender=sender, display=r.choice(NAMES)[:200],
                person=r.choice((None, None, "ann")),
            )  # fmt: skip
        case x if x < 0.7:
            return ev.MessageEdited(
                place=place, edited_at=str(r.randint(1, 99)), blocks=blocks(r), sender=sender
            )
        case x if x < 0.78:
            return ev.MessageDeleted(place=place, sender=sender)
        case x if x < 0.94:
            return ev.ControlRequested(action=r.choice(ACTIONS), by="U1")
        case _:
            return ev.FeedbackReceived(rating=r.randint(1, 5), comment=text(r))


def an_answer(r: Random) -> ev.ModelAnswered:
    match r.random():
        case x if x < 0.12:
            failure = ev.Failure(kind=r.choice(FAILURES), message=text(r)[:300], retryable=r.random() < 0.8)
            return ev.ModelAnswered(failure=failure)
        case x if x < 0.55:
            return step(r.choice(("reply", "reply", "need_clarification", "task_complete")), text(r))
        case x if x < 0.58:
            return step("escalate", text(r))
        case _:
            tool = r.choice(("look", "look", "put", "job", "remind", "deploy", "unheard_of"))
            return step("call_tool", text(r)[:20], tool, value=r.choice((r.randint(0, 2), text(r))))


def a_result(r: Random, bot: PureBot, calling: Calling) -> list[ev.AnyData]:
    if calling.effect == "stored":
        due = bot.now + timedelta(seconds=r.randint(1, 5000))
        timer = ev.TimerSet(
            timer_id=f"{calling.call_id}.t1", due_at=due, purpose="remind", text=text(r)[:1000]
        )
        return [finished(calling, "ok", "will do", then="finish"), timer]
    statuses: tuple[ev.ToolStatus, ...] = ("ok", "ok", "ok", "failed", "failed", "unknown")
    return [finished(calling, r.choice(statuses), text(r)[:4000], retryable=r.random() < 0.9)]


def live(r: Random, bot: PureBot, *, moves: int) -> PureBot:
    """Anything, so many times; whoever holds the thread mostly lets go of it again."""
    for number in range(moves):
        match r.random():
            case x if x < 0.45:
                bot.arrives(an_input(r, number))
            case x if x < 0.85:
                bot.goes_on(lambda: an_answer(r), lambda calling: a_result(r, bot, calling))
            case x if x < 0.9:
                bot.announces()
            case _:
                bot.passes(r.choice((1, 10, 400, 4000)))
        if bot.thread.status in ("paused", "with_person", "parked") and r.random() < 0.7:
            bot.arrives(ev.ControlRequested(action="resume", by="U1"))
    return bot
