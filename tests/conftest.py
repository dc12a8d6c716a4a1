"""What all tests share: a log that costs nothing, and no test that a slow machine decides."""

import gc

import structlog
from hypothesis import HealthCheck, settings

# The default log draws stack traces with all their values.
structlog.configure(
    processors=[structlog.processors.add_log_level, structlog.processors.KeyValueRenderer()],
    logger_factory=structlog.ReturnLoggerFactory(),
)

# `--hypothesis-profile=many` looks harder.
settings.register_profile(
    "saywhen", deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("saywhen")


def pytest_collection_finish() -> None:
    """Thousands of tests are there to stay: looking through them again and again takes a quarter of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
