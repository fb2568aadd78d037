"""A model's life as the operator tells it: what happens is made up, every status is what its own pure code writes.

The part of the cluster is played: pods come when their Deployment asks for them, stable pods hear their orders at once
unless they are ``deaf``, and what they have seen of a candidate is what a story says.
"""

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from onnx_operator import names
from onnx_operator.api.spec import Spec
from onnx_operator.decide.conditions import conditions
from onnx_operator.decide.invariants import violations
from onnx_operator.decide.plan import Plan
from onnx_operator.decide.roles import plan
from onnx_operator.decide.times import stamp
from onnx_operator.evidence import Evidence, Memory
from onnx_operator.frozen.rendering import Defaults
from onnx_operator.measure import Measure
from onnx_operator.observed import Observed, Revision
from onnx_operator.report.status import status_of
from onnx_operator.rollout import Arm, Copies, SplitOrder, SplitState

Object = dict[str, Any]

MODEL, NAMESPACE, UID = "digits", "team", "5b0f4a52-0df5-4d09-9a3f-6f4d1f1f9b1c"
SIGNATURE: Object = {
    "inputs": [{"name": "pixels", "datatype": "FP32", "shape": [-1, 64]}],
    "outputs": [
        {"name": "label", "datatype": "INT64", "shape": [-1]},
        {"name": "probabilities", "datatype": "FP32", "shape": [-1, 10]},
    ],
}
# The model's own test data passes.
GOLDEN: Object = {"sets": 1, "passed": 1, "failures": [], "message": ""}
# What is pinned, and the ends of pods' names, by the number in the model's URI.
DIGESTS = {"1": "3f1c9a07d2be", "2": "a94be0c1775d"}
PODS = {
    "1": ("6c9d7-4xk2p", "6c9d7-p8s5t"),
    "2": ("5f6b8-w7h9q", "5f6b8-zz4rm"),
    "3": ("7d8c4-k5n2v", "7d8c4-t2x8j"),
}
# More looks than any moment needs until the operator has no more to say of it.
MOST_LOOKS = 12


def model_spec(version: int, **more: Any) -> Object:
    """Return the spec that asks for a version of the model."""
    return {
        "state": "Active",
        "model": {"uri": f"s3://models/digits/{version}/model.onnx", "credentials": {"secretName": "digits-store"}},
        "scaling": {"minReplicas": 2},
        **more,
    }


def version_of(uri: str) -> str:
    return uri.split("/")[-2]


