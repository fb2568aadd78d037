"""Weights and pods of a rollout, whatever is asked for."""

import math
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from onnx_operator.api.rollout import Rollout, Step
from onnx_operator.decide.rollout.steps import pods_for, step_weight, steps_of

Object = dict[str, Any]
WEIGHTS = st.lists(st.integers(1, 100), max_size=20, unique=True).map(sorted)
PAUSES = st.lists(st.booleans(), min_size=20, max_size=20)


def made(weights: list[int], pauses: list[bool]) -> Rollout:
    steps: list[Object] = []
    for weight, pause in zip(weights, pauses, strict=False):
        steps += [{"weight": weight}, *([{"pause": {}}] if pause else [])]
    return Rollout.model_validate({"steps": steps[:20]})


def test_without_a_word_a_canary_copies_requests_and_has_four_weights() -> None:
    first, *others = steps_of(Rollout())
    assert first.shadow is not None
    assert (first.shadow.percent, first.shadow.minSamples) == (100, 100)
    assert [step.weight for step in others] == [5, 25, 50, 100]
    assert step_weight(steps_of(Rollout()), 0) == 0, "nobody gets an answer of it"


@given(WEIGHTS, PAUSES)
def test_weights_grow_to_100_and_every_step_that_is_asked_for_is_there(weights: list[int], pauses: list[bool]) -> None:
    rollout = made(weights, pauses)
    steps = steps_of(rollout)
    given_steps = rollout.steps or []
    reached = [step.weight for step in steps if step.weight is not None]
    assert reached == sorted(set(reached))
    assert reached[-1] == 100
    assert list(steps[: len(given_steps)]) == given_steps
    assert len(steps) - len(given_steps) == (
        0 if 100 in weights[: len(given_steps)] and given_steps_reach(rollout) else 1
    )


def given_steps_reach(rollout: Rollout) -> bool:
    return any(step.weight == 100 for step in rollout.steps or [])


@given(WEIGHTS, PAUSES)
def test_the_weight_never_falls_from_step_to_step(weights: list[int], pauses: list[bool]) -> None:
    steps = steps_of(made(weights, pauses))
    due = [step_weight(steps, step) for step in range(-1, len(steps) + 1)]
    assert due[0] == 0, "preflight"
    assert due[-1] == 100, "promotion"
    assert due == sorted(due)
    for step, weight in zip(steps, due[1:], strict=False):
        assert step.weight is None or weight == step.weight


@given(st.integers(1, 1000), st.integers(1, 100))
def test_the_candidate_has_its_share_of_the_pods_rounded_up(size: int, weight: int) -> None:
    pods = pods_for(size, weight)
    assert pods == max(1, math.ceil(size * weight / 100))
    assert 1 <= pods <= size
    assert pods_for(size, 100) == size


@given(st.integers(1, 1000), st.integers(1, 99))
def test_a_greater_weight_never_needs_fewer_pods(size: int, weight: int) -> None:
    assert pods_for(size, weight) <= pods_for(size, weight + 1)


def test_a_shadow_leaves_the_weight_as_it_was() -> None:
    steps = steps_of(Rollout.model_validate({"steps": [{"weight": 5}, {"shadow": {"percent": 20}}, {"weight": 50}]}))
    assert [step_weight(steps, step) for step in range(-1, 5)] == [0, 5, 5, 50, 100, 100]


def test_blue_green_has_pauses_and_shadows_only_and_recreate_has_no_steps() -> None:
    steps = [Step(weight=5), Step.model_validate({"pause": {}}), Step.model_validate({"shadow": {}})]
    assert steps_of(Rollout(strategy="BlueGreen", steps=steps)) == tuple(steps[1:])
    assert steps_of(Rollout(strategy="BlueGreen")) == ()
    assert steps_of(Rollout(strategy="Recreate", steps=steps)) == ()
