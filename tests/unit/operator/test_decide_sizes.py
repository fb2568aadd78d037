"""How many pods each revision has while a rollout runs, whatever the spec, the autoscaler and the rollout say."""

from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onnx_operator.decide.plan import Planned
from onnx_operator.decide.rollout.course import Course
from onnx_operator.decide.rollout.sight import Sight
from onnx_operator.decide.rollout.steps import steps_of
from onnx_operator.decide.sizes import planned
from onnx_operator.observed import Observed
from onnx_operator.rollout import RolloutFacts
from tests.unit.operator.situations import EARLIER, deployment, observed, ready_pod, revision, spec

Object = dict[str, Any]

CANARY: Object = {"steps": [{"weight": 5}, {"weight": 25}, {"pause": {}}, {"weight": 60}, {"weight": 100}]}
PAUSED: Object = {"strategy": "BlueGreen", "steps": [{"pause": {}}]}
AT_ONCE: Object = {"strategy": "BlueGreen"}
RECREATE: Object = {"strategy": "Recreate"}
BESIDE = {"canary": CANARY, "blue-green": PAUSED, "blue-green without steps": AT_ONCE}


@dataclass(frozen=True)
class Situation:
    """A rollout at some moment; ``of`` is what its sizes are worked out from."""

    sight: Sight

    @property
    def of(self) -> Observed:
        return self.sight.observed

    @property
    def stable(self) -> Planned:
        return planned(self.of, self.sight.stable, self.course)

    @property
    def candidate(self) -> Planned:
        return planned(self.of, self.sight.candidate, self.course)

    @property
    def course(self) -> Course:
        sight = self.sight
        known = {each.name: each for each in (sight.stable, sight.candidate)}
        return Course(known, sight.stable.name, sight.candidate.name, sight, stored=True)


def situation(
    rollout: Object, scaling: Object, stable: int, candidate: int = 0, ready: int = 0, pinned: bool = True, **more: Any
) -> Situation:
    """Return a rollout whose Deployments are asked to have so many pods."""
    old, new = spec("s3://m/1", 1), spec("s3://m/2", scaling=scaling, rollout=rollout)
    before, after = revision(old, 1, EARLIER), revision(new, 2, pinned="b" if pinned else None)
    facts = RolloutFacts(new.rollout.model_dump(exclude_none=True), EARLIER, generation=1, **more)
    after = replace(after, rollout=facts)
    at = observed(
        new, before, after,
        owned={("Deployment", before.name): deployment(stable), ("Deployment", after.name): deployment(candidate)},
        pods={after.name: tuple(ready_pod(f"c{n}") for n in range(ready))},
    )  # fmt: skip
    return Situation(Sight(at, after, before, facts, 2))


@st.composite
def situations(draw: st.DrawFn, lent: bool = False) -> Situation:
    """Any moment of a rollout whose stable revision goes on serving, with places that it lends or without."""
    rollout = draw(st.sampled_from(list(BESIDE.values())))
    least = draw(st.integers(1, 8))
    scaling: Object = {"minReplicas": least}
    if draw(st.booleans()):
        scaling |= {"maxReplicas": draw(st.integers(least, 12)), "target": {"cpuPercent": 80}}
    size = draw(st.integers(1, 12))
    last = len(steps_of(spec(rollout=rollout).rollout))
    return situation(
        rollout, scaling, draw(st.integers(0, 14)), draw(st.integers(0, 14)), draw(st.integers(0, 14)),
        pinned=draw(st.integers(0, 4)) > 0, stable_size=size, step=draw(st.integers(-1, last)),
        shrunk=draw(st.integers(1, size)) if lent else 0, fast=draw(st.booleans()),
    )  # fmt: skip


@given(situations())
def test_the_stable_revision_is_not_smaller_than_at_the_beginning(now: Situation) -> None:
    made, size = now.stable, now.sight.facts.stable_size
    assert made.replicas >= made.least >= size
    assert made.replicas >= now.of.spec.scaling.minReplicas


@given(situations())
def test_an_autoscaler_keeps_to_the_bounds_of_the_spec_and_to_the_size_at_the_beginning(now: Situation) -> None:
    made, scaling, size = now.stable, now.of.spec.scaling, now.sight.facts.stable_size
    least, most = scaling.minReplicas, max(scaling.minReplicas, scaling.maxReplicas or 0)
    assert (made.least, made.most) == (max(least, size), max(most, size))
    assert made.least <= made.replicas <= made.most
    assert made.autoscaled == scaling.automatic
    asked = now.of.asked(now.sight.stable.name)
    if scaling.automatic and made.least <= asked <= made.most:
        assert made.replicas == asked, "within its bounds the autoscaler decides"


@given(situations(lent=True))
def test_what_is_lent_is_gone_from_the_stable_revision_but_for_its_last_pod(now: Situation) -> None:
    made, facts = now.stable, now.sight.facts
    left = max(1, facts.stable_size - facts.shrunk)
    assert (made.replicas, made.least, made.most) == (left, left, left), "its autoscaler does not take it back"
    assert now.sight.size <= left, "the candidate takes over with what there is room for"


@given(situations() | situations(lent=True))
def test_the_candidate_has_what_its_step_needs_and_at_most_what_takes_over(now: Situation) -> None:
    made, sight = now.candidate, now.sight
    if sight.candidate.digest is None:
        assert made.replicas == 1, "one until its bytes are pinned"
        return
    assert 1 <= sight.needed <= made.replicas <= sight.size
    assert made.replicas >= min(now.of.asked(sight.candidate.name), sight.size), "it gives nothing back"
    assert not made.autoscaled, "one autoscaler, and the stable revision has it"


@given(situations())
def test_what_takes_over_an_autoscaled_revision_is_as_large_as_that(now: Situation) -> None:
    sight = now.sight
    serves = max(sight.facts.stable_size, now.of.asked(sight.stable.name))
    assert sight.size >= (serves if now.of.spec.scaling.automatic else now.of.spec.scaling.minReplicas)
    last = replace(sight, facts=replace(sight.facts, step=len(sight.steps)))
    if sight.candidate.digest:
        assert Situation(last).candidate.replicas == sight.size


@pytest.mark.parametrize("rollout", BESIDE.values(), ids=BESIDE)
def test_no_strategy_lets_an_autoscaler_go_below_the_size_at_the_beginning(rollout: Object) -> None:
    scaling: Object = {"minReplicas": 1, "maxReplicas": 5, "target": {"cpuPercent": 80}}
    now = situation(rollout, scaling, stable=4, stable_size=4).stable
    assert (now.least, now.most, now.replicas) == (4, 5, 4)


def test_recreate_takes_the_old_one_down() -> None:
    assert situation(RECREATE, {"minReplicas": 2}, stable=2, stable_size=2).stable.replicas == 0
