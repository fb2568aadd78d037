"""A real S3 server, versitygw, whose buckets are folders."""

import contextlib
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.cluster import tools

ACCESS_KEY, SECRET_KEY = "test-access", "test-secret"


@dataclass(frozen=True)
class S3:
    """Where the server listens, the folder of its buckets, and the environment that a client needs."""

    endpoint: str
    root: Path

    def bucket(self, name: str) -> Path:
        folder = self.root / name
        folder.mkdir(exist_ok=True)
        return folder

    @property
    def anonymous(self) -> dict[str, str]:
        return {"AWS_ENDPOINT_URL": self.endpoint, "AWS_REGION": "us-east-1"}

    @property
    def env(self) -> dict[str, str]:
        return {**self.anonymous, "AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY}


@contextlib.contextmanager
def s3_server(root: Path) -> Iterator[S3]:
    program = tools.binary("versitygw")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [program, "--access", ACCESS_KEY, "--secret", SECRET_KEY, "--port", f"127.0.0.1:{port}", "posix", root]
    with (root.parent / "versitygw.log").open("wb") as log:
        process = subprocess.Popen([str(part) for part in command], stdout=log, stderr=log)
    try:
        _wait_for(port, process)
        yield S3(f"http://127.0.0.1:{port}", root)
    finally:
        process.kill()
        process.wait()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(200):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        assert process.poll() is None, "versitygw ended"
        time.sleep(0.05)
    raise AssertionError("versitygw does not listen")
