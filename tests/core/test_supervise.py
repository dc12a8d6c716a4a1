import asyncio

import pytest
from hypothesis import given, strategies as st
from structlog.testing import capture_logs

from bot.errors import ChannelRefused, StartError, StoreFailed
from bot.supervise import Failure, delay, supervise


class Part:
    """Fails with each of these, then returns; a number is that many seconds of running before."""

    def __init__(self, *failures):
        self.failures, self.starts, self.now, self.slept = list(failures), 0, 0.0, []

    async def run(self):
        self.starts += 1
        while self.failures:
            each = self.failures.pop(0)
            if isinstance(each, BaseException):
                raise each
            self.now += each

    async def sleep(self, seconds):
        self.slept.append(seconds)

    def supervise(self, **given):
        return supervise(
            "slack", self.run, sleep=self.sleep, jitter=lambda: 0.0, monotonic=lambda: self.now, **given
        )


async def test_a_part_that_fails_is_started_again_with_growing_delay():
    part = Part(*(OSError("no") for _ in range(8)))

    await part.supervise()

    assert part.starts == 9
    assert part.slept == [1, 2, 4, 8, 16, 32, 60, 60]


async def test_after_a_minute_of_health_the_delay_is_short_again():
    part = Part(OSError(), OSError(), 59, OSError(), 60, OSError())

    await part.supervise()

    assert part.slept == [1, 2, 4, 1]


async def test_a_part_that_is_refused_for_good_is_left_alone_and_reported():
    part = Part(OSError("net"), ChannelRefused("invalid_auth"))
    failures: list[Failure] = []

    await part.supervise(on_failure=failures.append)

    assert part.starts == 2
    assert [(each.name, str(each.error), each.again_in) for each in failures] == [
        ("slack", "net", 1),
        ("slack", "invalid_auth", None),
    ]


async def test_whoever_listens_may_end_the_process_instead():
    def end(failure):
        raise StartError(str(failure.error))

    with pytest.raises(StartError, match="invalid_auth"):
        await Part(ChannelRefused("invalid_auth")).supervise(on_failure=end)


@pytest.mark.parametrize("wrapped", [False, True])
async def test_a_store_that_failed_is_nothing_to_start_again_after(wrapped):
    failed = StoreFailed()
    part = Part(ExceptionGroup("g", [OSError(), ExceptionGroup("h", [failed])]) if wrapped else failed)

    with pytest.raises(StoreFailed) as raised:
        await part.supervise()

    assert raised.value is failed
    assert part.starts == 1


async def test_being_cancelled_is_not_a_failure():
    async def run():
        await asyncio.Event().wait()

    task = asyncio.create_task(supervise("slack", run))
    await asyncio.sleep(0)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_failure_is_one_line_for_everybody_and_a_trace_for_those_who_look():
    with capture_logs() as lines:
        await Part(OSError("two\nlines")).supervise()

    assert [line["log_level"] for line in lines] == ["warning", "debug"]
    assert lines[0]["error"] == "os error: two lines"
    assert "exc_info" not in lines[0]
    assert isinstance(lines[1]["exc_info"], OSError)


@given(failures=st.integers(1, 10_000), jitter=st.floats(0, 1))
def test_the_delay_stays_between_half_the_first_and_the_longest(failures, jitter):
    assert 0.5 <= delay(failures, 1.0, 60.0, jitter=jitter) <= 60.0
