"""Start `grpc_echo` as a process of its own."""

import contextlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import grpc

ROOT = Path(__file__).parents[2]
# No retry policy, so what failed is not tried again. Only calls that no server saw are: a client that hears GOAWAY
# while it hands a call to that connection ends the call itself, and with "grpc.enable_retries" 0 says so.
UNLIMITED = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


class EchoProcess:
    """The service at a free port of 127.0.0.1."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        assert process.stdout is not None
        self.port = int(process.stdout.readline())
        self.address = f"127.0.0.1:{self.port}"

    def channel(self, *options: tuple[str, Any]) -> grpc.Channel:
        """Return a channel of its own connection that never tries a call again."""
        return grpc.insecure_channel(
            self.address, options=[*UNLIMITED, ("grpc.use_local_subchannel_pool", 1), *options]
        )

    def facts(self) -> dict[str, Any]:
        with self.channel() as channel:
            return cast("dict[str, Any]", json.loads(channel.unary_unary("/test.Echo/Facts")(b"", timeout=10)))

    def wait_for(self, name: str, value: Any, timeout: float = 10) -> None:
        """Wait until a fact is so; the connection that asks counts itself."""
        end = time.monotonic() + timeout
        while (seen := self.facts()[name]) != value:
            assert time.monotonic() < end, f"{name} is {seen}, not {value}"
            time.sleep(0.05)

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def end(self, timeout: float = 30) -> str:
        """Wait until it ended by itself; return what it printed at last."""
        output, _ = self.process.communicate(timeout=timeout)
        assert self.process.returncode == 0
        return output


@contextlib.contextmanager
def echo(*options: str, **limits: float | None) -> Iterator[EchoProcess]:
    """Run the service with these limits (`GrpcLimits`)."""
    settings = [f"{name}={json.dumps(value)}" for name, value in limits.items()]
    command = [sys.executable, "-m", "tests.contract.grpc_echo", *options, *settings]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        yield EchoProcess(process)
    finally:
        process.kill()
        process.communicate()
