"""Any spec is refused at once, served, or told what is wrong with it, and a good one afterwards is served.

Real API server, controllers and scheduler; pods are played by KWOK. All mutations are one model each, all at the same
time, before one operator. CI takes each mutation of one field and PAIRS of two; `MUTATION_PAIRS=2000` takes more.
"""

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from onnx_operator.api.crd import schema_of
from onnx_operator.api.spec import Spec
from onnx_operator.decide import reasons
from tests.cluster.plane import ControlPlane
from tests.cluster.rest import Object, RestError
from tests.e2e.kubectl import condition, settled
from tests.integration.installation import make_namespace
from tests.integration.mutations import Mutation, mutations, pairs
from tests.integration.namespace import Namespace
from tests.integration.operator_process import OperatorProcess, StartOperator
from tests.integration.scenarios import AT_ONCE

PAIRS = int(os.environ.get("MUTATION_PAIRS", "60"))
GOOD = {"model": {"uri": "s3://models/good/model.onnx"}, "rollout": AT_ONCE}
PATIENCE = 400.0

WAITS = {reasons.UNSCHEDULABLE, reasons.VOLUME_UNBOUND, reasons.PREPARING_POD}
"""What a spec may come to that is on its way for good, by the message: a node or a volume may still come."""

NAMED = {reasons.INVALID_FIELD, reasons.REFUSED, reasons.PODS_REFUSED}
"""Refusals whose message has to name a field of the spec."""


@dataclass(frozen=True)
class Subject:
    """A mutation, and the model that has it."""

    name: str
    namespace: Namespace
    mutation: Mutation

    @property
    def said(self) -> str:
        """How a failure names it."""
        return f"{self.name}: {self.mutation.field} {self.mutation.what}"


@pytest.fixture
def places(plane: ControlPlane) -> Iterator[tuple[Namespace, Namespace]]:
    """A roomy namespace, and a crowded one, where nobody gets a thousand pods."""
    roomy, crowded = make_namespace(plane), make_namespace(plane)
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "few"}, "spec": {"hard": {"pods": "20"}}}
    crowded.apply(quota)
    crowded.wait("ResourceQuota", "few", lambda found: found.get("status", {}).get("used"))
    yield roomy, crowded
    for namespace in (roomy, crowded):
        plane.rest.delete(f"/api/v1/namespaces/{namespace.name}")


@pytest.mark.timeout(900)
def test_every_mutation_of_the_spec_is_refused_served_or_explained_and_a_good_spec_recovers_with_pods_played_by_kwok(
    start_operator: StartOperator, places: tuple[Namespace, Namespace]
) -> None:
    roomy, crowded = places
    # All at once is more than a small machine answers quickly; impatience is not what is tested here.
    patient = ("--request-timeout", "20", "--lease-duration", "60")
    operator = start_operator("--namespaces", f"{roomy.name},{crowded.name}", *patient)
    operator.wait_leading()
    schema = schema_of(Spec)
    made = [*mutations(schema), *pairs(schema, PAIRS, seed=1)]
    subjects = [
        Subject(f"m{number}", crowded if is_many(mutation.spec) else roomy, mutation)
        for number, mutation in enumerate(made)
    ]

    began = time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        refusals = dict(zip([s.name for s in subjects], pool.map(refusal, subjects), strict=True))
    accepted = [subject for subject in subjects if refusals[subject.name] is None]
    endings = wait_all(accepted, ending, operator)
    count = Counter(ends.split(" ")[0] for ends in endings.values())
    count["refused at admission"] = len(subjects) - len(accepted)
    print(f"{len(subjects)} mutations after {time.monotonic() - began:.0f} s: {dict(count.most_common())}")
    assert count["refused at admission"] > 100
    assert count["served"] > 100
    assert unexplained(accepted) == []
    check(operator, accepted)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda subject: subject.namespace.replace_spec(subject.name, GOOD), accepted))
    wait_all(accepted, lambda model: "served" if settled(model) else "", operator)
    print(f"all {len(accepted)} recovered after {time.monotonic() - began:.0f} s")
    check(operator, accepted)


