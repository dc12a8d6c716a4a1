"""The channel in docs/adding-a-channel.md passes the suite, as the page says."""

import re
import sys
from pathlib import Path
from types import ModuleType

PAGE = Path(__file__).parents[2] / "docs" / "adding-a-channel.md"
ADAPTER, VENUE = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)


def _module(name: str, *codes: str) -> ModuleType:
    module = ModuleType(name)
    sys.modules[name] = module
    for code in codes:
        exec(compile(code, str(PAGE), "exec"), module.__dict__)
    return module


documented = _module("documented_folder_channel", ADAPTER, VENUE)
TestFolder = documented.TestFolder


def test_it_imports_what_a_channel_may():
    imported = re.findall(r"^from (bot\.[a-z.]+)", ADAPTER, re.MULTILINE)

    assert set(imported) <= {"bot.errors", "bot.events", "bot.ports"}
