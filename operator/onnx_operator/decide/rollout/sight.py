"""What the rules of a rollout look at: the candidate, the stable revision, what was observed and what is stored."""

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any

from pydantic import ValidationError

from onnx_operator.api.rollout import Rollout, Step
from onnx_operator.decide.finding import Trouble
from onnx_operator.decide.rollout.steps import pods_for, step_weight, steps_of
from onnx_operator.decide.times import seconds_since
from onnx_operator.decide.trouble import trouble_of
from onnx_operator.observed import Observed, Revision
from onnx_operator.rollout import RolloutFacts, SplitState

Object = dict[str, Any]


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
    """

    observed: Observed
    candidate: Revision
    stable: Revision
    facts: RolloutFacts
    free_generation: int
    action: str = ""

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
        if self.facts.weight != self.weight_due:
            return State.CAPACITY
        return State.JUDGING if self.facts.weighted_at else State.WEIGHT

    @property
    def weight_due(self) -> int:
        """The percentage that the step is to reach."""
        return step_weight(self.steps, self.facts.step)

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
        return self.observed.spec.routing.provider == "External"

    @property
    def ready(self) -> int:
        """How many pods of the candidate are ready."""
        return self.observed.ready(self.candidate.name)

    @cached_property
    def trouble(self) -> Trouble | None:
        """What keeps the candidate's pods from serving."""
        name = self.candidate.name
        return trouble_of(self.observed.pods.get(name, ()), self.observed.deployment(name))

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
    def size(self) -> int:
        """How many pods the candidate needs to take over everything.

        What is declared; what an autoscaler has made of it; less what no room was found for.
        """
        scaling = self.observed.spec.scaling
        size = scaling.minReplicas
        if scaling.automatic:
            size = max(size, self.facts.stable_size, self.observed.asked(self.stable.name))
        return max(1, min(size, self.facts.stable_size - self.facts.shrunk)) if self.facts.shrunk else size

    @property
    def needed(self) -> int:
        """How many pods the candidate needs for the step that it is in."""
        if self.candidate.digest is None:
            return 1
        if self.all_at_once or self.facts.step >= len(self.steps):
            return self.size
        return min(self.size, pods_for(self.size, self.weight_due)) if self.facts.step >= 0 else 1

    def seconds(self, since: str) -> float:
        """Return how long ago a stored time was."""
        return seconds_since(since, self.observed.now)


def pinned(facts: RolloutFacts) -> Rollout:
    """Return the fields of ``spec.rollout`` with which a rollout began; the defaults, if somebody edited them."""
    try:
        return Rollout.model_validate(facts.rollout)
    except ValidationError:
        return Rollout()
