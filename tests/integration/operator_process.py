"""The real operator as a process of the test's: started, killed at any moment, its log read."""

import json
import os
import random
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.cluster import launcher
from tests.cluster.rest import Object

SERVER_IMAGE = "registry.example.com/onnx-operator/server:test"
QUICK_LEASE = ("--lease-duration", "6", "--request-timeout", "2")
"""Seconds that a test waits for the Lease of a killed operator, unless it deletes it (`installation.forget_lease`)."""

RECONCILES = "onnx_operator_reconciles_total"

HELD = """
import sys
from onnx_operator.cli import main
sys.stdin.readline()
sys.exit(main(sys.argv[1:]))
"""
"""The program of an operator that has imported its code and waits, having asked for nothing, until it is let go."""


@dataclass
class OperatorProcess:
    """A running operator; `log` has its output, JSON lines. `ended` is true once the test has ended it."""

    process: subprocess.Popen[bytes]
    log: Path
    port: int
    debug_port: int
    ended: bool = False

    @property
    def pid(self) -> int:
        """The operator's pid; resource use is read from /proc by it."""
        return self.process.pid

    def answers(self, path: str) -> bool:
        """Whether its endpoint (`/healthz`, `/readyz`) says yes."""
        return _get(self.port, path) is not None

    def metrics(self) -> dict[str, float]:
        """Return its metrics, by name and labels as they are written; nothing while it does not answer."""
        lines = (_get(self.port, "/metrics") or b"").decode().splitlines()
        pairs = (line.rpartition(" ") for line in lines if not line.startswith("#"))
        return {name: float(value) for name, _, value in pairs}

    def debug(self, namespace: str, model: str) -> Object:
        """Return what it has cached, queued and decided about a model."""
        found: Object = json.loads(_get(self.debug_port, f"/debug/models/{namespace}/{model}") or b"{}")
        return found

    def reconciles(self) -> int:
        """Return how many reconciles it has finished, well or not."""
        return int(sum(value for name, value in self.metrics().items() if name.startswith(RECONCILES)))

    def wait_ready(self, patience: float = 30.0) -> None:
        """Wait until it is ready: its cache is primed, and its watches run."""
        self.wait("ready", lambda: self.answers("/readyz"), patience)

    def wait_leading(self, patience: float = 30.0) -> None:
        """Wait until it is ready and holds the Lease, so that it writes."""
        self.wait_ready(patience)
        self.wait("leading", lambda: self.metrics().get("onnx_operator_leader") == 1, patience)

    def wait_idle(self, more_than: int = 0, patience: float = 30.0) -> None:
        """Wait until it has finished more than so many reconciles, and has nothing to do."""

        def idle() -> bool:
            return self.reconciles() > more_than and self.metrics().get("onnx_operator_queue_depth") == 0

        self.wait("idle", idle, patience)

    def wait(self, what: str, check: Callable[[], bool], patience: float = 30.0) -> None:
        """Wait until something holds of it; fail with the end of its log."""
        deadline = time.monotonic() + patience
        while not check():
            self.check()
            assert time.monotonic() < deadline, f"the operator is not {what} after {patience:.0f} s:\n{self.tail()}"
            time.sleep(0.05)

    def check(self) -> None:
        """Fail if it has ended by itself."""
        assert self.process.poll() is None, f"the operator ended ({self.process.returncode}):\n{self.tail()}"

    def let_go(self) -> None:
        """Let an operator that was started `held` begin."""
        assert self.process.stdin is not None
        self.process.stdin.write(b"\n")
        self.process.stdin.close()

    def kill(self) -> None:
        """End it as a crash does, at once."""
        self.ended = True
        self.process.kill()
        self.process.wait()
        if self.process.stdin is not None:
            self.process.stdin.close()

    def stop(self, patience: float = 20.0) -> int:
        """End it as a kubelet does, with SIGTERM; return the exit code."""
        self.ended = True
        self.process.terminate()
        return self.process.wait(patience)

    def lines(self) -> list[Object]:
        """Return what it has logged; lines that are not JSON come as `{"message": ...}`."""
        return [_line(text) for text in self.log.read_text(errors="replace").splitlines()]

    def tail(self, count: int = 30) -> str:
        """Return the end of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-count:])


StartOperator = Callable[..., OperatorProcess]
"""Starts an operator with more options."""


def start(
    kubeconfig: Path, log: Path, *options: str, held: bool = False, environment: Mapping[str, str] | None = None
) -> OperatorProcess:
    """Start `onnx-operator run` with `options` against a cluster; it does not outlive this process.

    One that is `held` begins when it is let go: starting Python is what takes most of the time.
    """
    port, debug_port = free_port(), free_port()
    command = [sys.executable, *(("-c", HELD) if held else ("-m", "onnx_operator"))]
    command += ["run", "--server-image", SERVER_IMAGE]
    command += ["--http-port", str(port), "--debug-port", str(debug_port), *QUICK_LEASE, *options]
    # Nothing of the environment may lead it to another cluster.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("KUBE", "POD_"))}
    wrapped = [sys.executable, "-I", "-S", launcher.__file__, f"{log}.json", "", str(os.getpid()), "--", *command]
    with log.open("ab") as output:
        process = subprocess.Popen(
            wrapped,
            env={**inherited, "KUBECONFIG": str(kubeconfig), **(environment or {})},
            stdin=subprocess.PIPE if held else subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    return OperatorProcess(process, log, port, debug_port)


PORTS = range(20_000, 30_000)
"""Below the ports that Linux gives to outgoing connections: one of those may take a port between probe and bind."""


def free_port() -> int:
    """Return a port that nobody listens at right now."""
    for port in random.sample(PORTS, len(PORTS)):
        with socket.socket() as probe:
            try:
                probe.bind(("", port))
            except OSError:
                continue
            return port
    raise AssertionError(f"no port from {PORTS.start} to {PORTS.stop} is free")


def _get(port: int, path: str) -> bytes | None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://127.0.0.1:{port}{path}", timeout=2) as answer:
            body: bytes = answer.read()
    except OSError:  # nobody listens yet, or the answer is not 200
        return None
    return body


def _line(text: str) -> Object:
    try:
        parsed = json.loads(text)
    except ValueError:
        return {"message": text}
    return parsed if isinstance(parsed, dict) else {"message": text}
