"""The loop where things go wrong that no table foresees."""

from bot import events as ev
from bot.testing import open_test_bot, reply

BUG = RuntimeError("a bug of ours")


async def outcome(bot, thread_id):
    return [(e.type, getattr(e.data, "outcome", "")) for e in await bot.log(thread_id)][-3:]


async def test_an_error_of_our_own_ends_the_turn_parks_the_thread_and_tells_the_requester(tmp_path):
    async with open_test_bot(tmp_path, script=[BUG]) as bot:
        said = await bot.say("hi")
        await bot.settle()

        log = await bot.log(said.thread_id)
        assert [e.type for e in log][-3:] == ["turn.ended", "thread.parked", "delivery.reported"]
        assert "Something went wrong on our side" in bot.texts[0]
        assert "a bug of ours" not in bot.texts[0]


async def test_a_thread_that_fails_again_after_it_was_resumed_is_parked_again(tmp_path):
    async with open_test_bot(tmp_path, script=[BUG, BUG]) as bot:
        said = await bot.say("hi")
        await bot.settle()
        await bot.control(said.thread_id, "resume")
        await bot.say("again")
        await bot.settle()

        parked = [e for e in await bot.log(said.thread_id) if isinstance(e.data, ev.ThreadParked)]
        assert len(parked) == 2
        assert len(bot.texts) == 2


async def test_a_parked_thread_keeps_what_arrives_and_answers_it_when_it_is_resumed(tmp_path):
    async with open_test_bot(tmp_path, script=[BUG, reply("here I am")]) as bot:
        said = await bot.say("hi")
        await bot.settle()
        await bot.say("are you there?")
        await bot.settle()
        quiet = len(bot.texts)
        await bot.control(said.thread_id, "resume")
        await bot.settle()

        assert quiet == 1
        assert bot.texts[-1] == "here I am"


async def test_another_thread_runs_on_beside_a_parked_one(tmp_path):
    async with open_test_bot(tmp_path, script=[BUG, reply("fine")]) as bot:
        await bot.say("hi", conversation="broken")
        await bot.settle()
        await bot.say("hi", conversation="whole")
        await bot.settle()

        assert bot.texts[-1] == "fine"