@dataclass
class Life:
    """One model, from its creation on.

    ``unschedulable``: no node takes new pods. ``lingers``: pods that go finish their requests first.
    """

    spec: Object
    born: str = "12:00:00"
    generation: int = 1
    status: Object | None = None
    action: str | None = None
    deleted: str | None = None
    unschedulable: bool = False
    lingers: bool = False
    revisions: tuple[Revision, ...] = ()
    sizes: dict[str, int] = field(default_factory=dict)
    pods: dict[str, list[Object]] = field(default_factory=dict)
    entry: str | None = None
    told: dict[str, SplitOrder] = field(default_factory=dict)
    deaf: set[str] = field(default_factory=set)
    evidence: Evidence = field(default_factory=lambda: Evidence(""))
    memory: Memory | None = None
    measured: dict[str, Measure] = field(default_factory=dict)

    def asks(self, **changes: Any) -> None:
        """Change the spec, as a person does."""
        self.spec = {**self.spec, **changes}
        self.generation += 1

    def looks(self, at: str) -> None:
        """Let the operator look until it has no more to say of this moment."""
        for _ in range(MOST_LOOKS):
            before = self.status, self.revisions, dict(self.told)
            self._look(moment(at))
            if before == (self.status, self.revisions, self.told):
                return
        raise AssertionError("the operator does not come to rest")

    def loads(self, revision: str, at: str) -> None:
        """Each pod of a revision has fetched its model, and loads it."""
        for pod in self.pods[revision]:
            self._put(pod, loading(pod, self.digest(revision), moment(at)))

    def comes_up(self, revision: str, at: str) -> None:
        """Each pod of a revision becomes ready."""
        for pod in self.pods[revision]:
            if condition(pod, "Ready") != "True":
                self._put(pod, ready(pod, self.digest(revision), moment(at)))

    def sees(self, at: str, evidence: Evidence, **measured: Measure) -> None:
        """The stable pods have seen so much of both since the rollout began, and others have answered so."""
        self.evidence, self.measured = evidence, {**self.measured, **measured}
        self.looks(at)

    def shown(self) -> list[Object]:
        """Return the model and its pods, as the API server shows them."""
        metadata: Object = {"name": MODEL, "namespace": NAMESPACE, "uid": UID, "generation": self.generation}
        metadata["creationTimestamp"] = seconds(moment(self.born))
        if self.action:
            metadata["annotations"] = {names.ANNOTATION_ACTION: self.action}
        if self.deleted:
            metadata["deletionTimestamp"] = seconds(moment(self.deleted))
        model: Object = {"apiVersion": names.API_VERSION, "kind": names.KIND, "metadata": metadata, "spec": self.spec}
        if self.status is not None:
            model["status"] = self.status
        order = sorted((r for r in self.revisions if self.pods.get(r.name)), key=lambda r: r.number)
        return [model, *(pod for revision in order for pod in self.pods[revision.name])]

    def name(self, version: int) -> str:
        """Return the name of the revision of a version."""
        return next(r.name for r in self.revisions if version_of(r.uri) == str(version))

    def _look(self, now: datetime) -> None:
        seen = self._observed(now)
        made = plan(seen)
        assert violations(seen, made) == []
        self.status = status_of(seen, made, conditions(seen, made, None))
        if seen.spec.state == "Unmanaged":
            return
        self.revisions = tuple(planned.revision for planned in made.revisions)
        self.entry = made.serving
        self.told |= {
            pod["metadata"]["uid"]: order
            for name, order in made.orders.items()
            for pod in self.pods.get(name, [])
            if pod["metadata"]["name"] not in self.deaf
        }
        self._scale(made, now)

    def _observed(self, now: datetime) -> Observed:
        owned: dict[tuple[str, str], Object] = {
            ("Deployment", name): {"metadata": {"name": name}, "spec": {"replicas": size}, "status": {}}
            for name, size in self.sizes.items()
        }
        if self.entry:
            selector = names.revision_selector(MODEL, self.entry)
            owned["Service", MODEL] = {"metadata": {"name": MODEL}, "spec": {"selector": selector}}
        seen = Observed(
            namespace=NAMESPACE, name=MODEL, uid=UID, generation=self.generation, spec=Spec.model_validate(self.spec),
            status=self.status or {}, now=now, defaults=Defaults("registry.example/onnx-operator/server:0.1.0", 5),
            operator_keys="{}", action=self.action, revisions=self.revisions, owned=owned,
            pods={name: tuple(pods) for name, pods in self.pods.items()}, measured=self.measured,
        )  # fmt: skip
        up = [name for name in self.pods if seen.ready(name)]
        reported = {name: {"signature": SIGNATURE, "golden": GOLDEN} for name in up}
        splits = {pod["metadata"]["uid"]: self._split(pod) for name in up for pod in seen.ready_pods(name)}
        return replace(seen, reported=reported, splits=splits)

    def _split(self, pod: Object) -> SplitState:
        """Return what a pod says of its split. What all have seen is said by the first: they are added up anyway."""
        uid = pod["metadata"]["uid"]
        order = self.told.get(uid, SplitOrder(0, None, 0))
        first = uid == min(self.told, default=uid)
        evidence = replace(self.evidence if first else Evidence(""), course=order.course)
        shadow = Copies(order.shadow.percent) if order.shadow else None
        return SplitState(
            uid, "boot", order.generation, order.revision, order.weight, order.weight if order.candidates else 0,
            order.hand_over, order.candidates, "", 0, Arm(), Arm(), shadow, evidence, self.memory,
        )  # fmt: skip

    def _scale(self, made: Plan, now: datetime) -> None:
        for planned in made.revisions:
            name, there = planned.revision.name, self.pods.setdefault(planned.revision.name, [])
            if planned.replicas or name in self.sizes:
                self.sizes[name] = planned.replicas
            stay = [pod for pod in there if "deletionTimestamp" not in pod["metadata"]]
            for pod in stay[planned.replicas :]:
                there.remove(pod)
                if self.lingers:
                    there.append(going(pod, now))
            for end in PODS[version_of(planned.revision.uri)][len(stay) : planned.replicas]:
                pod = new_pod(name, end, now + timedelta(seconds=1))
                there.append(unschedulable(pod) if self.unschedulable else fetching(pod))

    def _put(self, old: Object, new: Object) -> None:
        there = self.pods[old["metadata"]["labels"][names.LABEL_REVISION]]
        there[there.index(old)] = new

    def digest(self, revision: str) -> str:
        """Return what a revision's pods have fetched."""
        uri = next(r.uri for r in self.revisions if r.name == revision)
        return f"sha256:{DIGESTS[version_of(uri)]:0<64}"


