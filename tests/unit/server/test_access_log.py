"""The access log: which requests get a line, and what W3C calls a trace."""

import json
import logging
from collections.abc import Iterator

import pytest

from onnx_server import logs
from onnx_server.settings.telemetry import LoggingSettings
from onnx_server.telemetry.access_log import AccessLog
from onnx_server.telemetry.finished import Finished, trace_id

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.fixture
def _json_logs() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    logs.configure("json")
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.usefixtures("_json_logs")
def test_lines_that_are_asked_for_come_at_every_level(capfd: pytest.CaptureFixture[str]) -> None:
    logs.configure("json")  # standard error as it is now
    logs.set_level("error")
    logging.getLogger("onnx_server").warning("left out")
    written = AccessLog(LoggingSettings(requests="All"))
    written.write(Finished("m", "1", "grpc", code="OK", seconds=0.25, queued=0.125, computed=0.0625), TRACE_ID)
    (line,) = (json.loads(text) for text in capfd.readouterr().err.splitlines())
    del line["time"], line["logger"]
    assert line == {
        "level": "info",
        "message": "request",
        "model": "m",
        "version": "1",
        "protocol": "grpc",
        "code": "OK",
        "seconds": 0.25,
        "queueSeconds": 0.125,
        "computeSeconds": 0.0625,
        "traceId": TRACE_ID,
    }


@pytest.mark.parametrize(
    ("traceparent", "found"),
    [
        (f"00-{TRACE_ID}-00f067aa0ba902b7-01", TRACE_ID),
        (f"01-{TRACE_ID}-00f067aa0ba902b7-01-what-comes-later", TRACE_ID),
        (f"ff-{TRACE_ID}-00f067aa0ba902b7-01", None),
        (f"00-{'0' * 32}-00f067aa0ba902b7-01", None),
        (f"00-{TRACE_ID}-{'0' * 16}-01", None),
        (f"00-{TRACE_ID.upper()}-00f067aa0ba902b7-01", None),
        (f"00-{TRACE_ID}", None),
        ("", None),
        (None, None),
    ],
)
def test_trace_ids(traceparent: str | None, found: str | None) -> None:
    assert trace_id(traceparent) == found
