"""Structured logs: JSON in production, readable on a terminal; never bodies, tokens or passwords."""

import logging
import sys
import traceback
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog

from gatepost.reply import is_shown
from gatepost.settings import Settings

HIDDEN = ("password", "secret", "token", "authorization", "cookie", "raw", "body", "content")


def set_up_logs(settings: Settings) -> None:
    """Everything through structlog to stderr, one line an event."""
    pretty = settings.log == "text" or (settings.log == "auto" and sys.stderr.isatty())
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        mask,
    ]
    console = structlog.dev.ConsoleRenderer(exception_formatter=write_trace)
    last = console if pretty else structlog.processors.JSONRenderer(ensure_ascii=True)
    exceptions = [] if pretty else [structlog.processors.format_exc_info]
    structlog.configure(
        processors=[*shared, *exceptions, last],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    handler = logging.StreamHandler()
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processor=last, foreign_pre_chain=[*shared, *exceptions]))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(max(level, logging.WARNING))


def write_trace(out: TextIO, error: structlog.typing.ExcInfo) -> None:
    """A traceback without the values of variables, which may be secrets; nothing that acts on terminals."""
    text = "".join(traceback.format_exception(*error))
    out.write("\n" + "".join(c for c in text if c in " \n" or is_shown(c)))


def mask(logger: Any, name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Hide what must not be in logs, and take control and bidi characters out of the rest: one event, one line."""
    for key, value in event.items():
        if any(word in key.lower() for word in HIDDEN):
            event[key] = "***"
        elif isinstance(value, str):
            event[key] = "".join(c if c == " " or is_shown(c) else " " for c in value)
    return event
