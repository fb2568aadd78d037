"""What happens to a model in the sweeps: what is there before, what then happens, and how one sees that it is over.

A model is called `digits`. Its pods are played by KWOK.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field

from onnx_operator.api.rollout import Rollout
from tests.cluster.split_stand_in import ARMS
from tests.e2e.kubectl import condition, settled
from tests.integration.end_state import MANAGED
from tests.integration.invariants import Name
from tests.integration.namespace import COLLECTIONS, MODEL, Namespace

NAME = "digits"
SHA256 = "5" * 64
LABELS = {"app.kubernetes.io/managed-by": "onnx-operator", "onnx-operator.dev/model": NAME}

HISTORY_LIMIT = Rollout().revisionHistoryLimit
AT_ONCE = {"strategy": "BlueGreen", "scaleDownDelaySeconds": 0}
"""A new version takes over as soon as it has all its pods."""

CANARY = {"steps": [{"weight": 50}, {"weight": 100}], "stepSeconds": 0, "scaleDownDelaySeconds": 1}
FAILING = {"annotations": {ARMS: json.dumps({"candidate": {"requests": 9, "errors": 9}, "stable": {"requests": 9}})}}
"""The `podTemplate` of pods that find every candidate failing."""

Step = Callable[[Namespace], object]
Check = Callable[[Namespace], bool]


def uri(version: int) -> str:
    """Return the address of a version of the model."""
    return f"s3://models/digits/{version}/model.onnx"


def pinned(version: int = 1, pods: int = 2, **spec: object) -> Step:
    """Apply the model with a declared digest."""

    def apply(namespace: Namespace) -> None:
        given = {"scaling": {"minReplicas": pods}, "rollout": AT_ONCE, **spec}
        namespace.model(NAME, model={"uri": uri(version), "sha256": SHA256}, **given)

    return apply


def unpinned(version: int = 1, pods: int = 2, **spec: object) -> Step:
    """Apply the model without a declared digest: one pod comes first."""

    def apply(namespace: Namespace) -> None:
        given = {"scaling": {"minReplicas": pods}, "rollout": AT_ONCE, **spec}
        namespace.model(NAME, model={"uri": uri(version)}, **given)

    return apply


def serves(pods: int, version: int = 1) -> Check:
    """Return a check that a version serves as its spec asks, with so many pods, and its signature is read."""

    def check(namespace: Namespace) -> bool:
        model = namespace.get(MODEL, NAME)
        status = (model or {}).get("status", {})
        stable = [r for r in status.get("revisions", []) if r["role"] == "Stable" and r["uri"] == uri(version)]
        return bool(
            model and settled(model) and stable and status.get("readyReplicas") == pods and "signature" in status
        )

    return check


def alone(pods: int, version: int) -> Check:
    """Return a check that a version serves, and all others have handed over to it and have no pods."""

    def check(namespace: Namespace) -> bool:
        return serves(pods, version)(namespace) and len(namespace.list("Pod")) == pods

    return check


def taken_back(pods: int, version: int) -> Check:
    """Return a check that a version serves with all pods that there are, and the one that is asked for is rejected."""

    def check(namespace: Namespace) -> bool:
        model = namespace.get(MODEL, NAME) or {}
        status = model.get("status", {})
        stable = [r for r in status.get("revisions", []) if r["role"] == "Stable" and r["uri"] == uri(version)]
        rejected = condition(model, "Stalled").get("reason") == "CandidateErrors"
        return bool(stable and rejected and status["readyReplicas"] == pods == len(namespace.list("Pod")))

    return check


def suspended(namespace: Namespace) -> bool:
    """Whether the model is suspended, without pods."""
    found = condition(namespace.get(MODEL, NAME) or {}, "Reconciling")
    return (found.get("status"), found.get("reason")) == ("False", "Suspended") and not namespace.list("Pod")


def gone(namespace: Namespace) -> bool:
    """Whether nothing is left of the model, nor of what belonged to it."""
    if namespace.get(MODEL, NAME) or namespace.list("Pod"):
        return False
    kinds = [kind for kind in COLLECTIONS if kind not in ("Event", MODEL, "Pod")]
    return not any("ownerReferences" in obj["metadata"] for kind in kinds for obj in namespace.list(kind))


def foreign(namespace: Namespace) -> None:
    """Make what is not the model's, though it looks like it."""
    for kind, content in (("ConfigMap", {"data": {"a": "b"}}), ("Service", {"spec": {"ports": [{"port": 80}]}})):
        metadata = {"name": f"foreign-{kind.lower()}", "labels": LABELS}
        namespace.apply({"apiVersion": "v1", "kind": kind, "metadata": metadata, **content})


