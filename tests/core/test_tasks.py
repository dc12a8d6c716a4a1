import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from bot.background import MOST_NOTES, End, Function, Notes, to_begin, to_take_up
from bot.errors import StoreFull, ToolError
from bot.events import TaskFinished, TaskProgressed, ToolStarted
from bot.tool_runner import Outcome
from bot.tools import Pending, Stored, ToolContext
from tests.core.parts_kit import run as virtually
from tests.core.task_kit import NOW, SECRET, Args, background, eventually, process, task_of

CONTEXT = ToolContext(
    key="k", now=NOW, timezone="UTC", person="ann", thread_id="t1", requester="ann", call_id="c1"
)


class Work:
    """A function that says when it began, and ends when it is told to."""

    def __init__(self):
        self.begun = asyncio.Event()
        self.go_on = asyncio.Event()
        self.ended = []
        self.contexts = []

    async def __call__(self, args, ctx):
        self.contexts.append(ctx)
        self.begun.set()
        try:
            await self.go_on.wait()
        except asyncio.CancelledError as cancelled:
            self.ended.append(cancelled.args)
            raise
        return f"did {args.text}"


def never(args, ctx):
    raise AssertionError("it ran")


# ---------------------------------------------------------------- a task


async def test_a_background_call_ends_as_an_input_with_its_result(tmp_path):
    work = Work()
    async with process(tmp_path, background(work)) as kit:
        task_id = await kit.begin(kit.tools["work"], {"text": "it all"})
        await work.begun.wait()
        work.go_on.set()

        finished = await kit.ended(task_id)

        assert finished == TaskFinished(task_id=task_id, outcome="ok", result="did it all")
        (ctx,) = work.contexts
        thread = await kit.thread(await kit.thread_of(task_id))
        assert (ctx.task_id, ctx.attempt, ctx.person) == (task_id, 1, "ann")
        assert ctx.key == f"{thread.id}:{ctx.call_id}"
        assert thread.unread[0].kind == "task"
        assert (await kit.store.events(thread.id))[-1].dedupe == f"task:{task_id}"


async def test_tasks_run_beside_each_other_up_to_the_cap(tmp_path):
    work = Work()
    async with process(tmp_path, background(work), at_once=3) as kit:
        ids = [await kit.begin(kit.tools["work"]) for _ in range(5)]
        await eventually(lambda: _later(len(work.contexts) == 3))
        waiting = kit.tasks.waiting

        work.go_on.set()

        assert waiting == 2
        assert [(await kit.ended(each)).outcome for each in ids] == ["ok"] * 5


async def _later(value):
    return value


def raising(error):
    async def run(args, ctx):
        raise error

    return run


def returning(value):
    async def run(args, ctx):
        return value

    return run


@pytest.mark.parametrize(
    ("run", "effect", "outcome", "words"),
    [
        (raising(ToolError(f"no\n at /home/x.py: {SECRET}")), "unsafe", "failed", "no at [path]: [redacted]"),
        (raising(OSError("reset by /srv/x/y.py")), "unsafe", "unknown", "os error: reset by [path]"),
        (raising(OSError("reset")), "idempotent", "failed", "os error: reset"),
        (raising(SystemExit(3)), "read", "failed", "it tried to end the program"),
        (raising(asyncio.CancelledError()), "read", "failed", "it cancelled itself"),
        (returning(None), "read", "failed", "it returned NoneType"),
        (returning({"b": 1}), "read", "ok", '{"b":1}'),
        (returning("é" * 100_000_000), "read", "ok", "… [clipped: 100,000,000 characters, the first 4,000 are shown]"),
        (returning(Stored("x")), "read", "failed", "its effect is not `stored`"),
        (returning(Pending(timedelta(hours=1))), "read", "failed", "a `stored` tool or a background one cannot"),
        (returning(f"the key is {SECRET}"), "read", "ok", "the key is [redacted]"),
    ],
)  # fmt: skip
async def test_whatever_a_function_does_is_one_end(tmp_path, run, effect, outcome, words):
    async with process(tmp_path, background(run, effect=effect)) as kit:
        finished = await kit.ended(await kit.begin(kit.tools["work"]))

        assert finished.outcome == outcome
        assert words in finished.result
        assert "\n" not in finished.result


@pytest.mark.parametrize(("effect", "outcome"), [("read", "failed"), ("unsafe", "unknown")])
async def test_a_function_that_takes_too_long_is_cut_off(tmp_path, effect, outcome):
    work = Work()
    tool = background(work, effect=effect, timeout=timedelta(seconds=0.05))
    async with process(tmp_path, tool) as kit:
        finished = await kit.ended(await kit.begin(tool))

        assert (finished.outcome, finished.result) == (outcome, "timed out after 0.05 s")
        assert work.ended == [("timed out",)]


