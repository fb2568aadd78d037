"""The steps of a rollout and how many pods each needs."""

from onnx_operator.api.rollout import Rollout, Shadow, Step

# Copies of requests first: what is wrong with a candidate's outputs is seen before anybody gets one.
DEFAULT = (Step(shadow=Shadow()), *(Step(weight=weight) for weight in (5, 25, 50, 100)))


def steps_of(rollout: Rollout) -> tuple[Step, ...]:
    """Return the steps that will be gone through, in order; the last weight of a canary is 100, said or not."""
    if rollout.strategy == "Recreate":
        return ()
    if rollout.strategy == "BlueGreen":
        return tuple(step for step in rollout.steps or () if step.weight is None)
    given = tuple(rollout.steps) if rollout.steps is not None else DEFAULT
    last = max((step.weight or 0 for step in given), default=0)
    return given if last == 100 else (*given, Step(weight=100))


def pods_for(size: int, weight: int) -> int:
    """Return how many of ``size`` pods a share of ``weight`` percent takes: rounded up, at least one."""
    return max(1, -(-size * weight // 100))


def step_weight(steps: tuple[Step, ...], step: int) -> int:
    """Return the percentage that is to be reached in a step; 100 behind the last one.

    Of a pause and of a shadow it is that before it.
    """
    if step >= len(steps):
        return 100
    return max((known.weight or 0 for known in steps[: step + 1]), default=0)
