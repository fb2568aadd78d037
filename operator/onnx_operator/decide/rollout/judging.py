"""What all checks say of a candidate. The first that fails gives the reason for which it is taken back."""

from collections.abc import Callable

from onnx_operator.decide.judgement import Judgement
from onnx_operator.decide.rollout.checks.errors import errors
from onnx_operator.decide.rollout.checks.evidential import health, latency, memory, outputs
from onnx_operator.decide.rollout.checks.golden import golden
from onnx_operator.decide.rollout.checks.measured import measured
from onnx_operator.decide.rollout.checks.readiness import readiness
from onnx_operator.decide.rollout.checks.restarts import restarts
from onnx_operator.decide.rollout.sight import Sight

# A check that has nothing to say of this rollout, or is left out, gives none.
Check = Callable[[Sight], Judgement | tuple[Judgement, ...]]

CHECKS: tuple[Check, ...] = (
    golden,
    readiness,
    restarts,
    errors,
    # Before the outputs, which cannot agree then either.
    health,
    outputs,
    latency,
    memory,
    measured,
)


def judged(sight: Sight) -> tuple[Judgement, ...]:
    """Return what every check says now."""
    said = (check(sight) for check in CHECKS)
    return tuple(one for each in said for one in (each if isinstance(each, tuple) else (each,)))
