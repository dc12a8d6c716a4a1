"""Only the right person, as who they are, where they are known, decides (F6.6, F6.7, A04, A05)."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from bot.answering import Attempt
from bot.events import (
    Answerer,
    ApprovalAnswered,
    ApprovalResolved,
    Block,
    Incoming,
    MessageReceived,
    Proof,
    Sender,
)
from bot.ports import RequestRow
from bot.testing import ANN, BOB, CAROL, DAVE, EVERYBODY, Bot, Known
from tests.approvals.kit import (
    WAYS,
    WITH_ARGS,
    ask,
    asks_once,
    by_api,
    by_button,
    by_text,
    found,
    opened,
    row_of,
    sent_to,
)

Attack = Callable[[Bot, RequestRow], Awaitable[object]]


async def pressed(
    bot: Bot,
    handle: str,
    *,
    channel: str = "phone",
    address: str = "+3",
    account: str = "A2",
    proof: Proof = "provider",
) -> object:
    """Whatever a button may carry, from whoever may press it."""
    by = Answerer(channel=channel, address=address, proof=proof)
    data = ApprovalAnswered(approval_id=handle, decision="approve", by=by)
    return await bot.inbox.receive(Incoming(data, channel=channel, account=account, destination=address))


async def texted(
    bot: Bot,
    text: str,
    *,
    channel: str = "phone",
    address: str = "+3",
    proof: Proof = "provider",
    source: str = "person",
) -> object:
    block = Block(source=source, text=text)  # type: ignore[arg-type]
    sender = Sender(channel=channel, address=address, proof=proof)
    data = MessageReceived(place=f"{channel}{address}{text}{source}", blocks=(block,), sender=sender)
    account = "A2" if channel == "phone" else "A1"
    return await bot.inbox.receive(
        Incoming(
            data, channel=channel, account=account, conversation=address, destination=address, direct=True
        )
    )


async def called(bot: Bot, row: RequestRow, person: str, proof: Proof) -> object:
    by = Answerer(person=person, channel="api", address=person, proof=proof)
    data = await bot.answering.judged(await row_of(bot, row.id), Attempt("approve", by))
    return await bot.inbox.receive(
        Incoming(data, channel="api", thread_id=row.thread_id, correlation=row.id, actor="api:x")
    )


def handle(bot: Bot, row: RequestRow, name: str) -> str:
    return bot.keys.handle("approval", row.id, name)


def code(bot: Bot, row: RequestRow, name: str = "carol", channel: str = "phone") -> str:
    return bot.code(row.id, name, channel=channel)


ON_RECORD: dict[str, Attack] = {
    "a member who may not, by the API": lambda bot, row: by_api(bot, "bob", row),
    "a member who may not, by a button of their own": lambda bot, row: by_button(bot, "bob", row),
    "a member with the handle of somebody who may": lambda bot, row: pressed(
        bot, handle(bot, row, "carol"), address="+2"
    ),
    "somebody who may with the handle of another": lambda bot, row: pressed(bot, handle(bot, row, "dave")),
    "a stranger with the right handle": lambda bot, row: pressed(bot, handle(bot, row, "carol"), address="+99"),
    "the right address on another channel": lambda bot, row: pressed(bot, handle(bot, row, "carol"), channel="fake"),
    "the same user id in another team": lambda bot, row: pressed(
        bot, handle(bot, row, "carol"), channel="fake", address="T2/U3", account="A1"
    ),
    "a sender who only claims to be it": lambda bot, row: pressed(bot, handle(bot, row, "carol"), proof="claimed"),
    "a sender without any proof": lambda bot, row: pressed(bot, handle(bot, row, "carol"), proof="none"),
    "a forged handle": lambda bot, row: pressed(bot, f"{row.id}.{'0' * 32}"),
    "a handle cut short": lambda bot, row: pressed(bot, handle(bot, row, "carol")[:-1]),
    "a handle in other letters": lambda bot, row: pressed(
        bot, handle(bot, row, "carol").upper().replace(row.id.upper(), row.id)
    ),
    "the id alone": lambda bot, row: pressed(bot, row.id),
    "the id with a dot": lambda bot, row: pressed(bot, f"{row.id}."),
    "a handle with something more": lambda bot, row: pressed(bot, handle(bot, row, "carol") + "\u0000"),
    "a service, which claims to be a person": lambda bot, row: called(bot, row, "carol", "claimed"),
    "nobody at all": lambda bot, row: called(bot, row, "", "token"),
    "a person who does not exist": lambda bot, row: called(bot, row, "eve", "token"),
    "the requester, who may not": lambda bot, row: called(bot, row, "ann", "token"),
    "a question's handle": lambda bot, row: pressed(bot, bot.keys.handle("question", row.id, "carol")),
    "the right code from somebody else who may": lambda bot, row: texted(bot, f"OK {code(bot, row)}", address="+4"),
    "the code of another channel": lambda bot, row: texted(bot, f"OK {code(bot, row, channel='fake')}"),
    "a code for another kind of request": lambda bot, row: texted(
        bot, f"OK {bot.keys.code('question', row.id, 'carol', 'phone')}"
    ),
    "the code of another person": lambda bot, row: texted(bot, f"OK {code(bot, row, 'dave')}"),
}  # fmt: skip

NOTHING_OF_OURS: dict[str, Attack] = {
    "the handle of no request": lambda bot, row: pressed(bot, bot.keys.handle("approval", "0" * 16, "carol")),
    "an empty handle": lambda bot, row: pressed(bot, ""),
    "a dot": lambda bot, row: pressed(bot, "."),
    "a very long handle": lambda bot, row: pressed(bot, "x" * 100_000),
    "SQL": lambda bot, row: pressed(bot, "' OR 1=1 --.x"),
    "half a character": lambda bot, row: pressed(bot, "\ufffd.\ufffd"),
    "the right code from a member": lambda bot, row: texted(bot, f"OK {code(bot, row)}", address="+2"),
    "the right code from a stranger": lambda bot, row: texted(bot, f"OK {code(bot, row)}", address="+99"),
    "the right code from a claimed sender": lambda bot, row: texted(bot, f"OK {code(bot, row)}", proof="claimed"),
    "the right code from a sender without proof": lambda bot, row: texted(bot, f"OK {code(bot, row)}", proof="none"),
    "the right code on another channel": lambda bot, row: texted(
        bot, f"OK {code(bot, row)}", channel="fake", address="U3"
    ),
    "the right code, quoted": lambda bot, row: texted(bot, f"OK {code(bot, row)}", source="quoted"),
    "the right code, forwarded": lambda bot, row: texted(bot, f"OK {code(bot, row)}", source="attachment"),
    "the right code, a stranger's words": lambda bot, row: texted(bot, f"OK {code(bot, row)}", source="stranger"),
}  # fmt: skip

UNCLEAR: dict[str, Callable[[str], str]] = {
    "quoted with >": lambda code: f"> OK {code}",
    "an answer over a quote": lambda code: f"no way\n> OK {code}",
    "forwarded": lambda code: f"Fwd: please answer\nOK {code}",
    "with a signature": lambda code: f"OK {code}\n-- \nCarol",
    "twice": lambda code: f"OK {code} OK {code}",
    "with another": lambda code: f"OK {code} and OK 7K3PWX",
    "somebody told me": lambda code: f"Bob says OK {code}",
}


@pytest.mark.parametrize("attack", ON_RECORD)
async def test_it_is_refused_and_on_record_and_still_open(tmp_path: Path, attack: str) -> None:
    async with opened(tmp_path) as it:
        row = await ask(it.bot)

        await ON_RECORD[attack](it.bot, row)
        await it.bot.settle()
        refused = await found(it.bot, row.thread_id, ApprovalAnswered)
        still = (await row_of(it.bot, row.id)).status
        await by_text(it.bot, "carol", row)
        await it.bot.settle()

        assert [bool(answer.refused) for answer in refused] == [True]
        assert still == "pending"
        assert it.deploys.ran == [("staging", "v1")]
        (resolved,) = await found(it.bot, row.thread_id, ApprovalResolved)
        assert resolved.by == ("carol",)


@pytest.mark.parametrize("attack", NOTHING_OF_OURS)
async def test_it_is_no_answer_at_all(tmp_path: Path, attack: str) -> None:
    async with opened(tmp_path, script=asks_once) as it:
        row = await ask(it.bot)

        await NOTHING_OF_OURS[attack](it.bot, row)
        await it.bot.settle()

        assert it.deploys.ran == []
        assert (await row_of(it.bot, row.id)).status == "pending"


@pytest.mark.parametrize("text", UNCLEAR)
async def test_the_right_code_among_other_words_decides_nothing(tmp_path: Path, text: str) -> None:
    async with opened(tmp_path) as it:
        row = await ask(it.bot)

        await it.bot.text("carol", UNCLEAR[text](it.bot.code(row.id, "carol")))
        await it.bot.settle()

        assert it.deploys.ran == []
        (answer,) = await found(it.bot, row.thread_id, ApprovalAnswered)
        assert answer.refused == "ambiguous"


async def test_the_code_of_one_request_does_not_decide_another(tmp_path: Path) -> None:
    async with opened(tmp_path, script=asks_once) as it:
        first = await ask(it.bot, conversation="c1")
        second = await ask(it.bot, conversation="c2")

        await by_text(it.bot, "carol", second)
        await it.bot.settle()

        assert [row.id for row in await it.bot.open_requests()] == [first.id]


async def test_a_refusal_says_nothing_about_the_request(tmp_path: Path) -> None:
    async with opened(tmp_path) as it:
        row = await ask(it.bot)

        await by_button(it.bot, "bob", row)
        await it.bot.settle()

        assert sent_to(it.bot, "+2") == [
            "This is not yours to decide. The request is still open, and your attempt is on record."
        ]


# ---------------------------------------------------------------- nobody


@pytest.mark.parametrize(
    "approvers", [(), ("eve",), ("approver",), ("",)], ids=["empty", "unknown", "a role", "no name"]
)
async def test_where_nobody_is_named_nobody_may(tmp_path: Path, approvers: tuple[str, ...]) -> None:
    async with opened(tmp_path, approvers=approvers) as it:
        await it.bot.say("deploy v1 to staging")
        await it.bot.settle()

        assert it.deploys.ran == []
        assert await it.bot.open_requests() == []
        assert it.bot.phone.sent == []
        assert "names nobody who may give it" in str(it.bot.model.requests[-1]["messages"])


@pytest.mark.parametrize("way", WAYS)
async def test_an_ex_member_decides_nothing(tmp_path: Path, way: str) -> None:
    people = [ANN, BOB, CAROL, DAVE]
    async with opened(tmp_path, people=people) as it:
        row = await ask(it.bot)
        people.remove(CAROL)
        del it.live.people["carol"]

        await WAYS[way](it.bot, "carol", row)
        await it.bot.settle()

        assert it.deploys.ran == []
        assert (await row_of(it.bot, row.id)).status == "pending"


# ---------------------------------------------------------------- two pairs of eyes

ANN_TOO = (Known("ann", {"phone": "+1", "fake": "U1"}, frozenset({"approver"})), *EVERYBODY[1:])


@pytest.mark.parametrize("way", WITH_ARGS)
async def test_the_requester_does_not_decide_where_that_is_separated(tmp_path: Path, way: str) -> None:
    async with opened(tmp_path, people=ANN_TOO, separation_of_duties=True, approvers=("ann", "carol")) as it:
        row = await ask(it.bot)

        await WITH_ARGS[way](it.bot, "ann", row, **({"channel": "fake"} if way == "button" else {}))
        await it.bot.settle()

        assert it.deploys.ran == []
        (refused,) = await found(it.bot, row.thread_id, ApprovalAnswered)
        assert refused.refused in ("own_request", "unauthorised")
        assert sent_to(it.bot, "U1")[-1:] != ["It is deployed."]
        assert "ann" not in row.approvers


async def test_the_requester_decides_where_that_is_not_separated(tmp_path: Path) -> None:
    async with opened(tmp_path, people=ANN_TOO, approvers=("ann",)) as it:
        row = await ask(it.bot)

        await by_button(it.bot, "ann", row, channel="fake")
        await it.bot.settle()

        assert it.deploys.ran == [("staging", "v1")]


async def test_separation_with_the_requester_alone_on_the_list_is_nobody(tmp_path: Path) -> None:
    async with opened(tmp_path, people=ANN_TOO, separation_of_duties=True, approvers=("ann",)) as it:
        await it.bot.say("deploy v1 to staging")
        await it.bot.settle()

        assert await it.bot.open_requests() == []
        assert it.deploys.ran == []
