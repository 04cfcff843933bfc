"""Logs of every process: one JSON object a line, on standard error; no local variables, so no secrets."""

import logging
import sys

import structlog
from structlog.types import EventDict, Processor

# Under this name a line tells of the request that it goes back to, in whichever process it is written.
REQUEST_ID = "request_id"


def request_id() -> str | None:
    """Return the id of the request that is being worked for, None where there is none."""
    found: str | None = structlog.contextvars.get_contextvars().get(REQUEST_ID)
    return found


def configure(*, process: str) -> None:
    """Set up logging for a process called `process`; what libraries log takes the same shape."""

    def name_process(_logger: object, _method: str, event: EventDict) -> EventDict:
        return {"process": process, **event}

    common: list[Processor] = [
        name_process,
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    lines = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=common,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(lines)
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    structlog.configure(
        processors=[*common, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
