"""The documentation is tested: its links lead somewhere, its examples run, no setting and no command is left out."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from bot.config import (
    ApprovalsConfig,
    GateConfig,
    JobConfig,
    LevelConfig,
    ParameterConfig,
    Person,
    ToolConfig,
    load,
)
from bot.config.section import Section

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
MAKES_FILES = ("adding-a-tool.md", "adding-a-channel.md")  # their examples are new files of the reader's


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_to_a_file_of_the_project(page: Path):
    links = re.findall(r"\]\((?!https?://|#)([^)#]+)", page.read_text())

    missing = [link for link in links if not (page.parent / link).exists()]

    assert missing == []


@pytest.mark.parametrize("page", [p for p in PAGES if p.name not in MAKES_FILES], ids=lambda page: page.name)
def test_every_file_that_is_named_exists(page: Path):
    named = re.findall(
        r"`((?:bot|channels|agents|simulators|bench|prompts|docs)/[\w/]+\.(?:py|md))`", page.read_text()
    )

    missing = [name for name in named if not (ROOT / name).exists()]

    assert missing == []


async def test_the_example_of_the_test_kit_runs(tmp_path: Path):
    page = (ROOT / "docs" / "testing.md").read_text()
    example = re.search(r"```python\n(.*?)```", page, re.DOTALL)
    namespace: dict[str, Any] = {}
    assert example is not None

    exec(compile(example[1], "docs/testing.md", "exec"), namespace)

    await namespace["test_a_reminder_comes_back_into_the_conversation"](tmp_path)


RIGHTS = (ROOT / "docs" / "people-and-rights.md").read_text()


@pytest.mark.parametrize(
    "section",
    [Person, ApprovalsConfig, LevelConfig, ToolConfig, GateConfig, JobConfig, ParameterConfig],
    ids=lambda section: section.__name__,
)
def test_every_setting_about_rights_is_explained(section: type[Section]):
    missing = [name for name in section.model_fields if not re.search(rf"\b{name}\b", RIGHTS)]

    assert missing == []


def test_the_examples_about_rights_are_taken(tmp_path: Path):
    for example in re.findall(r"```toml\n(.*?)```", RIGHTS, re.DOTALL):
        shipped = (ROOT / "config.toml").read_text() if "[[people]]" not in example else ""
        (tmp_path / "config.toml").write_text(shipped)
        (tmp_path / "config.local.toml").write_text(example)

        assert load(root=tmp_path, environ={}, look=True).warnings == ()


def test_the_units_restart_rule_names_the_exit_codes_that_do_not_help():
    from bot.errors import EXIT_CONFIG, EXIT_IO, EXIT_LOCKED

    page = (ROOT / "docs" / "running.md").read_text()

    assert f"RestartPreventExitStatus={EXIT_LOCKED} {EXIT_IO} {EXIT_CONFIG}" in page


def test_the_readme_is_for_somebody_who_found_us_an_hour_ago():
    readme = (ROOT / "README.md").read_text()

    assert "make run" in readme
    assert "make test" in readme
    assert "GPL-3.0-only" in readme


def test_every_setting_of_the_shipped_file_has_a_comment_or_stands_under_one():
    lines = (ROOT / "config.toml").read_text().splitlines()
    tomllib.loads("\n".join(lines))
    settings = [line for line in lines if re.match(r"(# )?[a-z_]+ = ", line)]

    assert len(settings) > 30
