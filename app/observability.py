"""Log lines: structlog, one static name an event, queryable fields, to standard error.

Owns: format and level. Does not own: what is logged (each module, never a secret, a body or a hot field). Next stop: app/bootstrap.py.
"""

import logging
import sys

import structlog


def configure_logging(log_format: str, level: str) -> None:
    """Sets the process's logging up. `log_format`: console (for people) or json (one object a line)."""
    number = logging.getLevelNamesMapping()[level.upper()]
    # Drivers and the web server log through the standard library; their lines below warning tell an operator nothing.
    logging.basicConfig(stream=sys.stderr, level=max(number, logging.WARNING), format="%(levelname)s %(name)s %(message)s")
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer() if log_format == "json" else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.StackInfoRenderer(),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
