"""What is known of a rollout: the facts that are stored, what stable pods say of their split, what they are told.

Values only; the rules are in ``decide/rollout``. Times are RFC 3339, UTC, with microseconds. The documents that go to
and come from the pods are those of docs/contract.md.
"""

from dataclasses import asdict, dataclass, field
from typing import Any

Object = dict[str, Any]


@dataclass(frozen=True)
class RolloutFacts:
    """What is stored of a candidate's rollout, on its ControllerRevision.

    ``rollout`` is ``spec.rollout`` as it was when the rollout began: a later change is for the next one. ``step`` counts
    from 0; -1 is preflight. ``stable_size`` is how many pods the stable revision was asked to have at the start.
    ``weight`` and ``generation`` are of the split that the stable pods were told last. ``paused`` says why it stands
    still: '' where it does not. ``progress_at`` is when something last went forward, ``restarts`` how often the
    candidate's servers had restarted at the start. ``nonces`` are those of the manual actions that were carried out.
    """

    rollout: Object
    started_at: str
    step: int = -1
    step_started_at: str = ""
    weighted_at: str = ""
    progress_at: str = ""
    progress: int = 0
    stable_size: int = 1
    weight: int = 0
    generation: int = 0
    paused: str = ""
    paused_at: str = ""
    unready_since: str = ""
    restarts: int = 0
    shrunk_at: str = ""
    fast_track: bool = False
    nonces: tuple[str, ...] = ()

    def to_json(self) -> Object:
        """Return the form in which it is stored, without what has its default value."""
        values = asdict(self)
        values["nonces"] = list(self.nonces)
        plain = asdict(RolloutFacts(self.rollout, self.started_at))
        plain["nonces"] = []
        return {key: value for key, value in values.items() if key in {"rollout", "started_at"} or value != plain[key]}

    @classmethod
    def from_json(cls, value: object) -> "RolloutFacts | None":
        """Return what was stored; None where it is nothing of ours: somebody edited it, and the rollout begins anew."""
        if not isinstance(value, dict):
            return None
        try:
            return cls(**{**value, "nonces": tuple(value.get("nonces", ()))})
        except TypeError:
            return None


@dataclass(frozen=True)
class Rejection:
    """Why a revision was taken back: ``reason`` is a constant, ``message`` a sentence; ``generation`` is of the split."""

    reason: str
    message: str
    at: str
    generation: int = 0

    @classmethod
    def from_json(cls, value: object) -> "Rejection | None":
        """Return what was stored, or None."""
        if not isinstance(value, dict):
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
class SplitOrder:
    """What every ready pod of one revision is to be told; see ``PUT /v1/split``."""

    generation: int
    revision: str | None
    weight: int
    candidates: tuple[Address, ...] = ()
    sticky_header: str | None = None
    preview_header: str | None = None
    hand_over: bool = False

    def to_json(self) -> Object:
        """Return the body of the request."""
        return {
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
class SplitState:
    """What one pod says of its split, and what it has counted since the generation began."""

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
