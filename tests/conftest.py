"""What all tests share: a log that costs nothing, and no test that a slow machine decides."""

import structlog
from hypothesis import HealthCheck, settings

# The default log draws stack traces with all their values.
structlog.configure(
    processors=[structlog.processors.add_log_level, structlog.processors.KeyValueRenderer()],
    logger_factory=structlog.ReturnLoggerFactory(),
)

settings.register_profile("saywhen", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("saywhen")
