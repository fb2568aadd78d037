"""Two replicas before a real API server: only the holder of the Lease writes, whatever happens to it. KWOK plays pods.

Each has an entrance of its own, whose name the audit log shows; a model changes all the time, so that the holder always
has something to write. The durations are the shipped ones.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import pytest

from onnx_operator.settings import Settings
from tests.cluster.plane import ControlPlane
from tests.cluster.rest import Object
from tests.e2e.kubectl import eventually
from tests.integration.audit import Audit
from tests.integration.namespace import Namespace
from tests.integration.proxy import Call, proxied
from tests.integration.proxy.plan import any_call
from tests.integration.proxy.record import Entry
from tests.integration.scenarios import pinned
from tests.integration.succession import Reign, Succession

DURATION = Settings.lease_duration
SHIPPED = ("--lease-duration", f"{DURATION:g}", "--request-timeout", f"{Settings.request_timeout:g}")
CLEAN_STOP = 3.0
"""Seconds within which another replica writes after a clean stop."""


@dataclass
class Pair:
    """The holder of the Lease, and the replica that waits; `since` is where the audit log was before they wrote."""

    holder: Reign
    other: Reign
    namespace: Namespace
    audit: Audit
    since: int

    def writes(self, of: Reign) -> list[Entry]:
        """Return what a replica has tried to write, the Lease left out."""
        return of.entrance.record.writes(self.namespace.name)

    def followed(self) -> float:
        """Return when the first write of the other replica was answered (monotonic seconds), once there is one."""

        def first() -> float | None:
            return next((entry.answered for entry in self.writes(self.other) if entry.answered), None)

        found: float = eventually("the other replica writes", first, 3 * DURATION)
        return found


@pytest.fixture
def pair(plane: ControlPlane, kubeconfig: Path, namespace: Namespace, audit: Audit, tmp_path: Path) -> Iterator[Pair]:
    """Two replicas, both primed, of which one leads and always has something to write."""
    since = audit.position()
    options = ("--namespaces", namespace.name, *SHIPPED)
    with proxied(plane, kubeconfig, tmp_path) as proxy:
        replicas = Succession(plane, proxy, tmp_path, options)
        made = Pair(replicas.follow(), replicas.beside(), namespace, audit, since)
        with unrest(namespace):
            eventually("the holder writes", lambda: made.writes(made.holder))
            yield made
        replicas.close()


@contextmanager
def unrest(namespace: Namespace) -> Iterator[None]:
    """Change a model's size all the time."""
    stop = threading.Event()

    def change() -> None:
        pods = 1
        while not stop.wait(0.2):
            pods = 3 - pods
            pinned(pods=pods)(namespace)

    thread = threading.Thread(target=change, name="unrest", daemon=True)
    thread.start()
    yield
    stop.set()
    thread.join()


def test_a_clean_stop_hands_over_within_3_seconds_with_pods_played_by_kwok(pair: Pair) -> None:
    asked = time.monotonic()
    assert pair.holder.process.stop() == 0
    took = pair.followed() - asked
    print(f"handed over in {took:.2f} s")
    assert took < CLEAN_STOP
    assert terms(pair) == ["first", "second"]


def test_a_killed_holder_is_followed_within_the_duration_of_the_lease_with_pods_played_by_kwok(pair: Pair) -> None:
    killed = time.monotonic()
    pair.holder.kill()
    took = pair.followed() - killed
    print(f"followed after {took:.2f} s")
    assert took < DURATION
    assert terms(pair) == ["first", "second"]


def any_lease(call: Call) -> bool:
    return call.resource == "leases"


@pytest.mark.parametrize("cut", [any_call, any_lease], ids=["from everything", "from the lease alone"])
def test_a_holder_that_is_cut_off_stops_before_another_begins_and_returns_as_the_second_with_pods_played_by_kwok(
    pair: Pair, cut: Callable[[Call], bool]
) -> None:
    entrance = pair.holder.entrance
    cut_at = time.monotonic()
    entrance.cut_off(cut)
    followed = pair.followed()
    tried = [entry.came for entry in pair.writes(pair.holder)]
    begun = pair.writes(pair.other)[0].came
    print(f"cut off; tried to write until {tried[-1] - cut_at:.2f} s, another began after {begun - cut_at:.2f} s")
    assert tried[-1] < begun
    assert followed - cut_at < DURATION
    assert cut is any_call or tried[-1] > cut_at + 1, "it could write, and had reason to"
    assert pair.holder.process.metrics()["onnx_operator_leader"] == 0

    entrance.let_through()
    pair.holder.process.wait_ready()
    so_far = len(pair.writes(pair.other))
    eventually("the second goes on", lambda: len(pair.writes(pair.other)) > so_far + 20)
    assert len(pair.writes(pair.holder)) == len(tried)
    assert pair.other.process.stop() == 0
    eventually("the first writes again", lambda: len(pair.writes(pair.holder)) > len(tried))
    assert terms(pair) == ["first", "second", "first"]


def terms(pair: Pair) -> list[str]:
    """Return who wrote, one after the other, by the audit log; fails if a write of one lies within those of the other.

    A write lasts from when the API server received it until it had answered it.
    """
    names = {pair.holder.entrance.name: "first", pair.other.entrance.name: "second"}
    writes = pair.audit.writes(pair.since, namespace=pair.namespace.name)
    writes.sort(key=lambda write: str(write["requestReceivedTimestamp"]))
    found = [names[writer(writes[0])]]
    for before, after in pairwise(writes):
        if writer(before) != writer(after):
            assert ended(before) < began(after), f"two write at a time: {before} and {after}"
            found.append(names[writer(after)])
    return found


def writer(write: Object) -> str:
    """Return the name of the entrance through which a write came."""
    return str(write["userAgent"]).rpartition(" ")[2]


def began(write: Object) -> datetime:
    """Return when the API server received a write."""
    return datetime.fromisoformat(write["requestReceivedTimestamp"])


def ended(write: Object) -> datetime:
    """Return when it had answered it."""
    return datetime.fromisoformat(write["stageTimestamp"])
