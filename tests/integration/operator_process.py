"""The real operator as a process of the test's: started, killed at any moment, its log read."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from tests.cluster import launcher
from tests.cluster.rest import Object

SERVER_IMAGE = "registry.example.com/onnx-operator/server:test"


@dataclass
class OperatorProcess:
    """A running operator; `log` has its output, JSON lines. `ended` is true once the test has ended it."""

    process: subprocess.Popen[bytes]
    log: Path
    port: int
    ended: bool = False

    @property
    def pid(self) -> int:
        """The operator's pid; resource use is read from /proc by it."""
        return self.process.pid

    def answers(self, path: str) -> bool:
        """Whether its endpoint (`/healthz`, `/readyz`) says yes."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        url = f"http://127.0.0.1:{self.port}{path}"
        with contextlib.suppress(OSError), opener.open(url, timeout=2) as answer:
            return bool(answer.status == 200)
        return False

    def wait_ready(self, patience: float = 30.0) -> None:
        """Wait until it is ready: its cache is primed, and its watches run."""
        deadline = time.monotonic() + patience
        while not self.answers("/readyz"):
            self.check()
            assert time.monotonic() < deadline, f"the operator is not ready after {patience:.0f} s:\n{self.tail()}"
            time.sleep(0.05)

    def check(self) -> None:
        """Fail if it has ended by itself."""
        assert self.process.poll() is None, f"the operator ended ({self.process.returncode}):\n{self.tail()}"

    def kill(self) -> None:
        """End it as a crash does, at once."""
        self.ended = True
        self.process.kill()
        self.process.wait()

    def stop(self, patience: float = 20.0) -> int:
        """End it as a kubelet does, with SIGTERM; return the exit code."""
        self.ended = True
        self.process.terminate()
        return self.process.wait(patience)

    def freeze(self) -> None:
        """Let it stand still, as on a node that hangs."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self.process.send_signal(signal.SIGCONT)

    def lines(self) -> list[Object]:
        """Return what it has logged; lines that are not JSON come as `{"message": ...}`."""
        return [_line(text) for text in self.log.read_text(errors="replace").splitlines()]

    def tail(self, count: int = 30) -> str:
        """Return the end of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-count:])


def start(kubeconfig: Path, log: Path, *options: str) -> OperatorProcess:
    """Start `onnx-operator run` with `options` against a cluster; it does not outlive this process."""
    port = free_port()
    command = [sys.executable, "-m", "onnx_operator", "run", "--server-image", SERVER_IMAGE]
    command += ["--http-port", str(port), *options]
    # Nothing of the environment may lead it to another cluster.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("KUBE", "POD_"))}
    wrapped = [sys.executable, "-I", "-S", launcher.__file__, f"{log}.json", "", str(os.getpid()), "--", *command]
    with log.open("ab") as output:
        process = subprocess.Popen(
            wrapped,
            env={**environment, "KUBECONFIG": str(kubeconfig)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    return OperatorProcess(process, log, port)


def free_port() -> int:
    """Return a port that nobody listens at right now."""
    with socket.socket() as probe:
        probe.bind(("", 0))
        port: int = probe.getsockname()[1]
    return port


def _line(text: str) -> Object:
    try:
        parsed = json.loads(text)
    except ValueError:
        return {"message": text}
    return parsed if isinstance(parsed, dict) else {"message": text}
