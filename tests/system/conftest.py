"""Tests against Debian's own servers, started from the scripts in this folder. Without them they are left out,
loudly; in CI that is an error."""

import os
import shutil
from collections.abc import Callable

import pytest


@pytest.fixture(scope="session")
def needs() -> Callable[[str, str], None]:
    """Leaves a test out where a program of a Debian package is missing, or we are not root."""

    def need(program: str, package: str) -> None:
        missing = "" if os.geteuid() == 0 else "root"
        places = f"{os.environ.get('PATH', '')}:/usr/sbin"
        missing = (
            missing
            if shutil.which(program, path=places)
            else f"{program} (Debian: apt-get install {package})"
        )
        if missing and os.environ.get("CI") == "true":
            pytest.fail(f"{missing} is missing, and in CI no test may be left out: see .ci/system-packages")
        if missing:
            pytest.skip(f"*** LEFT OUT: needs {missing}")

    return need