async def test_a_tool_without_a_timeout_has_the_given_one(tmp_path):
    async with process(tmp_path, background(Work()), timeout=timedelta(seconds=0.05)) as kit:
        finished = await kit.ended(await kit.begin(kit.tools["work"]))

        assert finished.result == "timed out after 0.05 s"


async def test_a_task_that_is_watched_twice_runs_once(tmp_path):
    work = Work()
    async with process(tmp_path, background(work)) as kit:
        thread, events = await kit.announce(kit.tools["work"])
        kit.tasks.watch(thread, events)
        kit.tasks.watch(thread, events)
        work.go_on.set()
        await kit.ended(task_of(events))

        assert len(work.contexts) == 1


async def test_a_full_disk_does_not_cost_a_result(tmp_path):
    refused = []

    def receive(store):
        async def receive(incoming):
            if isinstance(incoming.data, TaskFinished) and len(refused) < 3:
                refused.append(incoming)
                raise StoreFull
            return await store.receive(incoming)

        return receive

    async with process(tmp_path, background(returning("done")), receive=receive) as kit:
        finished = await kit.ended(await kit.begin(kit.tools["work"]))

        assert finished.result == "done"
        assert len(refused) == 3


async def test_an_error_of_our_own_is_told_and_does_not_leave_the_thread_waiting(tmp_path):
    async with process(tmp_path, background(returning("done"))) as kit:
        kit.tasks._context = raising_now(LookupError("a bug"))

        finished = await kit.ended(await kit.begin(kit.tools["work"]))

        assert finished.outcome == "unknown"
        assert "an error of our own (LookupError)" in finished.result


def raising_now(error):
    def call(*args):
        raise error

    return call


# ---------------------------------------------------------------- stop


async def end_properly(args, ctx):
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        raise ToolError("cleaned up") from None


async def end_anyway(args, ctx):
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        return "it was already done"


async def hang(args, ctx):
    await asyncio.Event().wait()


@pytest.mark.parametrize(
    ("function", "effect", "outcome", "words"),
    [
        (hang, "read", "cancelled", "stopped"),
        (hang, "idempotent", "cancelled", "stopped"),
        (hang, "unsafe", "unknown", "stopped while it ran"),
        (end_properly, "unsafe", "cancelled", "cleaned up"),
        (end_anyway, "unsafe", "ok", "it was already done"),
    ],
)
async def test_a_stop_reaches_a_running_function(tmp_path, function, effect, outcome, words):
    begun = asyncio.Event()

    async def run(args, ctx):
        begun.set()
        return await function(args, ctx)

    async with process(tmp_path, background(run, effect=effect)) as kit:
        task_id = await kit.begin(kit.tools["work"])
        await begun.wait()

        await kit.stop(await kit.thread_of(task_id))

        finished = await kit.ended(task_id)
        assert finished.outcome == outcome
        assert words in finished.result
        assert not (await kit.thread(await kit.thread_of(task_id))).tasks


async def test_a_second_stop_does_not_disturb_what_the_first_set_going(tmp_path):
    begun, stopping, go_on, disturbed = asyncio.Event(), asyncio.Event(), asyncio.Event(), []

    async def run(args, ctx):
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            stopping.set()
            try:
                await go_on.wait()
            except asyncio.CancelledError:
                disturbed.append("again")
                raise
            raise ToolError("cleaned up") from None

    async with process(tmp_path, background(run, effect="unsafe")) as kit:
        task_id = await kit.begin(kit.tools["work"])
        await begun.wait()
        await kit.stop(await kit.thread_of(task_id))
        await stopping.wait()

        await kit.stop(await kit.thread_of(task_id))
        go_on.set()

        assert (await kit.ended(task_id)).result == "cleaned up"
        assert disturbed == []


async def test_a_stop_that_stands_before_the_task_in_the_log_lets_nothing_begin(tmp_path):
    async with process(tmp_path, background(never, effect="unsafe")) as kit:
        thread, events = await kit.announce(kit.tools["work"], stop=True)
        kit.tasks.watch(thread, events)

        finished = await kit.ended(task_of(events))

        assert thread.tasks[task_of(events)].void
        assert (finished.outcome, finished.result) == ("cancelled", "stopped before it began")


