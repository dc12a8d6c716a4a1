"""What the tests here share: a fast disk for those that do a thing a thousand times."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sim.ground import fast_folder


@pytest.fixture
def ram() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=fast_folder()) as folder:
        yield Path(folder)
