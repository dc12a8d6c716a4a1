"""Where sweeps run: in memory, if the machine has a disk of it, and without a word on the screen."""

import logging
from pathlib import Path

import structlog


def fast_folder() -> Path | None:
    """A disk whose fsync costs nothing: a process that ends does not lose what the kernel has."""
    place = Path("/dev/shm")
    return place if place.is_dir() else None


def be_quiet() -> None:
    """Crashes and broken tools are the point here; their stack traces would take most of the time."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
