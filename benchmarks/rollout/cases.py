"""The bad versions: what is wrong with each, and with which steps it is rolled out."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from tests.e2e import digit_models as models
from tests.e2e.judging import QUICK

LAYERS: Final = 100
"""Of the model that is to be twice as slow: two or three milliseconds on one core."""

WEIGHTS: Final = [{"weight": 25}, {"weight": 50}, {"weight": 100}]


@dataclass(frozen=True)
class Case:
    """`stable` and `bad` make the models; `checks` are those that may catch it; `shadow` is whether copies come first.

    `wrong` is what is wrong with it: outputs, errors or latency.
    """

    name: str
    stable: Callable[[], bytes]
    bad: Callable[[], bytes]
    checks: tuple[str, ...]
    wrong: str
    shadow: bool = True

    @property
    def rollout(self) -> dict[str, Any]:
        """`spec.rollout`: the default steps, or weights alone."""
        return QUICK if self.shadow else {**QUICK, "steps": WEIGHTS}


def _five_percent() -> bytes:
    return models.failing_for(0.05)


CASES: Final = (
    Case("permuted labels", models.good, models.permuted_labels, ("outputs",), "outputs"),
    Case("5 % errors", models.good, _five_percent, ("errors",), "errors"),
    Case("2x slower", lambda: models.deep(LAYERS), lambda: models.deep(2 * LAYERS), ("latency",), "latency"),
    Case("5 % errors, without a shadow", models.good, _five_percent, ("errors",), "errors", shadow=False),
    Case(
        "2x slower, without a shadow",
        lambda: models.deep(LAYERS),
        lambda: models.deep(2 * LAYERS),
        ("latency",),
        "latency",
        shadow=False,
    ),
)
