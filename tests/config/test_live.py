"""Rights follow the files; everything else is as it was at the start."""

import os

import pytest
from structlog.testing import capture_logs

from bot.config import Config, ConfigError, LiveConfig

BASE = '[web]\nport = 1\n[[people]]\nname = "ann"\nroles = ["operator"]\n[agents.assistant]\nmax_steps = 5\n'


class Watch:
    """A clock that moves only when told to, and a count of how often the files were read."""

    def __init__(self, read):
        self.now, self.loads, self._read = 100.0, 0, read

    def __call__(self):
        return self.now

    def load(self) -> Config:
        self.loads += 1
        config: Config = self._read()
        return config


@pytest.fixture
def watch(write, read):
    write(BASE)
    return Watch(read)


@pytest.fixture
def live(watch):
    found = LiveConfig(watch.load(), watch.load, monotonic=watch)
    found.current()
    watch.now += 1
    return found


def test_people_approvals_tools_and_jobs_are_todays(write, live):
    write(
        BASE.replace('"operator"', '"member"')
        + 'tools.remind = { approval = "always" }\n[approvals]\nquorum = 1\napprovers = ["ann"]\n'
        + '[jobs.x]\ncommand = ["true"]\n'
    )

    config = live.current()

    assert config.people[0].roles == ("member",)
    assert config.approvals.approvers == ("ann",)
    assert config.agents["assistant"].tools["remind"].approval == "always"
    assert list(config.jobs) == ["x"]


def test_a_rule_for_an_agent_without_settings_is_todays_too(write, live):
    write(BASE + '[agents.other]\ntools.remind = { approval = "always" }\n')
    assert live.current().agents["other"].tools["remind"].approval == "always"


def test_tightening_everything_needs_no_restart(write, live):
    write(f"human_approval_required = true\n{BASE}")

    assert live.current().human_approval_required


def test_everything_else_needs_a_restart(write, live):
    write(BASE.replace("port = 1", "port = 2").replace("max_steps = 5", "max_steps = 6"))

    config = live.current()

    assert config.web.port == 1
    assert config.agents["assistant"].max_steps == 5


def test_the_other_two_files_are_looked_at_as_well(write, live, watch, tmp_path):
    (tmp_path / "config.local.toml").write_text('[[people]]\nname = "bob"\n')
    assert [person.name for person in live.current().people] == ["ann", "bob"]

    (tmp_path / "config.local.toml").unlink()
    (tmp_path / ".env").write_text("HUMAN_APPROVAL_REQUIRED=true\n")
    watch.now += 1

    assert [person.name for person in live.current().people] == ["ann"]
    assert live.current().human_approval_required


def test_the_files_are_looked_at_at_most_twice_a_second(write, live, watch):
    live.current()
    write(f"human_approval_required = true\n{BASE}")

    watch.now += 0.4
    assert not live.current().human_approval_required
    watch.now += 0.1
    assert live.current().human_approval_required


def test_files_that_have_not_changed_are_not_read_again(live, watch):
    loads = watch.loads
    for _ in range(5):
        watch.now += 1
        live.current()

    assert watch.loads == loads


def test_a_file_of_the_same_size_is_seen_by_its_time(write, live, watch, tmp_path):
    write(BASE.replace("ann", "eve"))
    os.utime(tmp_path / "config.toml", ns=(1, 1))

    assert live.current().people[0].name == "eve"


def test_a_wrong_file_changes_nothing_and_is_told_once(write, live, watch):
    write(BASE + '[approvals]\napprovers = ["nobody-here"]\n')

    with capture_logs() as lines:
        for _ in range(3):
            assert live.current().people[0].name == "ann"
            watch.now += 1

    assert ["nobody-here" in line["problem"] for line in lines] == [True]
    assert [problem.key for problem in live.problems] == ["approvals.approvers"]
    write(BASE.replace("ann", "eve"))
    assert live.current().people[0].name == "eve"
    assert live.problems == ()


def test_what_changed_between_the_start_and_the_first_look_is_seen(write, watch):
    start = watch.load()
    write(BASE.replace("ann", "eve"))

    assert LiveConfig(start, watch.load, monotonic=watch).current().people[0].name == "eve"


def test_our_own_changes_are_seen_at_once(write, live):
    live.current()
    write(f"human_approval_required = true\n{BASE}")

    assert live.refresh().human_approval_required


def test_the_errors_of_the_files_are_never_raised(live, watch, tmp_path):
    (tmp_path / "config.toml").unlink()

    assert live.current().people[0].name == "ann"
    with pytest.raises(ConfigError):
        watch.load()
