"""What the tests here share: silence, and a fast disk."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from tests.sim.ground import be_quiet, fast_folder


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    before = structlog.get_config()
    be_quiet()
    yield
    structlog.configure(**before)


@pytest.fixture
def ram() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=fast_folder()) as folder:
        yield Path(folder)
