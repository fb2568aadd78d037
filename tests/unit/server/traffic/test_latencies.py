"""How long a candidate is waited for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onnx_server.traffic.latencies import ENOUGH, WINDOW, RecentLatencies


def observed(*seconds: float) -> RecentLatencies:
    latencies = RecentLatencies()
    for value in seconds:
        latencies.observe(value)
    return latencies


def test_without_data_a_second() -> None:
    assert observed().hedge_delay() == 1.0
    assert observed(*[0.01] * (ENOUGH - 1)).hedge_delay() == 1.0


def test_three_times_what_99_of_100_take() -> None:
    assert observed(*[0.05] * 99, 4.0).hedge_delay() == pytest.approx(12.0)
    assert observed(*[0.05] * 199, 4.0).hedge_delay() == pytest.approx(0.15)


def test_not_less_than_50_ms() -> None:
    assert observed(*[0.001] * 100).hedge_delay() == 0.05


def test_only_recent_ones_matter() -> None:
    latencies = observed(*[5.0] * WINDOW)
    assert latencies.hedge_delay() == pytest.approx(15.0)
    for _ in range(WINDOW):
        latencies.observe(0.1)
    assert latencies.hedge_delay() == pytest.approx(0.3)


def test_until_enough_are_noted_what_was_usual_before() -> None:
    latencies = observed(*[4.0] * (ENOUGH - 1))
    latencies.usual = 0.1
    assert latencies.hedge_delay() == pytest.approx(0.3)
    latencies.observe(4.0)
    assert latencies.hedge_delay() == pytest.approx(12.0)


@given(st.lists(st.floats(0, 60), max_size=100), st.floats(-5, 100))
def test_half_of_what_the_client_waits_is_kept_for_the_own_answer(seconds: list[float], left: float) -> None:
    latencies = observed(*seconds)
    delay = latencies.hedge_delay(left)
    assert 0 <= delay <= max(0.0, left / 2)
    assert delay <= latencies.hedge_delay()
