"""The checks that judge a candidate. Each is a function of what is seen; the first that fails gives the reason."""

from collections.abc import Callable

from onnx_operator.decide.rollout.checks.errors import errors
from onnx_operator.decide.rollout.checks.judgement import Judgement
from onnx_operator.decide.rollout.checks.readiness import readiness
from onnx_operator.decide.rollout.checks.restarts import restarts
from onnx_operator.decide.rollout.sight import Sight

Check = Callable[[Sight], Judgement]

CHECKS: tuple[Check, ...] = (readiness, restarts, errors)


def judged(sight: Sight) -> tuple[Judgement, ...]:
    """Return what every check says now."""
    return tuple(check(sight) for check in CHECKS)
