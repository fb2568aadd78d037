"""A server as a process on its core: started, timed until it is ready, and ended with all that it started."""

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from benchmarks.proc import descendants
from benchmarks.server.errors import BenchmarkError
from benchmarks.server.places import HOST, PORTS, SERVER_CORE

PATIENCE: Final = 120.0
"""Seconds a server may take until it is ready."""
ENDING: Final = 15.0
"""Seconds a server may take to end by itself; what is left is killed."""
POLL: Final = 0.002
LOG_TAIL: Final = 3000


@dataclass(frozen=True)
class Command:
    """How a server is started: arguments, and what its environment has beside ours; the first port is HTTP's."""

    arguments: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    core: int = SERVER_CORE
    ports: Sequence[int] = PORTS


@dataclass(frozen=True)
class Running:
    """A server that is ready: its process, and the seconds from exec until it said so."""

    pid: int
    ready_after: float


@contextlib.contextmanager
def running(command: Command, model: str, log: Path) -> Iterator[Running]:
    """Start a server and wait until both the server and the model are ready; end it afterwards."""
    _check_ports(command.ports)
    # One thread for all that ONNX Runtime does not do: numpy's libraries, in every server.
    threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    pinned = ["taskset", "-c", str(command.core), *command.arguments]
    with log.open("wb") as output:
        begin = time.perf_counter()
        process = subprocess.Popen(
            pinned,
            env={**os.environ, **threads, **command.environment},
            cwd=log.parent,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        for path in ("/v2/health/ready", f"/v2/models/{model}/ready"):
            _wait_for(path, command.ports[0], process, log)
        yield Running(process.pid, time.perf_counter() - begin)
        if process.poll() is not None:
            raise BenchmarkError(f"the server ended with {process.returncode}:\n{tail(log)}")
    finally:
        _end(process)


def tail(log: Path) -> str:
    """Return the end of a server's log."""
    return log.read_text(errors="replace")[-LOG_TAIL:]


def _wait_for(path: str, port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + PATIENCE
    while _status(path, port) != http.client.OK:
        if process.poll() is not None:
            raise BenchmarkError(f"the server ended with {process.returncode} before it was ready:\n{tail(log)}")
        if time.monotonic() > end:
            raise BenchmarkError(f"no 200 from {path} within {PATIENCE:.0f} s:\n{tail(log)}")
        time.sleep(POLL)


def _status(path: str, port: int) -> int | None:
    connection = http.client.HTTPConnection(HOST, port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):  # it does not listen yet
        return None
    finally:
        connection.close()


def _check_ports(ports: Sequence[int]) -> None:
    for port in ports:
        with socket.socket() as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                tried.bind((HOST, port))
            except OSError as error:
                raise BenchmarkError(f"port {port} is taken: end what listens there, then run again") from error


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.ExitStack() as handles:
        everything = [_handle(pid, handles) for pid in descendants(process.pid)]
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(ENDING)
        for handle in everything:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(handle, signal.SIGKILL)
        process.wait()


def _handle(pid: int, handles: contextlib.ExitStack) -> int:
    """Return what names this process and no later one of its number."""
    handle = os.pidfd_open(pid)
    handles.callback(os.close, handle)
    return handle
