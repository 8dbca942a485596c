"""JSON logs on request; without it, nothing is configured and no event is made."""

from __future__ import annotations

from flexres.cli.options import LogFormat
from flexres.cli.output import STANDARD_ERROR


def configure_logs(log: LogFormat) -> None:
    """With `json`, every event of this process goes to stderr as one line; standard output is the report's alone."""
    if log == "none":
        return
    import structlog  # noqa: PLC0415 - only who asks pays for it

    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        logger_factory=structlog.PrintLoggerFactory(STANDARD_ERROR),
    )
