"""What is known of a rollout: the facts that are stored, what stable pods say of their split, what they are told.

Values only; the rules are in ``decide/rollout``. Times are RFC 3339, UTC, with microseconds. The documents that go to
and come from the pods are those of docs/contract.md.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from onnx_operator.evidence import Evidence, Memory

Object = dict[str, Any]


@dataclass(frozen=True)
class RolloutFacts:
    """What is stored of a revision's rollout, on its ControllerRevision.

    ``rollout`` is ``spec.rollout`` as it was when the rollout began: a later change is for the next one. ``provider``
    is who moves its requests, pinned like that; '' in facts of older operators: whoever the spec names. ``step``
    counts from 0; -1 is preflight, and behind the last step comes the promotion. ``weight``, ``shadow`` (the percentage
    of requests that are copied) and ``generation`` are of the split that the stable pods are told, since
    ``ordered_at``; ``weighted_at`` is when all of them had it.
    ``progress`` grows with what the candidate's pods have reached, ``progress_at`` is when it did so last.
    ``stable_size`` is how many pods the stable revision was asked to have at the start, of which it has lent ``shrunk``
    to the candidate, at ``shrunk_at`` the last one that is still to help: nodes had taken ``placed`` of the candidate's
    pods then. ``stayed_small`` once that was in vain.
    ``paused`` says what paused it: '', ``Step``, ``Person`` or ``Inconclusive``; ``inconclusive`` what the checks could
    not say in time, in a sentence, and where that was. ``unready_since`` is since when it has no ready pod,
    ``restarts`` how often its servers had restarted at the start. ``fast`` goes to promotion without steps.
    ``doubted`` once it was rejected, even if it was tried again since. ``over`` once it was promoted, superseded or
    taken back. ``handed_over_at`` is when the pods that served before were told to hand over to this revision.
    ``actions`` are the last manual actions, as ``ACTION@REVISION#NONCE``, with a ``!`` before those that were ignored.
    """

    rollout: Object
    started_at: str
    step: int = -1
    step_started_at: str = ""
    weight: int = 0
    shadow: int = 0
    generation: int = 0
    ordered_at: str = ""
    weighted_at: str = ""
    progress: int = 0
    progress_at: str = ""
    stable_size: int = 1
    shrunk: int = 0
    shrunk_at: str = ""
    placed: int = 0
    stayed_small: bool = False
    paused: str = ""
    inconclusive: str = ""
    unready_since: str = ""
    restarts: int = 0
    fast: bool = False
    doubted: bool = False
    provider: str = ""
    over: bool = False
    handed_over_at: str = ""
    actions: tuple[str, ...] = ()

    def to_json(self) -> Object:
        """Return the form in which it is stored, without what has its default value."""
        values = {key: getattr(self, key) for key in self.__dataclass_fields__}
        plain = RolloutFacts(self.rollout, self.started_at)
        kept = {key: value for key, value in values.items() if value != getattr(plain, key)}
        if self.actions:
            kept["actions"] = list(self.actions)
        return {"rollout": self.rollout, "started_at": self.started_at, **kept}

    @classmethod
    def from_json(cls, value: object) -> "RolloutFacts | None":
        """Return what was stored; None where it is nothing of ours: somebody edited it, and the rollout begins anew.

        What a later operator stored beside it is left out.
        """
        if not isinstance(value, dict):
            return None
        plain = asdict(cls({}, ""))
        value = {key: inner for key, inner in value.items() if key in plain}
        same_types = all(isinstance(v, type(plain[key])) for key, v in value.items() if key != "actions")
        actions = value.get("actions", [])
        if not same_types or not isinstance(actions, list) or not {"rollout", "started_at"} <= value.keys():
            return None
        return cls(**{**value, "actions": tuple(str(action) for action in actions)})


@dataclass(frozen=True)
class Rejection:
    """Why a revision was taken back: ``reason`` is a constant, ``message`` a sentence, ``at`` when.

    ``back_to`` is the revision that a person asked to go back to, until anything is promoted after that; empty where
    the stable one simply stays.
    """

    reason: str
    message: str
    at: str
    back_to: str = ""

    def to_json(self) -> Object:
        """Return the form in which it is stored."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: object) -> "Rejection | None":
        """Return what was stored, or None."""
        if not isinstance(value, dict) or not all(isinstance(inner, str) for inner in value.values()):
            return None
        try:
            return cls(**value)
        except TypeError:
            return None


@dataclass(frozen=True)
class Address:
    """A pod that requests may be forwarded to."""

    pod_uid: str
    address: str


@dataclass(frozen=True)
class ShadowOrder:
    """What share of the requests is copied to the candidate, and how outputs are compared."""

    percent: int
    relative_tolerance: float
    absolute_tolerance: float
    keep_inputs: bool = False
    replay: bool = False


@dataclass(frozen=True)
class SplitOrder:
    """What every ready pod of one revision is to be told; see ``PUT /v1/split``.

    ``course`` names the rollout that evidence is collected for, at most 64 characters.
    """

    generation: int
    revision: str | None
    weight: int
    candidates: tuple[Address, ...] = ()
    sticky_header: str | None = None
    preview_header: str | None = None
    hand_over: bool = False
    course: str = ""
    shadow: ShadowOrder | None = None

    def to_json(self) -> Object:
        """Return the body of the request. What is of evidence is in it only where there is something to say of it."""
        shadow = self.shadow and {
            "percent": self.shadow.percent,
            "relativeTolerance": self.shadow.relative_tolerance,
            "absoluteTolerance": self.shadow.absolute_tolerance,
            "keepInputs": self.shadow.keep_inputs,
            "replay": self.shadow.replay,
        }
        more = {"course": self.course, "shadow": shadow}
        return {
            **{name: value for name, value in more.items() if value},
            "generation": self.generation,
            "revision": self.revision,
            "weight": self.weight,
            "candidates": [{"podUid": c.pod_uid, "address": c.address} for c in self.candidates],
            "stickyBy": {"header": self.sticky_header} if self.sticky_header else None,
            "previewHeader": self.preview_header,
            "handOver": self.hand_over,
        }


@dataclass(frozen=True)
class Arm:
    """Requests and errors of one side of a split; ``failures`` of the candidate's by kind."""

    requests: int = 0
    errors: int = 0
    answered: int = 0
    failures: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Copies:
    """How many requests were copied, and what became of the copies; ``dropped`` by kind."""

    percent: int
    sampled: int = 0
    under_way: int = 0
    compared: int = 0
    failed: int = 0
    replayed: int = 0
    dropped: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class SplitState:
    """What one pod says of its split, and what it has counted since the generation began.

    ``evidence`` is None of servers that collect none: their images are older than analysis. ``shadow`` is None where
    nothing is copied, ``memory`` where the pod cannot say it.
    """

    pod_uid: str
    boot_id: str
    generation: int
    revision: str | None
    weight: int
    applied_weight: int
    hand_over: bool
    candidates: tuple[Address, ...]
    breaker: str
    open_connections: int
    stable: Arm
    candidate: Arm
    shadow: Copies | None = None
    evidence: Evidence | None = None
    memory: Memory | None = None

    @property
    def shadow_percent(self) -> int:
        """The percentage of requests that it copies."""
        return self.shadow.percent if self.shadow else 0
