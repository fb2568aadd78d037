"""What the operator told the pods of a namespace, as the stand-in for their control ports remembers it."""

import json
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from tests.cluster.control_port import PORT
from tests.cluster.plane import ControlPlane
from tests.cluster.rest import Object
from tests.integration.namespace import Namespace


@dataclass(frozen=True)
class Told:
    """One order that a pod has taken: `at` is in seconds of the epoch, `candidates` are pod UIDs."""

    at: float
    pod: str
    revision: str
    """The pod's own."""

    generation: int
    to: str | None
    weight: int
    candidates: tuple[str, ...]
    hand_over: bool
    course: str = ""
    shadow: int = 0
    """Percent of the requests that are copied."""


def orders(plane: ControlPlane, namespace: Namespace) -> list[Told]:
    """Return all that the namespace's pods were told, in order; also those that are gone."""
    found = [
        Told(
            order["at"],
            pod["podUid"],
            pod["revision"],
            order["generation"],
            order["revision"],
            order["weight"],
            tuple(candidate["podUid"] for candidate in order["candidates"]),
            order["handOver"],
            order.get("course", ""),
            (order.get("shadow") or {}).get("percent", 0),
        )
        for pod in _remembered(plane, namespace)
        for order in pod["orders"]
    ]
    return sorted(found, key=lambda told: told.at)


def first_failure(plane: ControlPlane, namespace: Namespace) -> float:
    """Return when a pod first told of a failing candidate, in seconds of the epoch."""
    return min(float(pod["failedAt"]) for pod in _remembered(plane, namespace) if pod["failedAt"])


def weights(told: Sequence[Told]) -> list[int]:
    """Return the weights that the pods were told one after the other; equal ones in a row count once."""
    found = [order.weight for order in told]
    return found[:1] + [after for before, after in pairwise(found) if before != after]


def _remembered(plane: ControlPlane, namespace: Namespace) -> list[Object]:
    address = plane.place.pods[1]
    url = f"http://{address}:{PORT}/v1/split/orders?namespace={namespace.name}"
    with urllib.request.urlopen(url, timeout=5) as answer:
        remembered: list[Object] = json.load(answer)
    return remembered
