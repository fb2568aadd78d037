"""What must hold of a namespace's objects at every moment, and of every change from one moment to the next. Pure.

The invariants of the design that can be seen from outside: who is behind the entry, what the status claims, what is
frozen. A state is what the API server held at one resource version; findings are sentences, none is good.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

Object = dict[str, Any]
Name = tuple[str, str]
"""Kind and name."""

GROUP = "onnx-operator.dev"
MANAGER = "onnx-operator"


@dataclass(frozen=True)
class State:
    """The listed objects of one namespace, which has one model, by kind and name."""

    objects: Mapping[Name, Object]

    @classmethod
    def of(cls, objects: Sequence[Object]) -> "State":
        """Return the state that a list of objects is."""
        return cls({(obj["kind"], obj["metadata"]["name"]): obj for obj in objects})

    @cached_property
    def model(self) -> Object | None:
        """The model; None before and after its life."""
        return next((obj for (kind, _), obj in self.objects.items() if kind == "ONNXModel"), None)

    @cached_property
    def entry(self) -> str | None:
        """The revision that the entry Service leads to; None without one."""
        service = self.model and self.objects.get(("Service", self.model["metadata"]["name"]))
        return service["spec"].get("selector", {}).get(f"{GROUP}/revision") if service else None

    @cached_property
    def needed(self) -> int:
        """The pods that must be behind the entry, by the spec as it is now; 0 without a model."""
        if self.model is None or self.model["spec"].get("state", "Active") != "Active":
            return 0
        minimum: int = self.model["spec"].get("scaling", {}).get("minReplicas", 1)
        return minimum

    @cached_property
    def _pods(self) -> dict[str, list[Object]]:
        found: dict[str, list[Object]] = {}
        for (kind, _), obj in self.objects.items():
            if kind == "Pod":
                found.setdefault(obj["metadata"].get("labels", {}).get(f"{GROUP}/revision", ""), []).append(obj)
        return found

    def ready(self, revision: str) -> list[Object]:
        """Return the ready pods of a revision."""
        return [pod for pod in self._pods.get(revision, []) if is_ready(pod)]

    def pinned(self, revision: str) -> str | None:
        """Return the digest that a revision is pinned to."""
        found = self.objects.get(("ControllerRevision", revision), {"metadata": {}})
        digest: str | None = found["metadata"].get("annotations", {}).get(f"{GROUP}/digest")
        return digest


def of_state(state: State) -> list[str]:
    """Return what is wrong with a state by itself."""
    return [*_of_model(state), *_of_bytes(state), *_of_growth(state), *_of_rollouts(state)]


def of_step(before: State, after: State, damaged: frozenset[Name] = frozenset()) -> list[str]:
    """Return what is wrong with a change; `damaged` names the objects that the test itself edits or deletes."""
    return [*_of_entry(before, after, damaged), *_of_templates(before, after, damaged)]


def of_claim(now: State, lately: Sequence[State]) -> list[str]:
    """Return what is wrong with a status that was just written, given the states that its writer may have seen."""
    status = (now.model or {}).get("status", {})
    claimed = any((c["type"], c["status"]) == ("Ready", "True") for c in status.get("conditions", []))
    if not claimed:
        return []
    serving = {entry for state in lately if (entry := state.entry)} | {status.get("stableRevision", "")}
    if any(state.ready(revision) for state in lately for revision in serving):
        return []
    return [f"Ready is True, and no pod of {sorted(serving)} is or just was ready"]


def _of_model(state: State) -> list[str]:
    if state.model is None:
        return []
    metadata, status = state.model["metadata"], state.model.get("status", {})
    observed = [status.get("observedGeneration", 0)]
    observed += [condition.get("observedGeneration", 0) for condition in status.get("conditions", [])]
    found = []
    if max(observed) > metadata["generation"]:
        found.append(f"observedGeneration {max(observed)} is ahead of generation {metadata['generation']}")
    found += [
        f"the operator manages more of the model than its status: {json.dumps(entry['fieldsV1'])}"
        for entry in metadata.get("managedFields", [])
        if entry["manager"] == MANAGER and (entry.get("subresource"), *entry["fieldsV1"]) != ("status", "f:status")
    ]
    return found


def _of_bytes(state: State) -> list[str]:
    found = []
    revisions = {pod["metadata"].get("labels", {}).get(f"{GROUP}/revision", "") for pod in _ready_pods(state)}
    for revision in sorted(revisions - {""}):
        served = {digest for pod in state.ready(revision) if (digest := fetched(pod))}
        pinned = state.pinned(revision)
        if len(served | ({pinned} if pinned else set())) > 1:
            found.append(f"the ready pods of {revision} serve {sorted(served)}, pinned is {pinned}")
    return found


def _of_growth(state: State) -> list[str]:
    if state.model is None:  # garbage collection takes what is left in any order
        return []
    found = []
    for (kind, name), obj in state.objects.items():
        ours = obj["metadata"].get("labels", {}).get(f"{GROUP}/revision") == name
        if kind == "Deployment" and ours and obj["spec"].get("replicas", 1) > 1 and state.pinned(name) is None:
            found.append(f"{name} is asked for {obj['spec']['replicas']} pods before its bytes are pinned")
    return found


def _of_rollouts(state: State) -> list[str]:
    """A revision that stable pods forward to by order is not scaled down, and one that was rejected does not grow."""
    found = []
    for (kind, name), obj in state.objects.items():
        annotations = obj["metadata"].get("annotations", {})
        deployment = state.objects.get(("Deployment", name))
        if kind != "ControllerRevision" or deployment is None or state.model is None:
            continue
        facts = json.loads(annotations.get(f"{GROUP}/rollout", "{}"))
        replicas = deployment["spec"].get("replicas", 1)
        if facts.get("weight") and not facts.get("over") and replicas == 0:
            found.append(f"{name} is scaled to 0, and gets {facts['weight']} % of the requests by order")
        if f"{GROUP}/rejected" in annotations and state.entry != name and facts.get("weight"):
            found.append(f"{name} is rejected, and gets {facts['weight']} % of the requests by order")
    return found


def _of_entry(before: State, after: State, damaged: frozenset[Name]) -> list[str]:
    was, now = before.entry, after.entry
    if was is None or now is None or after.model is None:
        return []
    if ("Service", after.model["metadata"]["name"]) in damaged or ("Deployment", was) in damaged:
        return []
    ready_before, ready = len(before.ready(was)), len(after.ready(now))
    found = []
    if ready < min(after.needed, ready_before):
        found.append(
            f"ready pods behind the entry: {ready_before} of {was}, then {ready} of {now}: {after.needed} needed"
        )
    if was != now and ready_before and ready < after.needed:
        found.append(f"the entry was led to {now} with {ready} of {after.needed} pods ready")
    return found


def _of_templates(before: State, after: State, damaged: frozenset[Name]) -> list[str]:
    found = []
    for key, obj in after.objects.items():
        old = before.objects.get(key)
        if key[0] != "Deployment" or key in damaged or old is None or old is obj:
            continue
        if old["metadata"]["uid"] == obj["metadata"]["uid"] and _frozen(old) != _frozen(obj):
            found.append(f"the spec of Deployment {key[1]} changed in more than its replicas")
    return found


def _frozen(deployment: Object) -> Object:
    return {name: value for name, value in deployment["spec"].items() if name != "replicas"}


def _ready_pods(state: State) -> list[Object]:
    return [obj for (kind, _), obj in state.objects.items() if kind == "Pod" and is_ready(obj)]


def is_ready(pod: Object) -> bool:
    """Return whether a pod's Ready condition is True and it is not being deleted."""
    conditions = pod.get("status", {}).get("conditions", [])
    ready = any((condition["type"], condition["status"]) == ("Ready", "True") for condition in conditions)
    return ready and "deletionTimestamp" not in pod["metadata"]


def fetched(pod: Object) -> str | None:
    """Return the digest that a pod says it has fetched."""
    for container in pod.get("status", {}).get("initContainerStatuses", []):
        if container["name"] == "fetch" and (message := container["state"].get("terminated", {}).get("message")):
            digest: str | None = json.loads(message).get("digest")
            return digest
    return None
