"""What the rules of a rollout look at: the candidate, the stable revision, what was observed and what is stored."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any, TypeVar

from pydantic import ValidationError

from onnx_operator.api.analysis import Analysis
from onnx_operator.api.rollout import Rollout, Shadow, Step
from onnx_operator.decide import reasons
from onnx_operator.decide.finding import Trouble
from onnx_operator.decide.rollout.provider import elsewhere
from onnx_operator.decide.rollout.steps import pods_for, step_weight, steps_of
from onnx_operator.decide.times import seconds_since
from onnx_operator.decide.trouble import trouble_of
from onnx_operator.evidence import Evidence, together
from onnx_operator.observed import Observed, Revision
from onnx_operator.rollout import RolloutFacts, SplitState

Object = dict[str, Any]
T = TypeVar("T")

# What a revision's own pods end with. Missing Secrets, quotas and policies are mended beside it, and are waited for.
ITS_OWN = reasons.TYPED | {reasons.IMAGE_PULL_FAILED, reasons.CRASH_LOOP, reasons.OUT_OF_MEMORY}


class State(StrEnum):
    """Where a rollout is. Follows from its facts alone."""

    PREFLIGHT = "Preflight"
    CAPACITY = "Capacity"
    WEIGHT = "Weight"
    JUDGING = "Judging"
    PAUSED = "Paused"
    PROMOTING = "Promoting"
    HANDING_OVER = "HandingOver"
    ROLLING_BACK = "RollingBack"


@dataclass(frozen=True)
class Sight:
    """A running rollout at one moment.

    ``free_generation`` is a split's generation that nobody knows yet; ``action`` what a person asks for now, or ''.
    ``found`` is what was worked out of it already: the rules of one look see the same evidence.
    """

    observed: Observed
    candidate: Revision
    stable: Revision
    facts: RolloutFacts
    free_generation: int
    action: str = ""
    found: dict[object, Any] = field(default_factory=dict, repr=False, compare=False)

    def once(self, key: object, work_out: Callable[[], T]) -> T:
        """Return what follows from the observation and the key alone; it is worked out once a look."""
        if key not in self.found:
            self.found[key] = work_out()
        known: T = self.found[key]
        return known

    @cached_property
    def rollout(self) -> Rollout:
        """The fields of ``spec.rollout`` with which it began."""
        return pinned(self.facts)

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """All steps of the strategy."""
        return steps_of(self.rollout)

    @property
    def step(self) -> Step | None:
        """The step that it is in; None before the first and behind the last."""
        return self.steps[self.facts.step] if 0 <= self.facts.step < len(self.steps) else None

    @property
    def state(self) -> State:
        """Where it is."""
        if self.facts.paused:
            return State.PAUSED
        if self.facts.step < 0:
            return State.PREFLIGHT
        if self.step is None:
            return State.PROMOTING
        if (self.facts.weight, self.facts.shadow) != (self.weight_due, self.shadow_due):
            return State.CAPACITY
        return State.JUDGING if self.facts.weighted_at else State.WEIGHT

    @property
    def weight_due(self) -> int:
        """The percentage that the step is to reach."""
        return step_weight(self.steps, self.facts.step)

    @property
    def shadow_due(self) -> int:
        """The percentage of requests that are to be copied in the step."""
        return self.step.shadow.percent if self.step and self.step.shadow else 0

    @property
    def last_shadow(self) -> Shadow | None:
        """The shadow of the step that it is in, or else the one that was last before."""
        up_to_here = self.steps[: self.facts.step + 1]
        return next((step.shadow for step in reversed(up_to_here) if step.shadow), None)

    @property
    def analysis(self) -> Analysis:
        """What the candidate is judged by."""
        return self.rollout.analysis

    @property
    def all_at_once(self) -> bool:
        """Whether the candidate comes up with all its pods before it gets any request."""
        return self.facts.fast or self.rollout.strategy != "Canary"

    @property
    def patient(self) -> bool:
        """Whether a candidate that cannot start is left to try on until the deadline: it is in nobody's way."""
        return self.rollout.strategy == "BlueGreen" and not self.steps

    @property
    def routed_elsewhere(self) -> bool:
        """Whether somebody else moves the requests."""
        return elsewhere(self.observed, self.facts)

    @property
    def unseen(self) -> bool:
        """Whether no pod sees how the candidate answers: others split, or it gets no request before all of them."""
        return self.routed_elsewhere or self.patient or self.rollout.strategy == "Recreate"

    @property
    def blind(self) -> bool:
        """Whether there can be no evidence: nobody sees, or the servers are older than analysis."""
        return self.unseen or (bool(self.told) and all(split.evidence is None for split in self.told))

    @property
    def ready(self) -> int:
        """How many pods of the candidate are ready."""
        return self.observed.ready(self.candidate.name)

    @cached_property
    def trouble(self) -> Trouble | None:
        """What keeps the candidate's pods from serving."""
        name = self.candidate.name
        return trouble_of(self.observed.pods.get(name, ()), self.observed.deployment(name))

    @property
    def fault(self) -> Trouble | None:
        """What keeps the candidate's pods from serving, where that is its own: nobody can mend it beside the model."""
        trouble = self.trouble
        lasts = trouble is not None and trouble.stuck and not trouble.passing
        return trouble if trouble and lasts and trouble.reason in ITS_OWN else None

    @property
    def passing(self) -> Trouble | None:
        """What keeps pods of the candidate from serving, and may pass by itself: or may not."""
        return self.trouble if self.trouble and self.trouble.passing else None

    @cached_property
    def splits(self) -> tuple[SplitState | None, ...]:
        """What each ready pod of the stable revision says of its split."""
        return self.observed.split_states(self.stable.name)

    @cached_property
    def told(self) -> tuple[SplitState, ...]:
        """What those pods say that go by the weight which was ordered last."""
        return tuple(
            split
            for split in self.splits
            if split and split.generation == self.facts.generation and split.revision == self.candidate.name
        )

    @property
    def evidence(self) -> Evidence:
        """What the ready pods of the stable revision have seen of both since the rollout began.

        Pods count that go by an earlier order of this rollout, too. Of older servers it is what they count of requests.
        """
        name, course = self.candidate.name, self.facts.started_at
        seen = (split.evidence or _counted(split, course) for split in self.splits if split and split.revision == name)
        return self.once("evidence", lambda: together(course, seen))

    def follows(self, split: SplitState) -> bool:
        """Return whether a pod forwards and copies as was ordered last; an older server copies nothing."""
        copies = split.evidence is None or split.shadow_percent == self.facts.shadow
        return copies and split.applied_weight == self.facts.weight

    @property
    def whole(self) -> int:
        """How many pods are to serve: what is declared, and what an autoscaler has made of it."""
        scaling = self.observed.spec.scaling
        if not scaling.automatic:
            return scaling.minReplicas
        return max(scaling.minReplicas, self.facts.stable_size, self.observed.asked(self.stable.name))

    @property
    def size(self) -> int:
        """How many pods the candidate needs to take over everything: all, less what no room was found for."""
        lent = self.facts.shrunk
        return max(1, min(self.whole, self.facts.stable_size - lent)) if lent else self.whole

    @property
    def needed(self) -> int:
        """How many pods the candidate needs for the step that it is in."""
        if self.candidate.digest is None:
            return 1
        if self.all_at_once or self.facts.step >= len(self.steps):
            return self.size
        return min(self.size, pods_for(self.size, self.weight_due)) if self.facts.step >= 0 else 1

    @property
    def enough(self) -> int:
        """How many ready pods let it go on; where nobody is answered meanwhile, one does."""
        return 1 if self.rollout.strategy == "Recreate" else self.needed

    def seconds(self, since: str) -> float:
        """Return how long ago a stored time was."""
        return seconds_since(since, self.observed.now)


def _counted(split: SplitState, course: str) -> Evidence:
    given, late = split.candidate, split.candidate.failures.get("late", 0)
    return Evidence(
        course,
        stable_requests=split.stable.requests,
        stable_errors=split.stable.errors,
        requests=given.requests,
        errors=min(given.requests, max(0, given.errors - late)),
        late=late,
    )


def pinned(facts: RolloutFacts) -> Rollout:
    """Return the fields of ``spec.rollout`` with which a rollout began; the defaults, if somebody edited them."""
    try:
        return Rollout.model_validate(facts.rollout)
    except ValidationError:
        return Rollout()
