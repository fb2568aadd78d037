"""Whatever happened before, a model serves from the objects that its last spec gives in an empty namespace.

hypothesis makes the histories: edits of the spec, drift and deletions of owned objects, pods that die, a model deleted
and made anew, restarts of the operator by kill and by stop, and time between them. SIZE of them run at once before one
operator, in a namespace each; a fresh namespace for each last spec says what is right. Real API server, pods played by
KWOK. CI runs a few, the same for the same commit; `HISTORIES=200 pytest tests/integration/test_histories.py` more.
"""

import os
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from hypothesis import HealthCheck, Phase, given, note, settings

from tests.cluster.plane import ControlPlane
from tests.cluster.rest import Object
from tests.e2e.kubectl import eventually, settled
from tests.integration.end_state import differences, serving_state
from tests.integration.histories import NAME, Histories, Step, histories
from tests.integration.installation import forget_lease, make_namespace
from tests.integration.namespace import MODEL, Namespace
from tests.integration.operator_process import OperatorProcess, StartOperator

SIZE, LENGTH = 12, 8
EXAMPLES = max(1, int(os.environ.get("HISTORIES", str(2 * SIZE))) // SIZE)
PATIENCE = 60.0
"""Seconds that a history has to come to its end. An operator that has just started may miss what happens in its first
seconds; it sees it some ten seconds later."""


def test_a_history_ends_with_what_its_last_spec_makes_of_an_empty_namespace_with_pods_played_by_kwok(
    plane: ControlPlane, start_operator: StartOperator, record_property: Callable[[str, object], None]
) -> None:
    happened: Counter[str] = Counter()

    def lead() -> OperatorProcess:
        forget_lease(plane)
        started = start_operator("--namespaces", "", *PATIENT)
        started.wait_leading()
        return started

    operator = lead()

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        # A smaller history that fails would take minutes to find, and the whole one is printed.
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(histories(SIZE, LENGTH))
    def live(drawn: Histories) -> None:
        nonlocal operator
        namespaces = [make_namespace(plane) for _ in drawn.last]
        fresh: dict[str, Namespace] = {}
        try:
            before = [foreign_objects(namespace) for namespace in namespaces]
            with ThreadPoolExecutor(8) as pool:
                for round_ in drawn.rounds:
                    list(pool.map(do, round_.steps, namespaces))
                    happened.update(type(step).__name__ for step in round_.steps)
                    time.sleep(round_.seconds)  # time of the history, not a wait for something
                    operator.check()
                    if round_.operator is not None:
                        happened[round_.operator] += 1
                        operator = ended(operator, round_.operator, lead)
            for spec, namespace in zip(drawn.last, namespaces, strict=True):
                if str(spec) not in fresh:
                    fresh[str(spec)] = make_namespace(plane)
                    fresh[str(spec)].model(NAME, **spec)
                namespace.model(NAME, **spec)
            for namespace in fresh.values():
                namespace.wait(MODEL, NAME, at_rest)
            for number, (spec, namespace) in enumerate(zip(drawn.last, namespaces, strict=True)):
                note(f"the history in {namespace.name}: {[round_.steps[number] for round_ in drawn.rounds]}, {spec}")
                expected = serving_state(fresh[str(spec)], NAME)
                apart = differences(expected, came_to(expected, namespace))
                if apart:
                    said = [str(line) for line in operator.lines() if namespace.name in str(line)]
                    note("the operator's last words on it:\n" + "\n".join(said[-40:]))
                assert apart == [], f"history {number}"
                assert foreign_objects(namespace) == before[number], f"history {number}: what is not ours"
                happened["histories"] += 1
            assert stumbles(operator) == []
        finally:
            for namespace in (*namespaces, *fresh.values()):
                plane.rest.delete(f"/api/v1/namespaces/{namespace.name}")
            eventually("the models are gone", lambda: not plane.rest.list(MODELS))

    live()
    print(f"{SIZE} histories of {LENGTH} rounds at a time: {dict(happened)}")
    record_property("histories", dict(happened))
    assert happened["histories"] == EXAMPLES * SIZE


MODELS = "/apis/onnx-operator.dev/v1alpha1/onnxmodels"


PATIENT = ("--request-timeout", "10", "--lease-duration", "30")
"""A dozen models at once may keep a small machine's API server busy for longer than other tests give it."""


def do(step: Step, namespace: Namespace) -> None:
    """Take one step of a history."""
    step.do(namespace)


def ended(operator: OperatorProcess, how: str, lead: Callable[[], OperatorProcess]) -> OperatorProcess:
    """End the operator by kill or stop, and return the one that follows it."""
    assert stumbles(operator) == []
    if how == "kill":
        operator.kill()
    else:
        assert operator.stop() == 0
    return lead()


def stumbles(operator: OperatorProcess) -> list[str]:
    """Return what an operator logged of bugs: they come with a traceback."""
    return [str(line) for line in operator.lines() if "exception" in line or "Traceback" in str(line)]


def at_rest(model: Object) -> bool:
    """Return whether a model is settled and its signature is read."""
    return settled(model) and "signature" in model["status"]


def foreign_objects(namespace: Namespace) -> list[Object]:
    """Make objects that are not ours, though they look like it, if they are not there; return how they are."""
    ours = {"app.kubernetes.io/managed-by": "onnx-operator", "onnx-operator.dev/model": NAME}
    wanted: list[Object] = [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"{NAME}-more", "labels": ours}, "data": {}},
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": f"{NAME}-more", "labels": ours},
            "spec": {"ports": [{"port": 80}]},
        },
        {
            "apiVersion": "apps/v1",
            "kind": "ControllerRevision",
            "metadata": {"name": f"{NAME}-bcdfghjklm", "labels": ours},
            "revision": 99,
            "data": {"declared": {"model": {"uri": "s3://models/foreign.onnx"}}},
        },
    ]
    found = []
    for manifest in wanted:
        name = manifest["metadata"]["name"]
        found.append(namespace.get(manifest["kind"], name) or namespace.apply(manifest))
    return found


def came_to(expected: Object, namespace: Namespace) -> Object:
    """Return the serving state of a namespace, once it is the expected one and stays so; else what it is at last."""
    deadline = time.monotonic() + PATIENCE
    stays = 0
    while (found := serving_state(namespace, NAME)) != expected or stays < 3:
        if time.monotonic() > deadline:
            return found
        stays = stays + 1 if found == expected else 0
        time.sleep(0.2)
    return found