async def test_a_stop_that_is_committed_but_not_folded_yet_lets_nothing_begin(tmp_path):
    async with process(tmp_path, background(never, effect="unsafe")) as kit:
        thread, events = await kit.announce(kit.tools["work"])
        await kit.stop(thread.id)
        assert not thread.tasks[task_of(events)].void

        kit.tasks.watch(thread, events)

        assert (await kit.ended(task_of(events))).outcome == "cancelled"


async def test_a_stop_while_it_is_being_prepared_lets_nothing_begin(tmp_path):
    async with process(tmp_path, background(never, effect="unsafe")) as kit:
        ask = kit.store.call

        async def stopped_meanwhile(thread_id, call_id):
            found = await ask(thread_id, call_id)
            await kit.stop(thread_id)
            return found

        kit.store.call = stopped_meanwhile  # type: ignore[method-assign]  # between two steps of ours

        finished = await kit.ended(await kit.begin(kit.tools["work"]))

        assert (finished.outcome, finished.result) == ("cancelled", "stopped before it began")


async def test_a_function_that_is_stopped_before_its_first_step_does_not_begin():
    tool = background(never, effect="unsafe")
    function = Function(tool.run, takes_up=False)

    function.stop()
    said = await function(Args(text="x"), CONTEXT)

    assert function.end(tool, Outcome("ok", str(said))) == End("cancelled", "stopped before it began")


async def test_a_stop_reaches_a_task_that_waits_for_its_place(tmp_path):
    work = Work()
    async with process(tmp_path, background(work, effect="unsafe"), at_once=1) as kit:
        first, second = [await kit.begin(kit.tools["work"]) for _ in range(2)]
        await work.begun.wait()

        await kit.stop(await kit.thread_of(second))

        assert (await kit.ended(second)).result == "stopped before it began"
        work.go_on.set()
        assert (await kit.ended(first)).outcome == "ok"
        assert len(work.contexts) == 1


async def test_a_stop_leaves_other_threads_and_later_tasks_alone(tmp_path):
    work = Work()
    async with process(tmp_path, background(work)) as kit:
        first, second = [await kit.begin(kit.tools["work"]) for _ in range(2)]
        await eventually(lambda: _later(len(work.contexts) == 2))

        await kit.stop(await kit.thread_of(first))
        assert (await kit.ended(first)).outcome == "cancelled"
        work.go_on.set()

        assert (await kit.ended(second)).outcome == "ok"


# ---------------------------------------------------------------- progress


async def test_progress_is_written_down_cleaned(tmp_path):
    go_on = asyncio.Event()

    async def run(args, ctx):
        await ctx.progress(f"half\nway {SECRET} " + "x" * 500)
        await go_on.wait()
        return "done"

    async with process(tmp_path, background(run)) as kit:
        task_id = await kit.begin(kit.tools["work"])

        (note,) = await eventually(lambda: kit.notes(task_id))
        go_on.set()
        await kit.ended(task_id)

        assert note.startswith("half way [redacted] xxx")
        assert len(note) == 200


def test_of_many_notes_the_last_one_is_written_every_five_seconds():
    async def scenario():
        sent = []

        async def send(note):
            sent.append((asyncio.get_running_loop().time(), note))

        notes = Notes(send, str)
        sending = asyncio.ensure_future(notes.send())
        for number in range(30):
            await notes.note(f"{number} %")
            await asyncio.sleep(0.3)
        await asyncio.sleep(20)
        sending.cancel()

        assert sent == [(0.0, "0 %"), (5.0, "16 %"), (10.0, "29 %")]

    virtually(scenario())


def test_a_task_has_only_so_many_notes():
    async def scenario():
        sent = []

        async def send(note):
            sent.append(note)

        notes = Notes(send, str)
        sending = asyncio.ensure_future(notes.send())
        for number in range(1000):
            await notes.note(str(number))
            await asyncio.sleep(6)

        assert len(sent) == MOST_NOTES
        assert sending.done()

    virtually(scenario())


async def test_a_note_that_cannot_be_stored_does_not_reach_the_function(tmp_path):
    refused = asyncio.Event()

    def receive(store):
        async def receive(incoming):
            if isinstance(incoming.data, TaskProgressed):
                refused.set()
                raise StoreFull
            return await store.receive(incoming)

        return receive

    async def run(args, ctx):
        await ctx.progress("one")
        await refused.wait()
        await ctx.progress(2)
        return "done"

    async with process(tmp_path, background(run), receive=receive) as kit:
        assert (await kit.ended(await kit.begin(kit.tools["work"]))).outcome == "ok"


# ---------------------------------------------------------------- what an earlier process left


async def abandoned(tmp_path, tool, *, stop=False, times=1):
    """A task that was begun by a process that is gone."""
    async with process(tmp_path, tool) as kit:
        thread, events = await kit.announce(tool)
        if stop:
            await kit.stop(thread.id)
    return task_of(events)


