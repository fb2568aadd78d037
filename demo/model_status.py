"""Reads an ONNXModel as a person would: which generation it is about, its conditions, what serves."""

from dataclasses import dataclass
from typing import Any

Object = dict[str, Any]

BAR = 20
"""Characters of the bar that shows the new version's share."""


@dataclass(frozen=True)
class Condition:
    """One of the three conditions; absent ones are Unknown."""

    status: str = "Unknown"
    reason: str = ""
    message: str = ""

    @property
    def true(self) -> bool:
        """Whether it holds."""
        return self.status == "True"


@dataclass(frozen=True)
class Rollout:
    """How far a new version has come: `weight` is the percent of the requests that it gets."""

    phase: str
    progress: str
    weight: int
    message: str

    @property
    def line(self) -> str:
        """The rollout in one line, with a bar of the requests that go to the new version."""
        filled = round(self.weight / 100 * BAR)
        bar = "█" * filled + "░" * (BAR - filled)
        return f"{bar} {self.weight:3d} % {self.phase} {self.progress}: {self.message}"


@dataclass(frozen=True)
class ModelStatus:
    """The parts of an ONNXModel's status that the demo tells."""

    current: bool
    ready: Condition
    reconciling: Condition
    stalled: Condition
    stable: str
    uri: str
    digest: str
    pods: int
    rollout: Rollout | None = None

    @classmethod
    def of(cls, model: Object) -> "ModelStatus":
        """Read an ONNXModel; whatever its status lacks is empty."""
        status = model.get("status", {})
        by_type = {
            given["type"]: Condition(given["status"], given.get("reason", ""), given.get("message", ""))
            for given in status.get("conditions", [])
        }
        stable = status.get("stableRevision") or ""
        given: Object | None = status.get("rollout")
        rollout = given and Rollout(given["phase"], given["progress"], given["appliedWeight"], given["message"])
        revision: Object = next((each for each in status.get("revisions", []) if each["name"] == stable), {})
        return cls(
            current=status.get("observedGeneration") == model["metadata"]["generation"],
            ready=by_type.get("Ready", Condition()),
            reconciling=by_type.get("Reconciling", Condition()),
            stalled=by_type.get("Stalled", Condition()),
            stable=stable,
            uri=revision.get("uri", ""),
            digest=revision.get("digest") or "",
            pods=revision.get("ready", 0),
            rollout=rollout or None,
        )

    @property
    def settled(self) -> bool:
        """Whether the spec as it is now is served, and nothing is left to do."""
        return self.current and self.ready.true and not self.reconciling.true and not self.stalled.true

    @property
    def line(self) -> str:
        """The status in one line: how far the new version is, or the condition that says most."""
        if not self.current:
            return "the operator has not seen this change yet"
        if self.rollout and self.reconciling.true:
            return self.rollout.line
        if self.stalled.true:
            return f"Stalled: {self.stalled.reason}. {self.stalled.message}"
        if self.reconciling.true:
            return f"Reconciling: {self.reconciling.reason}. {self.reconciling.message}"
        name = "Ready" if self.ready.true else "not Ready"
        return f"{name}: {self.ready.reason}. {self.ready.message}"
