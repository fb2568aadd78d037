"""Asks daemons whether they are ready, and gives up the moment one of them has died."""

import contextlib
import json
import socket
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from .certificates import Pair
from .errors import ClusterError
from .processes import Daemon, tail
from .specs import Health, Spec

INTERVAL: Final = 0.05
REQUEST_LIMIT: Final = 5.0


def context(ca: Path | None, client: Pair | None) -> ssl.SSLContext:
    """Return a TLS context that trusts `ca` alone (None: anyone) and shows the client's certificate."""
    made = ssl.create_default_context(cafile=None if ca is None else str(ca))
    if ca is None:  # a certificate that the daemon made for itself, at an address that is ours
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    if client is not None:
        made.load_cert_chain(client.certificate, client.key)
    return made


def fetch(health: Health) -> bytes:
    """Return the body of a 200 answer; raise `OSError` (`URLError`, `HTTPError`) otherwise."""
    # An opener of our own, because the environment may name a proxy that knows nothing of our addresses.
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}),
        urllib.request.HTTPSHandler(context=context(health.ca, health.client)),
    )
    with opener.open(health.url, timeout=REQUEST_LIMIT) as answer:
        body: bytes = answer.read()
    return body


def fetch_json(health: Health) -> Any:
    """Return the JSON of a 200 answer, or None when there is no such answer."""
    with contextlib.suppress(OSError, ValueError):
        return json.loads(fetch(health))
    return None


def ready(spec: Spec) -> bool:
    """Whether the daemon answers."""
    if spec.socket is not None:
        with socket.socket(socket.AF_UNIX) as probe, contextlib.suppress(OSError):
            probe.connect(str(spec.socket))
            return True
        return False
    if spec.health is not None:
        with contextlib.suppress(OSError):
            fetch(spec.health)
            return True
        return False
    return True


def wait(what: str, check: Callable[[], bool], daemons: Sequence[Daemon], *, limit: float) -> None:
    """Wait until `check` holds; raise `DaemonDiedError` once a daemon died, `ClusterError` after `limit` seconds."""
    deadline = time.monotonic() + limit
    while not check():
        for daemon in daemons:
            daemon.check()
        if time.monotonic() > deadline:
            logs = "\n".join(f"--- {daemon.log}\n{tail(daemon.log, 8)}" for daemon in daemons)
            raise ClusterError(f"{what} took more than {limit:.0f} s. The ends of the logs:\n{logs}")
        time.sleep(INTERVAL)