def delete(namespace: Namespace) -> None:
    """Delete the model."""
    namespace.delete(MODEL, NAME)


def damage(namespace: Namespace) -> None:
    """Edit or delete one of each kind that the model owns, but for its history."""
    (deployment,) = namespace.list("Deployment", MANAGED)
    revision = deployment["metadata"]["name"]
    namespace.patch("Service", NAME, {"spec": {"selector": {"onnx-operator.dev/revision": "somebody-elses"}}})
    namespace.patch("Deployment", revision, {"metadata": {"labels": {"onnx-operator.dev/model": "somebody-elses"}}})
    namespace.patch("ConfigMap", f"{revision}-live", {"data": {"digest": "somebody-elses"}})
    namespace.delete("PodDisruptionBudget", NAME)
    namespace.delete("ConfigMap", revision)
    namespace.delete("Service", revision)
    namespace.delete("Deployment", revision)
    namespace.delete("Service", NAME)


OWNED = {"Deployment": 1, "PodDisruptionBudget": 1, "Service": 2, "ConfigMap": 2}
"""How many objects of each kind that is damaged a model of one revision has."""


def repaired(namespace: Namespace) -> bool:
    """Return whether nothing is left of `damage`: the status may say so before anybody has looked."""
    found = {kind: namespace.list(kind, MANAGED) for kind in OWNED}
    whole = all(len(found[kind]) == count for kind, count in OWNED.items())
    return whole and "somebody-elses" not in json.dumps(found) and serves(2)(namespace)


def damaged(namespace: Namespace) -> frozenset[Name]:
    """Return what `damage` damages of those that lead to pods."""
    deployments = [obj["metadata"]["name"] for obj in namespace.list("Deployment", MANAGED)]
    return frozenset({("Service", NAME), *(("Deployment", name) for name in deployments)})


@dataclass(frozen=True)
class Scenario:
    """`before` are steps, each with a check that it is over; `action` is what happens then, until it is `done`.

    `afterwards` is one more step: it is taken when the action is done, or when the operator was killed in it and none
    runs. `hands_off` names what the scenario itself damages.
    """

    action: Step
    done: Check
    before: tuple[tuple[Step, Check], ...] = ()
    afterwards: tuple[Step, Check] | None = None
    hands_off: Callable[[Namespace], frozenset[Name]] = field(default=lambda _: frozenset())

    @property
    def over(self) -> Check:
        """The check that all has come to its end."""
        return self.afterwards[1] if self.afterwards else self.done


TWO = (pinned(), serves(2))

SCENARIOS = {
    "create": Scenario(pinned(), serves(2)),
    "pin": Scenario(unpinned(pods=3), serves(3)),
    "scale up": Scenario(pinned(pods=4), serves(4), (TWO,)),
    "scale down": Scenario(pinned(pods=1), serves(1), (TWO,)),
    "suspend": Scenario(pinned(state="Suspended"), suspended, (TWO,)),
    "resume": Scenario(pinned(), serves(2), (TWO, (pinned(state="Suspended"), suspended))),
    "spec change": Scenario(unpinned(2), serves(2, 2), (TWO,)),
    "roll out": Scenario(unpinned(2, rollout=CANARY), alone(2, 2), (TWO,)),
    "abort": Scenario(unpinned(2, rollout=CANARY), taken_back(2, 1), ((pinned(podTemplate=FAILING), serves(2)),)),
    "go back": Scenario(pinned(rollout=CANARY), alone(2, 1), (TWO, (pinned(2), alone(2, 2)))),
    "retire": Scenario(
        pinned(HISTORY_LIMIT + 2, 1),
        serves(1, HISTORY_LIMIT + 2),
        tuple((pinned(version, 1), serves(1, version)) for version in range(1, HISTORY_LIMIT + 2)),
    ),
    "delete": Scenario(pinned(), serves(2), ((foreign, bool),), afterwards=(delete, gone)),
    "drift": Scenario(damage, repaired, (TWO,), hands_off=damaged),
}
