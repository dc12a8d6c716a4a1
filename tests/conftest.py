"""What all tests share: a log that costs nothing. (The default one draws stack traces with all their values.)"""

import structlog

structlog.configure(
    processors=[structlog.processors.add_log_level, structlog.processors.KeyValueRenderer()],
    logger_factory=structlog.ReturnLoggerFactory(),
)
