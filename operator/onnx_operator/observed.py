"""The observed state of one model: everything that a decision may depend on, as values."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from onnx_operator import names
from onnx_operator.api.spec import Spec
from onnx_operator.frozen.rendering import Defaults
from onnx_operator.measure import Measure
from onnx_operator.rollout import Rejection, RolloutFacts, SplitState

Object = dict[str, Any]


@dataclass(frozen=True)
class Revision:
    """A revision: what was frozen (``data`` of its ControllerRevision) and the facts learnt about it since.

    ``number`` orders revisions by creation. ``promoted_at`` is RFC 3339 with microseconds, ``signature`` is as in
    the API's status, ``golden`` what came of the model's test data (``decide/golden.py``); all None until known, as is
    ``digest`` (``sha256:<hex>``). ``rollout`` is None before its first
    rollout, ``rejected`` while it is not rejected.
    """

    name: str
    number: int
    data: Object
    digest: str | None = None
    promoted_at: str | None = None
    signature: Object | None = None
    golden: Object | None = None
    rollout: RolloutFacts | None = None
    rejected: Rejection | None = None

    @property
    def uri(self) -> str:
        """Where the model comes from."""
        return str(self.data["declared"]["model"]["uri"])

    @property
    def refresh_of(self) -> str | None:
        """The first revision of the same spec, if this one was made by a refresh."""
        return self.data.get("refreshOf")


@dataclass(frozen=True)
class Observed:
    """One model as the cache and the pods show it at ``now`` (timezone-aware UTC).

    ``action`` is the annotation that asks for a manual action. ``owned`` holds our live objects by (kind, name),
    ``pods`` the live pods by revision name, ``reported`` what the control port of a revision's ready pod said, by
    revision name, where it was asked. ``splits`` holds what each pod that was asked said of its split, by pod UID; None
    if it did not answer. ``measured`` is what others answered last of the rollout that is judged, by the check's name.
    """

    namespace: str
    name: str
    uid: str
    generation: int
    spec: Spec
    status: Object
    now: datetime
    defaults: Defaults
    operator_keys: str
    action: str | None = None
    revisions: tuple[Revision, ...] = ()
    owned: dict[tuple[str, str], Object] = field(default_factory=dict)
    pods: dict[str, tuple[Object, ...]] = field(default_factory=dict)
    reported: dict[str, Object] = field(default_factory=dict)
    splits: Mapping[str, SplitState | None] = field(default_factory=dict)
    measured: Mapping[str, Measure] = field(default_factory=dict)

    def deployment(self, revision: str) -> Object | None:
        """Return the live Deployment of a revision."""
        return self.owned.get(("Deployment", revision))

    @functools.cached_property
    def base_name(self) -> str:
        """The name of the first revision that is of this spec; a refresh makes others of it."""
        return names.revision_name(self.name, names.revision_hash(self.spec.frozen()))

    @property
    def entry(self) -> str | None:
        """The revision that the entry Service leads to; None if there is no entry yet."""
        service = self.owned.get(("Service", self.name))
        return leads_to(service) if service else None

    def asked(self, revision: str) -> int:
        """Return how many pods a revision's Deployment is asked to have now; 0 without a Deployment."""
        deployment = self.deployment(revision)
        return int(deployment["spec"].get("replicas", 1)) if deployment else 0

    def existing(self, revision: str) -> int:
        """Return how many pods of a revision exist, those that are going down included."""
        return len(self.pods.get(revision, ()))

    def ready(self, revision: str) -> int:
        """Return how many pods of a revision are ready and not going down."""
        return sum(is_ready(pod) for pod in self.pods.get(revision, ()))

    def ready_pods(self, revision: str) -> tuple[Object, ...]:
        """Return the pods of a revision that are ready and not going down."""
        return tuple(pod for pod in self.pods.get(revision, ()) if is_ready(pod))

    def split_states(self, revision: str) -> tuple[SplitState | None, ...]:
        """Return what each ready pod of a revision said of its split; None of one that was not asked or is mute."""
        return tuple(self.splits.get(pod["metadata"]["uid"]) for pod in self.ready_pods(revision))


def leads_to(service: Object) -> str | None:
    """Return the revision whose pods a Service selects; None if its selector names none."""
    revision: str | None = service["spec"].get("selector", {}).get(names.LABEL_REVISION)
    return revision


def is_ready(pod: Object) -> bool:
    """Return whether the pod's Ready condition is True and it is not being deleted."""
    if "deletionTimestamp" in pod["metadata"]:
        return False
    conditions = pod.get("status", {}).get("conditions", [])
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)


def is_owned(obj: Object, uid: str) -> bool:
    """Return whether the model with this UID is the object's controller."""
    references = obj["metadata"].get("ownerReferences", [])
    return any(reference.get("controller") and reference["uid"] == uid for reference in references)
