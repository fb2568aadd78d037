"""Rollouts as integration tests ask for them and look at them. The model is called `digits`."""

import json
from collections.abc import Callable

from tests.cluster.rest import Object
from tests.cluster.split_stand_in import ARMS
from tests.e2e.kubectl import settled
from tests.integration.namespace import MODEL, Namespace
from tests.integration.scenarios import NAME, uri

Check = Callable[[Object], object]

ACTION = "onnx-operator.dev/action"
REVISION = "onnx-operator.dev/revision"
_FAILED = {"candidate": {"requests": 2000, "answered": 1200, "errors": 800}, "stable": {"requests": 38000}}
FAILS = {ARMS: json.dumps(_FAILED)}
"""The annotation of a stable pod that has counted failures of the candidate."""


def canary(*weights: int, step_seconds: int = 1, delay: int = 2, **more: object) -> Object:
    """Return `spec.rollout` of a canary through these weights."""
    steps = [{"weight": weight} for weight in weights]
    return {"steps": steps, "stepSeconds": step_seconds, "scaleDownDelaySeconds": delay, **more}


def ask(namespace: Namespace, version: int, pods: int = 2, **spec: object) -> str:
    """Ask for a version; return the name of the revision that the operator makes of it."""
    namespace.model(NAME, model={"uri": uri(version)}, scaling={"minReplicas": pods}, **spec)
    return revision_of(namespace, version)


def serve(namespace: Namespace, version: int = 1, pods: int = 2, **spec: object) -> str:
    """Ask for a version, and wait until it serves alone; return its revision."""
    revision = ask(namespace, version, pods, **spec)
    namespace.wait(MODEL, NAME, serves_alone(version))
    return revision


def revision_of(namespace: Namespace, version: int) -> str:
    """Wait for the revision of a version; return its name."""

    def made(model: Object) -> list[str]:
        revisions = model.get("status", {}).get("revisions", [])
        return [revision["name"] for revision in revisions if revision["uri"] == uri(version)]

    return made(namespace.wait(MODEL, NAME, made))[0]


def stable(version: int) -> Check:
    """Return a check that a version is the stable one."""

    def check(model: Object) -> bool:
        roles = {revision["uri"]: revision["role"] for revision in model.get("status", {}).get("revisions", [])}
        return roles.get(uri(version)) == "Stable"

    return check


def serves_alone(version: int) -> Check:
    """Return a check that a version serves as asked, and no other one has pods."""

    def check(model: Object) -> bool:
        others = [revision for revision in model["status"]["revisions"] if revision["uri"] != uri(version)]
        quiet = all(revision["replicas"] == 0 for revision in others)
        return settled(model) and bool(stable(version)(model)) and quiet and "signature" in model["status"]

    return lambda model: "revisions" in model.get("status", {}) and check(model)


def in_phase(*phases: str, weight: int | None = None) -> Check:
    """Return a check that the rollout is in one of these phases, and all stable pods have applied this weight."""

    def check(model: Object) -> bool:
        found = model.get("status", {}).get("rollout", {})
        return found.get("phase") in phases and weight in (None, found.get("appliedWeight"))

    return check


def taken_back(revision: str, reason: str) -> Check:
    """Return a check that a revision was rejected for a reason, and has no pods any more."""

    def check(model: Object) -> bool:
        status = model.get("status", {})
        why = {one["revision"]: one["reason"] for one in status.get("rejected", [])}
        pods = {one["name"]: one["replicas"] for one in status.get("revisions", [])}
        return why.get(revision) == reason and pods.get(revision) == 0

    return check


def act(namespace: Namespace, action: str, revision: str, nonce: str) -> Object:
    """Ask for a manual action, and wait for the answer; return it."""
    text = f"{action}@{revision}#{nonce}"
    namespace.patch(MODEL, NAME, {"metadata": {"annotations": {ACTION: text}}})

    def answered(model: Object) -> bool:
        last = model.get("status", {}).get("lastAction", {})
        return (last.get("action"), last.get("nonce")) == (action, nonce)

    answer: Object = namespace.wait(MODEL, NAME, answered)["status"]["lastAction"]
    return answer


def pods_of(namespace: Namespace, revision: str) -> list[Object]:
    """Return the pods of a revision."""
    return namespace.list("Pod", f"{REVISION}={revision}")


def play(namespace: Namespace, pod: Object, **annotations: str) -> None:
    """Annotate a pod, so that it plays something else."""
    namespace.patch("Pod", pod["metadata"]["name"], {"metadata": {"annotations": annotations}})


def events(namespace: Namespace) -> list[str]:
    """Return the reasons of the model's events in the order in which they were made."""
    found = [event for event in namespace.list("Event") if event["involvedObject"].get("kind") == MODEL]
    return [event["reason"] for event in sorted(found, key=lambda event: int(event["metadata"]["resourceVersion"]))]
