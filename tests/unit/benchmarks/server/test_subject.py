"""How heavy a model is made."""

import pytest

from benchmarks.server.models import MODELS
from benchmarks.server.subject import FEW, MOST, fitted, layers


@pytest.mark.parametrize(
    ("wanted", "first", "each", "count"),
    [(1.2e-3, 0.1e-3, 0.2e-3, 6), (1.2e-3, 0.3e-3, 0.6e-3, 2), (1.2e-3, 2e-3, 1e-3, FEW), (1, 0.1e-3, 0.2e-3, MOST)],
)
def test_a_model_gets_the_layers_that_its_time_takes(wanted: float, first: float, each: float, count: int) -> None:
    assert layers(wanted, lambda layers: first + (layers - FEW) * each) == count


def test_a_clock_that_lies_gives_the_smallest_model() -> None:
    assert layers(1.2e-3, lambda layers: 1e-3 / layers) == FEW


def test_what_has_no_time_stays_as_it_is() -> None:
    assert fitted(MODELS["tiny"]) is MODELS["tiny"]
