"""The operator killed after each of its writes comes to the same end; a real API server, pods played by KWOK.

What an unkilled operator needs n writes for is done again, each time by one that is killed (kill -9) after its k-th
write, 1 <= k < n, and followed by another one. The namespaces are prepared together, because starting is what takes
time. Each test prints where its kills fell.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from tests.cluster.plane import ControlPlane
from tests.e2e.kubectl import settled
from tests.integration.audit import Audit
from tests.integration.crash import Watch
from tests.integration.end_state import end_state
from tests.integration.installation import forget_lease, make_namespace
from tests.integration.namespace import Namespace
from tests.integration.operator_process import OperatorProcess, StartOperator

OLD, NEW = "s3://models/digits/1/model.onnx", "s3://models/digits/2/model.onnx"
AT_MOST = 9
"""Namespaces of a scenario; where one needs more writes than that, the k are spread evenly."""

SEEN_AT_LAST = 12.0
"""Seconds until an operator that has just started sees a deletion which it missed while its watches began."""

Step = Callable[[Namespace], object]


def create(namespace: Namespace, uri: str = OLD) -> None:
    namespace.model("digits", model={"uri": uri}, scaling={"minReplicas": 2})


def change(namespace: Namespace) -> None:
    create(namespace, NEW)


def damage(namespace: Namespace) -> None:
    (deployment,) = namespace.list("Deployment")
    namespace.delete("Service", "digits")
    namespace.delete("Deployment", deployment["metadata"]["name"])


def nothing(namespace: Namespace) -> None:
    """Leave the namespace empty."""


@dataclass(frozen=True)
class Scenario:
    """What is there before, and what then happens."""

    before: Step
    action: Step


SCENARIOS = {
    "created": Scenario(nothing, create),
    "changed": Scenario(create, change),
    "damaged": Scenario(create, damage),
}


@pytest.fixture
def namespaces(plane: ControlPlane) -> Iterator[list[Namespace]]:
    """One namespace for the run that nobody kills, and one for each that is."""
    made = [make_namespace(plane) for _ in range(AT_MOST)]
    yield made
    for namespace in made:
        plane.rest.delete(f"/api/v1/namespaces/{namespace.name}")


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=list(SCENARIOS))
def test_an_operator_killed_after_any_write_comes_to_the_same_end_with_pods_played_by_kwok(
    scenario: Scenario,
    start_operator: StartOperator,
    namespaces: list[Namespace],
    audit: Audit,
    plane: ControlPlane,
    record_property: Callable[[str, object], None],
) -> None:
    def lead() -> OperatorProcess:
        forget_lease(plane)
        started = start_operator("--namespaces", ",".join(namespace.name for namespace in namespaces))
        started.wait_leading()
        return started

    operator = lead()
    for namespace in namespaces:
        scenario.before(namespace)
    if scenario.before is not nothing:
        for namespace in namespaces:
            namespace.wait("ONNXModel", "digits", at_rest)
    unkilled, *others = namespaces
    operator.wait_idle(more_than=-1)

    watch = Watch.begin(audit, unkilled)
    began = time.monotonic()
    scenario.action(unkilled)
    needed = watch.all_landed()
    took = time.monotonic() - began
    unkilled.wait("ONNXModel", "digits", at_rest)
    expected = end_state(unkilled)

    cuts = []
    for k, namespace in zip(sample(needed - 1, len(others)), others, strict=False):
        watch = Watch.begin(audit, namespace)
        scenario.action(namespace)
        watch.kill_after(k, operator, patience=took + SEEN_AT_LAST)
        cuts.append((k, watch.landed()))
        operator = lead()
        assert came_to(expected, namespace) == expected, f"killed after write {k} of {needed}"

    print(f"{len(cuts)} kills in {needed} writes; (after write k, writes that had landed): {cuts}")
    record_property("crash_points", cuts)
    assert needed >= 4
    between = {landed for _, landed in cuts if 1 <= landed < needed}
    assert len(between) > len(cuts) / 2, f"most kills must fall between two writes of {needed}: {cuts}"


def at_rest(model: dict[str, object]) -> bool:
    """Return whether a model is settled with both pods, and its signature is read."""
    status = model.get("status", {})
    assert isinstance(status, dict)
    return settled(model) and status.get("readyReplicas") == 2 and "signature" in status


def sample(last: int, size: int) -> list[int]:
    """Return 1 to `last`, or so many of them, evenly spread, as there is room for."""
    if last <= size:
        return list(range(1, last + 1))
    return sorted({1 + round(i * (last - 1) / (size - 1)) for i in range(size)})


def came_to(expected: dict[str, dict[str, object]], namespace: Namespace) -> dict[str, dict[str, object]]:
    """Return the end state of a namespace, once it is the expected one and stays so; else what it is at last."""
    deadline = time.monotonic() + 30
    stays = 0
    while (found := end_state(namespace)) != expected or stays < 3:
        if time.monotonic() > deadline:
            return found
        stays = stays + 1 if found == expected else 0
        time.sleep(0.1)
    return found
