"""Which of a revision's pods gets the next request."""

from collections.abc import Sequence
from typing import Protocol, TypeVar

EXCLUSION_SECONDS = 1.0
"""How long a pod that refused a connection gets no requests."""


class Loaded(Protocol):
    """A pod that may be chosen. `excluded_until` is in seconds of time.monotonic()."""

    in_flight: int
    excluded_until: float


Pod = TypeVar("Pod", bound=Loaded)


def least_loaded(pods: Sequence[Pod], now: float, turn: int) -> Pod | None:
    """Return the pod with least in flight; None if none may be asked now. Among equals they take turns by `turn`."""
    free = [pod for pod in pods if pod.excluded_until <= now]
    if not free:
        return None
    start = turn % len(free)
    return min(free[start:] + free[:start], key=lambda pod: pod.in_flight)
