"""Run `onnx-server` as users do: a process of its own, started through the command line."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

COMMAND = [sys.executable, "-m", "onnx_server"]
# What the store clients read; a test says itself what of it there is.
STORE_PREFIXES = ("AWS_", "GOOGLE_", "AZURE_")

FREE_PORTS = ("--host", "127.0.0.1", "--http-port=0", "--grpc-port=0", "--metrics-port=0", "--control-port=0")


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(STORE_PREFIXES)}
    kept.pop("POD_UID", None)
    return kept | dict(extra or {})


@dataclass(frozen=True)
class Ended:
    """A process that ended: its status, termination message, standard output and error."""

    status: int
    message: dict[str, Any]
    stdout: str
    stderr: str


def run(*arguments: str | Path, tmp_path: Path, env: Mapping[str, str] | None = None, timeout: float = 60) -> Ended:
    """Run a command that ends by itself."""
    log = tmp_path / "termination-log"
    log.unlink(missing_ok=True)
    command = [*COMMAND, *map(str, arguments), "--termination-log", str(log), "--log-format", "json"]
    done = subprocess.run(command, env=environment(env), capture_output=True, text=True, timeout=timeout, check=False)
    message = json.loads(log.read_bytes()) if log.exists() else {}
    return Ended(done.returncode, message, done.stdout, done.stderr)


def fetch(*arguments: str | Path, tmp_path: Path, env: Mapping[str, str] | None = None) -> Ended:
    return run("fetch", *arguments, tmp_path=tmp_path, env=env)


def serve_fails(*arguments: str | Path, tmp_path: Path) -> Ended:
    """Run `serve` on free ports until it ends by itself."""
    return run("serve", *FREE_PORTS, *arguments, tmp_path=tmp_path)


class ServerProcess:
    """A server on free ports of 127.0.0.1."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process = process
        self.log = log
        ports = self.wait_for_log("listening")
        self.http_port, self.metrics_port, self.control_port = ports["http"], ports["metrics"], ports["control"]
        self.grpc_port = ports.get("grpc", 0)  # 0: without gRPC
        self.grpc_address = f"127.0.0.1:{self.grpc_port}"
        self.url = f"http://127.0.0.1:{self.http_port}"
        self.metrics_url = f"http://127.0.0.1:{self.metrics_port}/metrics"
        self.facts_url = f"http://127.0.0.1:{self.control_port}/v1/facts"

    def entries(self) -> list[dict[str, Any]]:
        lines = self.log.read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]

    def wait_for_log(self, message: str, timeout: float = 30) -> dict[str, Any]:
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            for entry in self.entries():
                if entry["message"] == message:
                    return entry
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        raise AssertionError(f"no {message!r} in the log:\n{self.log.read_text()}")

    def wait_until_ready(self) -> "ServerProcess":
        self.wait_for_log("ready")
        return self

    def terminate(self, signum: int = signal.SIGTERM) -> None:
        self.process.send_signal(signum)

    def wait(self, timeout: float = 30) -> int:
        return self.process.wait(timeout)

    def metrics(self) -> dict[str, float]:
        """Return each sample's value by its line up to the value."""
        lines = httpx.get(self.metrics_url).text.splitlines()
        return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in lines if not line.startswith("#")}


@contextlib.contextmanager
def serving(
    model: Path, *arguments: str | Path, tmp_path: Path, env: Mapping[str, str] | None = None
) -> Iterator[ServerProcess]:
    """Start a server, which may still be loading; end it, whatever happened."""
    command = [*COMMAND, "serve", str(model), *FREE_PORTS, "--log-format", "json", *map(str, arguments)]
    log = tmp_path / "server.log"
    with log.open("wb") as stderr:
        process = subprocess.Popen(command, env=environment(env), stderr=stderr)
    try:
        yield ServerProcess(process, log)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
