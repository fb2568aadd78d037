"""Histories of a model: what users, vandals and the cluster do to it, as hypothesis strategies. Pure but for `Step.do`.

The last spec of a history is one that can be served; before it, anything may be asked for, and anything may happen.
"""

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from tests.cluster.kwok import PLAY
from tests.cluster.rest import Object, RestError
from tests.integration.end_state import MANAGED
from tests.integration.namespace import MODEL, Namespace

NAME = "digits"
VANDAL = {"fieldManager": "vandal"}
MERGE = "application/merge-patch+json"
CPU = {"resources": {"requests": {"cpu": "10m"}}}


@dataclass(frozen=True)
class Ask:
    """A user asks for a spec."""

    spec: Object

    def do(self, namespace: Namespace) -> None:
        """Apply it."""
        namespace.model(NAME, **self.spec)


@dataclass(frozen=True)
class Reborn:
    """A user deletes the model, and asks for one of the same name at once."""

    spec: Object

    def do(self, namespace: Namespace) -> None:
        """Delete and apply."""
        namespace.delete(MODEL, NAME)
        namespace.model(NAME, **self.spec)


@dataclass(frozen=True)
class Lose:
    """Somebody deletes an object of ours: the `which`-th of that kind."""

    kind: str
    which: int

    def do(self, namespace: Namespace) -> None:
        """Delete it, if there is one."""
        if found := chosen(namespace, self.kind, self.which):
            namespace.delete(self.kind, found["metadata"]["name"])


@dataclass(frozen=True)
class Drift:
    """Somebody changes fields of ours in an object, as `kubectl edit` does."""

    kind: str
    which: int
    change: Object

    def do(self, namespace: Namespace) -> None:
        """Change it, if there is one, and if the API server lets it be changed."""
        if found := chosen(namespace, self.kind, self.which):
            path = namespace.path(self.kind, found["metadata"]["name"])
            try:
                namespace.rest.call("PATCH", path, self.change, content_type=MERGE, query=VANDAL)
            except RestError as error:
                if error.code not in {404, 409, 422}:
                    raise


@dataclass(frozen=True)
class Wait:
    """Nothing happens in this namespace, while the others go on."""

    def do(self, namespace: Namespace) -> None:
        """Do nothing."""


Step = Ask | Reborn | Lose | Drift | Wait


@dataclass(frozen=True)
class Round:
    """One step in each namespace, then so many seconds, then what becomes of the operator: None, kill or stop."""

    steps: tuple[Step, ...]
    seconds: float
    operator: str | None


@dataclass(frozen=True)
class Histories:
    """Several histories at once, before one operator; `last` is each one's last spec."""

    rounds: tuple[Round, ...]
    last: tuple[Object, ...]


def chosen(namespace: Namespace, kind: str, which: int) -> Object | None:
    """Return the `which`-th object of ours of a kind, counted round; None if there is none."""
    found = sorted(namespace.list(kind, MANAGED), key=lambda obj: str(obj["metadata"]["name"]))
    ours = [obj for obj in found if kind == "Pod" or obj["metadata"].get("ownerReferences")]
    return ours[which % len(ours)] if ours else None


def _container(**changed: Any) -> Object:
    return {"spec": {"template": {"spec": {"containers": [{"name": "server", "image": "else:1", **changed}]}}}}