def moment(at: str) -> datetime:
    """Return the time of the one day on which all happens."""
    return datetime.strptime(f"2026-11-28 {at}", "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)


def seconds(at: datetime) -> str:
    """Return a time as Kubernetes has it."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def stored(at: str) -> str:
    """Return a time as the operator keeps it."""
    return stamp(moment(at))


def new_pod(revision: str, end: str, born: datetime) -> Object:
    labels = {**names.revision_selector(MODEL, revision), "app.kubernetes.io/managed-by": "onnx-operator"}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"{revision}-{end}",
            "namespace": NAMESPACE,
            "uid": f"uid-{end}",
            "creationTimestamp": seconds(born),
            "labels": {"app.kubernetes.io/name": MODEL, **labels},
        },
        "spec": {"containers": [{"name": names.SERVER_CONTAINER}]},
        "status": {"phase": "Pending"},
    }


def unschedulable(pod: Object) -> Object:
    said = "0/3 nodes are available: 3 Insufficient nvidia.com/gpu."
    scheduled = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": said}
    return {**pod, "status": {"phase": "Pending", "conditions": [scheduled]}}


def fetching(pod: Object) -> Object:
    running = {"running": {"startedAt": pod["metadata"]["creationTimestamp"]}}
    return _on_a_node(pod, "Pending", running, {"waiting": {"reason": "PodInitializing"}}, False)


def loading(pod: Object, digest: str, at: datetime) -> Object:
    return _on_a_node(pod, "Running", fetched(digest), {"running": {"startedAt": seconds(at)}}, False)


def ready(pod: Object, digest: str, at: datetime) -> Object:
    return _on_a_node(pod, "Running", fetched(digest), {"running": {"startedAt": seconds(at)}}, True)


def not_found(pod: Object) -> Object:
    message = "there is nothing at s3://models/digits/3/model.onnx: check the path"
    said = json.dumps({"result": "Failed", "reason": "ModelNotFound", "message": message})
    failed = {"terminated": {"exitCode": 1, "reason": "Error", "message": said}}
    return _on_a_node(pod, "Pending", failed, {"waiting": {"reason": "PodInitializing"}}, False)


def fetched(digest: str) -> Object:
    said = json.dumps({"result": "Fetched", "digest": digest, "files": 1, "bytes": 4096, "seconds": 0.1})
    return {"terminated": {"exitCode": 0, "reason": "Completed", "message": said}}


def going(pod: Object, since: datetime) -> Object:
    """Return a pod that finishes its requests and goes down."""
    made = {**pod, "metadata": {**pod["metadata"], "deletionTimestamp": seconds(since)}}
    status = pod["status"]
    conditions_ = [{**c, "status": "False"} if c["type"] == "Ready" else c for c in status["conditions"]]
    return {**made, "status": {**status, "conditions": conditions_}}


def condition(pod: Object, type_: str) -> str | None:
    return next((c["status"] for c in pod["status"].get("conditions", []) if c["type"] == type_), None)


def _on_a_node(pod: Object, phase: str, fetch: Object, server: Object, is_ready: bool) -> Object:
    return {
        **pod,
        "spec": {**pod["spec"], "nodeName": "node-1"},
        "status": {
            "phase": phase,
            "podIP": "10.1.2.3",
            "conditions": [
                {"type": "PodScheduled", "status": "True"},
                {"type": "Ready", "status": "True" if is_ready else "False"},
            ],
            "initContainerStatuses": [
                {
                    "name": names.FETCH_CONTAINER,
                    "restartCount": 0,
                    "ready": fetch.get("terminated", {}).get("exitCode") == 0,
                    "state": fetch,
                }
            ],
            "containerStatuses": [
                {"name": names.SERVER_CONTAINER, "restartCount": 0, "ready": is_ready, "state": server}
            ],
        },
    }