async def taken_up(tmp_path, task_id, *tools):
    async with process(tmp_path, *tools) as kit:
        assert await kit.tasks.recover() == 1
        return await kit.ended(task_id), await kit.log(task_id, TaskProgressed)


async def test_what_may_be_repeated_runs_again_with_the_same_key(tmp_path):
    work = Work()
    work.go_on.set()
    tool = background(work, effect="idempotent")
    task_id = await abandoned(tmp_path, tool)

    finished, progressed = await taken_up(tmp_path, task_id, tool)

    (ctx,) = work.contexts
    assert finished.outcome == "ok"
    assert ctx.attempt == 2
    assert ctx.key == f"{ctx.thread_id}:{ctx.call_id}"
    assert [each.attempt for each in progressed] == [2]


async def test_the_attempt_is_on_disk_before_the_function_runs(tmp_path):
    seen: list[Any] = []
    async with process(tmp_path) as kit:

        async def run(args, ctx):
            seen.append((await kit.store.task(ctx.task_id)).attempt)
            return ""

        tool = kit.tools["work"] = background(run)
        _, events = await kit.announce(tool)
        await kit.tasks.recover()
        await kit.ended(task_of(events))

    assert seen == [2]


async def test_after_three_attempts_it_is_given_up(tmp_path):
    work = Work()
    tool = background(work, effect="idempotent")
    task_id = await abandoned(tmp_path, tool)
    for attempt in (2, 3):
        async with process(tmp_path, tool) as kit:
            await kit.tasks.recover()
            await work.begun.wait()
            assert (work.contexts[-1].attempt, len(work.contexts)) == (attempt, attempt - 1)
        work.begun.clear()

    finished, _ = await taken_up(tmp_path, task_id, tool)

    assert (finished.outcome, finished.result) == ("failed", "interrupted three times")
    assert len(work.contexts) == 2


async def test_what_may_not_be_repeated_is_unknown(tmp_path):
    tool = background(never, effect="unsafe")
    task_id = await abandoned(tmp_path, tool)

    finished, _ = await taken_up(tmp_path, task_id, tool)

    assert finished.outcome == "unknown"
    assert finished.result == "interrupted: it may or may not have happened"


async def test_a_tool_that_can_recover_takes_up_what_was_under_way(tmp_path):
    async def recover(args, ctx):
        return f"found {args.text} at attempt {ctx.attempt}"

    tool = background(never, effect="unsafe", recover=recover)
    task_id = await abandoned(tmp_path, tool)

    finished, _ = await taken_up(tmp_path, task_id, tool)

    assert (finished.outcome, finished.result) == ("ok", "found x at attempt 2")


async def test_what_was_stopped_while_the_bot_was_down_is_ended_by_its_tool(tmp_path):
    steps: list[Any] = []

    async def recover(args, ctx):
        steps.append("looks")
        try:
            await asyncio.sleep(0)
            steps.append("goes on")
        except asyncio.CancelledError as cancelled:
            steps.append(cancelled.args)
            raise ToolError("ended") from None
        return "done"

    tool = background(never, effect="unsafe", recover=recover)
    task_id = await abandoned(tmp_path, tool, stop=True)

    finished, _ = await taken_up(tmp_path, task_id, tool)

    assert (finished.outcome, finished.result) == ("cancelled", "ended")
    assert steps == ["looks", ("stopped",)]


@pytest.mark.parametrize(("effect", "outcome"), [("idempotent", "cancelled"), ("unsafe", "unknown")])
async def test_what_was_stopped_while_the_bot_was_down_does_not_run_again(tmp_path, effect, outcome):
    tool = background(never, effect=effect)
    task_id = await abandoned(tmp_path, tool, stop=True)

    finished, _ = await taken_up(tmp_path, task_id, tool)

    assert finished.outcome == outcome


@pytest.mark.parametrize(("effect", "outcome"), [("idempotent", "failed"), ("unsafe", "unknown")])
async def test_a_tool_that_is_gone_is_said_to_be(tmp_path, effect, outcome):
    task_id = await abandoned(tmp_path, background(never, effect=effect))

    finished, _ = await taken_up(tmp_path, task_id)

    assert finished.outcome == outcome


async def test_what_had_ended_is_not_taken_up(tmp_path):
    tool = background(returning("done"))
    async with process(tmp_path, tool) as kit:
        await kit.ended(await kit.begin(tool))

    async with process(tmp_path, tool) as kit:
        assert await kit.tasks.recover() == 0