URIS = tuple(f"s3://models/digits/{version}/model.onnx" for version in (1, 2, 3))
PARTS: tuple[Object, ...] = (
    {},
    {"scaling": {"minReplicas": 2}},
    {"scaling": {"minReplicas": 3}},
    {"scaling": {"minReplicas": 1, "maxReplicas": 4, "target": {"cpuPercent": 80}}, **CPU},
    {"server": {"maxBatchSize": 16}, "scaling": {"minReplicas": 2}},
    {"podTemplate": {"labels": {"team": "digits"}, "sharedMemorySize": "64Mi"}},
    {"podTemplate": {"nodeSelector": {"kubernetes.io/os": "linux"}, "env": [{"name": "A", "value": "b"}]}},
)
HARD: tuple[Object, ...] = (
    {"state": "Suspended"},
    {"state": "Unmanaged"},
    {"podTemplate": {"annotations": {PLAY: "ModelNotFound"}}},
    {"podTemplate": {"annotations": {PLAY: "Loading"}}},
    {"podTemplate": {"tolerations": [{"nonsense": True}]}},
    {"podTemplate": {"priorityClassName": "absent"}},
    {"podTemplate": {"nodeSelector": {"no.such/label": "here"}}},
)
DRIFTS: tuple[tuple[str, Object], ...] = (
    ("Deployment", {"spec": {"replicas": 0}}),
    ("Deployment", {"spec": {"replicas": 5}}),
    ("Deployment", _container()),
    ("Deployment", {"metadata": {"labels": None}}),
    ("Deployment", {"spec": {"revisionHistoryLimit": 7, "template": {"spec": {"terminationGracePeriodSeconds": 1}}}}),
    ("Service", {"spec": {"selector": {"app": "else"}}}),
    ("Service", {"spec": {"selector": {"onnx-operator.dev/revision": "none"}}}),
    ("Service", {"metadata": {"labels": {"app.kubernetes.io/managed-by": "else"}}}),
    ("Service", {"spec": {"ports": [{"name": "http", "port": 8000, "targetPort": 1}]}}),
    ("ConfigMap", {"data": {"digest": "sha256:else", "operator-keys.json": "{}"}}),
    ("ConfigMap", {"metadata": {"labels": {"onnx-operator.dev/revision": "else"}}}),
    ("PodDisruptionBudget", {"spec": {"maxUnavailable": 3}}),
    ("HorizontalPodAutoscaler", {"spec": {"maxReplicas": 9}}),
    ("ControllerRevision", {"metadata": {"labels": {"onnx-operator.dev/model": "else"}}}),
    ("ControllerRevision", {"metadata": {"annotations": {"onnx-operator.dev/signature": None}}}),
)
KINDS = ("Deployment", "Service", "ConfigMap", "PodDisruptionBudget", "HorizontalPodAutoscaler", "ControllerRevision")


ROLLOUTS: tuple[Object, ...] = (
    {"strategy": "BlueGreen", "scaleDownDelaySeconds": 0},
    {"steps": [{"weight": 20}, {"weight": 100}], "stepSeconds": 1, "scaleDownDelaySeconds": 1},
    {"steps": [{"weight": 50}, {"pause": {"durationSeconds": 1}}], "stepSeconds": 0, "scaleDownDelaySeconds": 3},
)


def _spec(parts: tuple[Object, ...]) -> st.SearchStrategy[Object]:
    return st.builds(
        lambda uri, part, rollout: {"model": {"uri": uri}, "rollout": rollout, **part},
        st.sampled_from(URIS),
        st.sampled_from(parts),
        st.sampled_from(ROLLOUTS),
    )


GOOD = _spec(PARTS)
ANY = _spec(PARTS + HARD)
WHICH = st.integers(0, 5)
STEP: st.SearchStrategy[Step] = st.one_of(
    st.builds(Ask, ANY),
    st.builds(Ask, ANY),
    st.builds(Lose, st.sampled_from((*KINDS, "Pod")), WHICH),
    st.builds(lambda drift, which: Drift(drift[0], which, drift[1]), st.sampled_from(DRIFTS), WHICH),
    st.builds(lambda drift, which: Drift(drift[0], which, drift[1]), st.sampled_from(DRIFTS), WHICH),
    st.builds(Reborn, ANY),
    st.builds(Wait),
)


def histories(size: int, length: int) -> st.SearchStrategy[Histories]:
    """Return a strategy for `size` histories of `length` rounds each."""
    rounds = st.builds(
        Round,
        st.tuples(*[STEP] * size),
        st.sampled_from((0.0, 0.2, 1.0, 3.0)),
        st.sampled_from((None, None, None, "kill", "stop")),
    )
    return st.builds(Histories, st.tuples(*[rounds] * length), st.tuples(*[GOOD] * size))
