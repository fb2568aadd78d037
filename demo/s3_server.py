"""Starts an S3 server (versitygw) on the cluster's node address, where the host and the pods both reach it; ends it."""

import secrets
import shutil
import socket
import time
from pathlib import Path
from typing import Final

from tests.cluster import NODE_ADDRESS, processes, programs, tools
from tests.cluster.paths import cache_dir

from .errors import DemoError
from .store import Store, read_environment, write_environment

PORT: Final = 17071
BUCKET: Final = "models"
NAME: Final = "versitygw"
LIMIT: Final = 20.0
"""Seconds that the server may take to answer."""


def home() -> Path:
    """Return the folder of all that the demo keeps; `down` removes it."""
    return cache_dir() / "demo"


def ensure() -> Store:
    """Return the store of the running S3 server; it is started, with new credentials, when none of ours runs."""
    credentials = home() / "store.env"
    if _alive() and credentials.exists() and _answers():
        return _store(credentials)
    end()
    if _answers():
        raise DemoError(
            f"something else listens on {NODE_ADDRESS}:{PORT}, where the demo starts its S3 server; end it first.",
            f"ss -ltnp 'sport = :{PORT}'",
        )
    data = home() / "s3"
    (data / BUCKET).mkdir(parents=True, exist_ok=True)
    (home() / "logs").mkdir(exist_ok=True)
    (home() / "pids").mkdir(exist_ok=True)
    write_environment(
        credentials,
        {
            "AWS_ACCESS_KEY_ID": "demo",
            "AWS_SECRET_ACCESS_KEY": secrets.token_hex(20),
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": f"http://{NODE_ADDRESS}:{PORT}",
        },
    )
    given = read_environment(credentials)
    processes.start(
        NAME,
        [str(tools.binary(NAME)), "--port", f"{NODE_ADDRESS}:{PORT}", "posix", str(data)],
        pids=home() / "pids",
        logs=home() / "logs",
        # Not on the command line, which everybody on the machine may read.
        environment={
            "PATH": programs.search_path(),
            "HOME": str(home()),
            "ROOT_ACCESS_KEY_ID": given["AWS_ACCESS_KEY_ID"],
            "ROOT_SECRET_ACCESS_KEY": given["AWS_SECRET_ACCESS_KEY"],
        },
    )
    _wait()
    return _store(credentials)


def _store(credentials: Path) -> Store:
    return Store(f"s3://{BUCKET}", read_environment(credentials), credentials)


def end() -> bool:
    """End the S3 server that the demo started; return whether there was one."""
    running = [record for record in processes.recorded(home() / "pids") if record.alive()]
    processes.end(running, grace=3.0)
    return bool(running)


def down() -> bool:
    """End the S3 server and remove all that the demo keeps; return whether there was anything."""
    there = end() or home().exists()
    shutil.rmtree(home(), ignore_errors=True)
    return there


def _alive() -> bool:
    return any(record.alive() for record in processes.recorded(home() / "pids"))


def _answers() -> bool:
    try:
        with socket.create_connection((NODE_ADDRESS, PORT), timeout=2):
            return True
    except OSError:
        return False


def _wait() -> None:
    log = home() / "logs" / f"{NAME}.log"
    deadline = time.monotonic() + LIMIT
    while not _answers():
        recorded = (home() / "pids" / f"{NAME}.json").exists()
        if time.monotonic() > deadline or (recorded and not _alive()):
            raise DemoError(f"the S3 server did not start. The end of {log}:\n{processes.tail(log)}")
        time.sleep(0.05)
