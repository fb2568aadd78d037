"""How long a run may take, learned from those before it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onnx_server.engine.run_times import RunTimes, size_class


@given(st.integers(1, 2**48))
def test_a_size_class_is_a_factor_of_four(size: int) -> None:
    assert size_class(4 * size) == size_class(size) + 1
    assert size_class(size) <= size_class(size + 1) <= size_class(size) + 1


def test_nothing_is_known_before_a_run() -> None:
    assert RunTimes().expected(1) is None


def test_what_was_not_run_is_guessed_from_its_neighbours() -> None:
    times = RunTimes()
    times.learn(1000, 0.5)
    assert times.expected(1000) == 0.5
    assert times.expected(4000) == 2.0
    assert times.expected(16000) == 8.0
    assert times.expected(10) == 0.5


def test_a_model_that_becomes_slow_is_known_at_once_and_one_that_becomes_quick_after_a_while() -> None:
    times = RunTimes()
    for _ in range(100):
        times.learn(10, 50e-6)
    times.learn(10, 0.1)
    assert (times.expected(10) or 0) > 0.01
    for _ in range(10):
        times.learn(10, 50e-6)
    assert (times.expected(10) or 0) > 0.01
    for _ in range(200):
        times.learn(10, 50e-6)
    assert times.expected(10) == pytest.approx(50e-6, rel=0.1)


def test_one_run_during_which_the_machine_did_something_else_is_not_believed_and_two_are() -> None:
    times = RunTimes()
    for _ in range(10):
        times.learn(10, 50e-6)
    times.learn(10, 5e-3)
    assert (times.expected(10) or 0) < 60e-6
    times.learn(10, 4e-3)
    assert (times.expected(10) or 0) > 1e-3
