"""What is said where the stable version's answers are always the same few: of a prober, or of a few golden requests."""

import numpy as np
import pytest

from onnx_server.comparison.comparisons import Comparisons
from onnx_server.protocol.datatypes import Tensor
from tests.unit.server.comparison import copies

RANDOM = np.random.default_rng(0)


def regressor() -> Comparisons:
    return copies.comparisons(copies.spec("FP64", -1, 1))


def value(of: float) -> Tensor:
    return np.array([[float(of)]])


def test_one_input_again_and_again_takes_no_honest_candidate_back() -> None:
    made = regressor()
    for _ in range(120):
        copies.compare(made, value(100), value(102))
    found = copies.output(made)
    assert (found["samples"], found["learning"], found["unsure"], found["agreed"]) == (120, 120, 100, 0)
    assert not copies.retrained(found)


def test_an_equal_candidate_needs_no_other_input() -> None:
    made = regressor()
    for _ in range(120):
        copies.compare(made, value(100), value(100.1))
    found = copies.output(made)
    assert (found["learning"], found["unsure"], found["agreed"]) == (20, 0, 100)


def test_nan_of_one_input_is_seen() -> None:
    made = regressor()
    for _ in range(60):
        copies.compare(made, value(100), value(np.nan))
    assert copies.health(copies.output(made))


def test_of_a_few_inputs_what_agrees_counts_and_what_does_not_may_be_chance() -> None:
    made = regressor()
    for turn in range(120):
        stable = (100.0, 100.4, 180.0)[turn % 3]
        copies.compare(made, value(stable), value(stable + (2 if stable < 150 else 70)))
    found = copies.output(made)
    assert found["agreed"] + found["unsure"] == 100
    assert found["agreed"] > 60
    assert found["unsure"] > 30


def test_what_was_unsure_says_nothing_once_there_are_enough() -> None:
    made = regressor()
    for stable in (*[100.0] * 50, 150.0, 10.0, 80.0, 120.0, 60.0):
        copies.compare(made, value(stable), value(stable * 1.02))
    found = copies.output(made)
    assert (found["unsure"], found["learning"], found["agreed"]) == (0, 51, 4)


def test_a_prober_beside_few_clients_does_not_make_the_spread_small() -> None:
    made = regressor()
    for turn in range(2000):
        stable = 100.0 if turn % 50 else float(RANDOM.normal(100, 30))
        copies.compare(made, value(stable), value(stable * 1.05))
    assert copies.agreement(copies.output(made)) > 0.95


def test_labels_of_many_pixels_of_one_input_are_not_told_apart() -> None:
    made = copies.comparisons(copies.spec("INT64", -1, 50))
    stable = np.zeros((1, 50), np.int64)
    candidate = stable.copy()
    candidate[0, :3] = 1
    for _ in range(120):
        copies.compare(made, stable, candidate)
    found = copies.output(made)
    assert (found["agreed"], found["unsure"]) == (0, 100)


LOGITS = np.array([9.0, -3.0, -3.0, -3.0])


def test_logits_of_one_input_are_not_taken_for_values() -> None:
    made = copies.comparisons(copies.spec("FP64", -1, 4))
    for _ in range(60):
        copies.compare(made, LOGITS[None], 3 * LOGITS[None])
    found = copies.output(made)
    assert (found["learning"], found["unsure"], found["agreed"]) == (60, 40, 0)
    for turn in range(40):
        copies.compare(made, np.roll(LOGITS, turn)[None], 3 * np.roll(LOGITS, turn)[None])
    found = copies.output(made)
    assert (found["kind"], found["learning"], found["unsure"], found["agreed"]) == ("scores", 0, 0, 100)


@pytest.mark.parametrize(("stable", "candidate", "agreed"), [(0.9, 0.8, 100), (0.9, 0.2, 0)])
def test_probabilities_of_one_input_are_scores(stable: float, candidate: float, agreed: int) -> None:
    made = copies.comparisons(copies.spec("FP64", -1, 2))
    for _ in range(100):
        copies.compare(made, np.array([[stable, 1 - stable]]), np.array([[candidate, 1 - candidate]]))
    assert (copies.output(made)["kind"], copies.output(made)["agreed"]) == ("scores", agreed)


def test_memory_does_not_grow_while_it_is_not_known_what_an_output_is() -> None:
    made = copies.comparisons(copies.spec("FP64", -1, 1))
    for _ in range(500):
        copies.compare(made, value(0.2), value(0.3))
    evidence = made._outputs[0]._agreement._evidence
    assert evidence is not None
    assert len(evidence._highest) == evidence._rows == 1


def test_what_batches_and_kernels_round_otherwise_is_no_other_answer() -> None:
    made = regressor()
    for turn in range(120):
        copies.compare(made, value(100 + 1e-5 * (turn % 8)), value(102))
    found = copies.output(made)
    assert (found["unsure"], found["agreed"]) == (100, 0)
    assert not copies.retrained(found)
