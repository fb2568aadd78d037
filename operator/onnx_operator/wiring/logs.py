"""Log lines: one JSON object each, or text for people."""

import json
import logging
import sys
from datetime import UTC, datetime

from onnx_operator.engine.journal import CURRENT_KEY

STANDARD = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, the exception, and whatever ``extra`` gave."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {key: value for key, value in vars(record).items() if key not in STANDARD and not key.startswith("_")}
        if key := CURRENT_KEY.get():
            line.setdefault("key", key)
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


class TextFormatter(logging.Formatter):
    """A line for people, which begins with the model that it is about."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        key = CURRENT_KEY.get()
        return f"[{key}] {super().format(record)}" if key else super().format(record)


def set_up_logs(level: str, format_: str) -> None:
    """Send the logs to stderr, as ``json`` or ``text``. kopf's lines about each event are dropped."""
    handler = logging.StreamHandler(sys.stderr)
    text = TextFormatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    handler.setFormatter(JsonFormatter() if format_ == "json" else text)
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for chatty in ("kopf.objects", "kopf.activities", "kopf._core", "kopf._cogs", "asyncio"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    # It warns at each start that it does not handle signals outside of the main thread; process.py does.
    logging.getLogger("kopf._core.reactor.running").setLevel(logging.ERROR)