async def test_recovering_twice_runs_it_once(tmp_path):
    work = Work()
    tool = background(work)
    task_id = await abandoned(tmp_path, tool)
    async with process(tmp_path, tool) as kit:
        await asyncio.gather(kit.tasks.recover(), kit.tasks.recover())
        work.go_on.set()
        await kit.ended(task_id)

    assert len(work.contexts) == 1


@pytest.mark.parametrize("effect", ["read", "idempotent", "unsafe"])
async def test_every_task_ends_exactly_once_through_any_number_of_ends_of_the_process(tmp_path, effect):
    runs: Counter[str] = Counter()

    async def run(args, ctx):
        runs[args.text] += 1
        await asyncio.sleep(0.001 * (len(args.text) + runs[args.text]))
        return args.text

    tool = background(run, effect=effect)
    ids = []
    for life in range(4):
        async with process(tmp_path, tool, at_once=2) as kit:
            await kit.tasks.recover()
            ids += [await kit.begin(tool, {"text": f"{life}.{number}"}) for number in range(5)]
            await asyncio.sleep(0.004)

    async with process(tmp_path, tool) as kit:
        await kit.tasks.recover()
        ends = [await kit.ended(each) for each in ids]

    assert len(ends) == 20
    assert max(runs.values()) <= (1 if effect == "unsafe" else 3)


# ---------------------------------------------------------------- the end of the process


async def test_a_task_that_ends_within_the_grace_is_reported(tmp_path):
    work = Work()
    async with process(tmp_path, background(work)) as kit:
        task_id = await kit.begin(kit.tools["work"])
        await work.begun.wait()
        asyncio.get_running_loop().call_later(0.05, work.go_on.set)

        assert await kit.tasks.stop(10)

        assert (await kit.ended(task_id)).outcome == "ok"


async def test_a_task_that_outlasts_the_grace_is_cut_off_and_left_to_the_next_start(tmp_path):
    work = Work()
    tool = background(work)
    async with process(tmp_path, tool) as kit:
        task_id = await kit.begin(tool)
        await work.begun.wait()

        assert not await kit.tasks.stop(0)

        assert work.ended == [()]  # not a person's stop
        assert await kit.log(task_id, TaskFinished) == []
    work.go_on.set()

    finished, _ = await taken_up(tmp_path, task_id, tool)

    assert finished.outcome == "ok"


async def test_what_can_be_taken_up_is_not_waited_for(tmp_path):
    work = Work()
    async with process(tmp_path, background(work, effect="unsafe", recover=work)) as kit:
        task_id = await kit.begin(kit.tools["work"])
        await work.begun.wait()

        assert await kit.tasks.stop(3600)

        assert work.ended == [()]
        assert await kit.log(task_id, TaskFinished) == []


async def test_nothing_begins_once_the_process_ends(tmp_path):
    async with process(tmp_path, background(never)) as kit:
        await kit.tasks.stop(0)
        task_id = await kit.begin(kit.tools["work"])
        await asyncio.sleep(0.05)

        assert await kit.log(task_id, TaskFinished) == []


# ---------------------------------------------------------------- the table


def call(effect: Any) -> ToolStarted:
    return ToolStarted(call_id="c1", tool="work", args={"text": "x"}, args_digest="", effect=effect, key="k")


class Other(Args):
    more: str


@pytest.mark.parametrize(
    ("effect", "attempt", "stopped", "found"),
    [
        ("read", 1, False, "runs"),
        ("idempotent", 2, False, "runs"),
        ("idempotent", 3, False, "failed"),
        ("unsafe", 1, False, "unknown"),
        ("read", 1, True, "cancelled"),
        ("unsafe", 1, True, "unknown"),
    ],
)
def test_what_there_is_to_do_about_what_was_interrupted(effect, attempt, stopped, found):
    tool = background(never, effect=effect)

    what = to_take_up(tool, call(effect), attempt=attempt, stopped=stopped)

    assert ("runs" if what is tool else what.outcome) == found


def test_what_became_unsafe_is_not_repeated():
    what = to_take_up(background(never, effect="idempotent"), call("unsafe"), attempt=1, stopped=False)
    assert isinstance(what, End)
    assert what.outcome == "unknown"


def test_arguments_that_a_tool_does_not_take_any_more_are_not_given_to_it():
    changed = background(never, effect="unsafe", recover=never)
    object.__setattr__(changed, "args", Other)

    assert to_take_up(changed, call("unsafe"), attempt=1, stopped=False).outcome == "unknown"
    assert to_begin(changed, call("unsafe"), stopped=False).outcome == "failed"
