"""Logs on standard error: a JSON object a line, or plain text for a person at a terminal."""

import logging
import sys
import time
from typing import Literal

import orjson

LogFormat = Literal["auto", "json", "text"]

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message", "taskName"}


def fields(record: logging.LogRecord) -> dict[str, object]:
    """Return what was given as `extra` to the call that made `record`."""
    return {key: value for key, value in vars(record).items() if key not in _STANDARD}


class JSONFormatter(logging.Formatter):
    """One JSON object a record: time (UTC), level, logger, message, the extra fields, the trace of an error."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without line break."""
        entry: dict[str, object] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **fields(record),
        }
        if record.exc_info:
            entry["trace"] = self.formatException(record.exc_info)
        return orjson.dumps(entry, default=str).decode()


class TextFormatter(logging.Formatter):
    """The message, then the extra fields as key=value."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line (several where an error has a trace)."""
        level = "" if record.levelno == logging.INFO else f"{record.levelname}: "
        extra = "".join(f"  {key}={value}" for key, value in fields(record).items())
        trace = "\n" + self.formatException(record.exc_info) if record.exc_info else ""
        return f"{level}{record.getMessage()}{extra}{trace}"


def configure(log_format: LogFormat) -> None:
    """Send all logs to standard error. `auto` is text at a terminal and JSON elsewhere."""
    text = log_format == "text" or (log_format == "auto" and sys.stderr.isatty())
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(TextFormatter() if text else JSONFormatter())
    logging.basicConfig(handlers=[handler], force=True)
    set_level("info")
    # uvicorn tells of each start and stop of our three listeners; we say it once, with more in it.
    logging.getLogger("uvicorn").setLevel(logging.WARNING)


def set_level(level: str) -> None:
    """Log what is at least as grave as `level`: debug, info, warning or error."""
    logging.getLogger().setLevel(level.upper())
