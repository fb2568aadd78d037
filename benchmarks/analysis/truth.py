"""What is true of a candidate in a simulation, and what its rollout looks like."""

import math
from dataclasses import dataclass, field

Step = tuple[str, int]

# What a canary without a word in its manifest does.
STEPS: tuple[Step, ...] = (("shadow", 100), ("weight", 5), ("weight", 25), ("weight", 50), ("weight", 100))


@dataclass(frozen=True)
class Truth:
    """Rates from 0 to 1.

    ``slower`` is the candidate's median duration in relation to the limit, ``noise`` the standard deviation of a
    duration's logarithm; a pair has that of two.
    """

    stable_errors: float = 0.001
    errors: float = 0.001
    slower: float = 1.0 / 1.5
    noise: float = 0.25
    apart: tuple[float, ...] = (0.0,)
    non_finite: float = 0.0
    stuck: float = 0.0


@dataclass(frozen=True)
class Plan:
    """What is tolerated, what a Pass takes, and how the rollout goes on; times in seconds."""

    errors: float = 0.01
    apart: float = 0.5
    non_finite: float = 0.01
    stuck: float = 0.5
    requests: int = 100
    pairs: int = 50
    copies: int = 100
    steps: tuple[Step, ...] = field(default=STEPS)
    step_seconds: int = 15
    look_seconds: int = 2
    wait_seconds: int = 1800


def sides(truth: Truth, grades: tuple[float, ...]) -> list[float]:
    """Return how probable it is that a pair speaks for and against the limit by how much, from least to most."""
    spread = truth.noise * math.sqrt(2)
    beyond = [math.log(grade) for grade in grades]
    logs = [*(-log for log in reversed(beyond)), 0.0, *beyond]
    below = [_normal((log - math.log(truth.slower)) / spread) for log in logs]
    return [upper - lower for lower, upper in zip([0.0, *below], [*below, 1.0], strict=True)]


def _normal(value: float) -> float:
    return 0.5 * math.erfc(-value / math.sqrt(2))