def is_many(spec: Object) -> bool:
    """Return whether a spec asks for more pods than a test wants to see."""
    match spec:
        case {"scaling": {"minReplicas": int(replicas)}}:
            return replicas > 5
        case _:
            return False


def refusal(subject: Subject) -> str | None:
    """Create the model; return what the API server said if it refused it as the spec's fault."""
    try:
        subject.namespace.create_model(subject.name, subject.mutation.spec)
    except RestError as error:
        if error.code not in {400, 422}:
            raise
        return str(error)
    return None


def ending(model: Object) -> str:
    """Return what a model has come to, in a word and the reason; empty while it is on its way."""
    if model.get("status", {}).get("observedGeneration") != model["metadata"]["generation"]:
        return ""
    reconciling, stalled = condition(model, "Reconciling"), condition(model, "Stalled")
    if stalled["status"] == "True":
        return f"stalled {stalled['reason']}"
    if reconciling["status"] == "True":
        return f"waits {reconciling['reason']}" if reconciling["reason"] in WAITS else ""
    return "served" if reconciling["reason"] == reasons.RECONCILED else f"rests {reconciling['reason']}"


def unexplained(subjects: list[Subject]) -> list[str]:
    """Return the models whose condition does not lead to the spec: a field that Kubernetes did not take, unnamed."""
    found = []
    for subject in subjects:
        model = subject.namespace.get("ONNXModel", subject.name)
        assert model is not None
        stalled = condition(model, "Stalled")
        if stalled["status"] == "True" and stalled["reason"] in NAMED:
            fields = subject.mutation.field.split(" and ")
            if not any(leads_to(field, stalled["message"]) for field in fields):
                found.append(f"{subject.said}: {stalled['reason']}: {stalled['message']}")
    return found


def leads_to(field: str, message: str) -> bool:
    """Return whether a message ends with a field to change, in the part of the spec that the mutated one is in.

    It may be another field of that part: a mount is refused when its volume is not there.
    """
    part = ".".join(field.split(".")[:2])
    return f" Change {part}" in message or f", {part}" in message.rpartition(" Change ")[2]


def wait_all(subjects: list[Subject], end: Callable[[Object], str], operator: OperatorProcess) -> dict[str, str]:
    """Return what each model has come to, once all have and it stays so for some looks."""
    deadline = time.monotonic() + PATIENCE
    wanted = {(subject.namespace.name, subject.name): subject for subject in subjects}
    namespaces = {subject.namespace.name: subject.namespace for subject in subjects}
    before: dict[str, str] = {}
    stays = 0
    while True:
        operator.check()
        models = [model for namespace in namespaces.values() for model in namespace.list("ONNXModel")]
        keyed = {(m["metadata"]["namespace"], m["metadata"]["name"]): m for m in models}
        found = {subject.name: end(keyed[key]) for key, subject in wanted.items()}
        stays = stays + 1 if found == before and all(found.values()) else 0
        if stays == 3:
            return found
        before = found
        if time.monotonic() > deadline:
            late = [
                f"{subject.said}: {condition(keyed[key], 'Reconciling')}"
                for key, subject in wanted.items()
                if not found[subject.name]
            ]
            raise AssertionError(f"{len(late)} of {len(subjects)} have come to nothing:\n" + "\n".join(late[:40]))
        time.sleep(2)


def check(operator: OperatorProcess, subjects: list[Subject]) -> None:
    """Fail if the operator stumbled: a traceback, a bug, a refusal that no condition tells of, a key that is stuck."""
    operator.wait_idle(more_than=-1)
    assert [line for line in operator.lines() if "exception" in line or "Traceback" in str(line)] == []
    metrics = operator.metrics()
    assert {
        name: metrics.get(f'onnx_operator_reconciles_total{{result="{name}"}}', 0) for name in ("bug", "refused")
    } == {
        "bug": 0,
        "refused": 0,
    }
    for subject in subjects:

        def rests(subject: Subject = subject) -> bool:
            return operator.debug(subject.namespace.name, subject.name)["queue"] in {"idle", "later"}

        operator.wait(f"done with {subject.said}", rests)
        seen = operator.debug(subject.namespace.name, subject.name)
        assert seen["decisions"][-1]["result"] == "done", f"{subject.said}: {seen['decisions'][-1]}"
