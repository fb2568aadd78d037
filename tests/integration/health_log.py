"""What an operator says of its own health, asked again and again while a test makes trouble."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.integration.operator_process import OperatorProcess

EVERY = 0.1
"""Seconds between two looks."""


@dataclass
class HealthLog:
    """The answers so far, oldest first."""

    alive: list[bool] = field(default_factory=list)
    ready: list[bool] = field(default_factory=list)


@contextmanager
def health_log(process: OperatorProcess) -> Iterator[HealthLog]:
    """Log the health of an operator from now on."""
    log, stop = HealthLog(), threading.Event()

    def look() -> None:
        while not stop.wait(EVERY):
            log.alive.append(process.answers("/healthz"))
            log.ready.append(process.answers("/readyz"))

    thread = threading.Thread(target=look, name="health", daemon=True)
    thread.start()
    try:
        yield log
    finally:
        stop.set()
        thread.join()
