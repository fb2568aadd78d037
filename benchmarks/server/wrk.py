"""HTTP/1.1 load by wrk: each connection sends its next request when the last one was answered."""

import json
from pathlib import Path
from typing import Final

from benchmarks.server.errors import BenchmarkError
from benchmarks.server.loads import Load
from benchmarks.server.messages import Message
from benchmarks.server.places import LOAD_CORE
from tests.cluster.commands import run

SCRIPT: Final = """
wrk.method = "POST"
local file = assert(io.open("{body}", "rb"))
wrk.body = file:read("*a")
file:close()
{headers}
function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '\\n{mark}{{"requests": %d, "microseconds": %d, "failed": %d, "p50": %d, "p99": %d}}\\n',
    summary.requests, summary.duration,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end
"""
MARK: Final = "measured: "


def script(message: Message, body: Path) -> str:
    """Return wrk's script for one request, sent again and again. Pure; the body lies in the file."""
    headers = "\n".join(f'wrk.headers["{name}"] = "{value}"' for name, value in message.headers.items())
    return SCRIPT.format(body=body, headers=headers, mark=MARK)


def parsed(output: str) -> Load:
    """Return what wrk measured. Pure. Raises BenchmarkError if a request failed."""
    found = [line.removeprefix(MARK) for line in output.splitlines() if line.startswith(MARK)]
    if not found:
        raise BenchmarkError(f"wrk measured nothing:\n{output}")
    values = json.loads(found[0])
    if values["failed"]:
        raise BenchmarkError(f"{values['failed']} requests failed, {values['requests']} were answered:\n{output}")
    answers = values["requests"]
    return Load(answers, answers / values["microseconds"] * 1e6, values["p50"] / 1000, values["p99"] / 1000)


def load(url: str, message: Message, connections: int, seconds: int, folder: Path) -> Load:
    """Send the request over so many connections for so long. Uses `folder` for its files."""
    body, lua = folder / "body", folder / "load.lua"
    body.write_bytes(message.body)
    lua.write_text(script(message, body))
    command = ["taskset", "-c", str(LOAD_CORE), "wrk", "--threads", "1", "--connections", str(connections)]
    command += ["--duration", f"{seconds}s", "--timeout", "20s", "--script", str(lua), url]
    return parsed(run(command, what="wrk", timeout=seconds + 60))
