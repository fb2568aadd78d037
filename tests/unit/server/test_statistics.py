"""What is counted of requests: histograms by protocol and code, and the sums that the protocol's statistics show."""

import bisect

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onnx_server.engine.histogram import SECONDS, Histogram
from onnx_server.engine.statistics import Duration, ModelStatistics


def test_a_quantile_is_a_bound_below_which_the_share_lies() -> None:
    histogram = Histogram((1.0, 2.0, 4.0))
    assert histogram.quantile(0.99) is None
    for value in [0.5] * 98 + [1.5, 3.0]:
        histogram.observe(value)
    assert [histogram.quantile(share) for share in (0.0, 0.98, 0.99, 1.0)] == [1.0, 1.0, 2.0, 4.0]
    histogram.observe(9.0)
    assert histogram.quantile(1.0) is None


def test_a_bound_belongs_to_the_bucket_below_it() -> None:
    histogram = Histogram((1.0, 2.0))
    for value in (0.0, 1.0, 1.5, 2.0, 2.1, 1e9):
        histogram.observe(value)
    assert histogram.counts == [2, 2, 2]
    assert histogram.count == 6
    assert histogram.sum == pytest.approx(1e9 + 6.6)


@given(st.lists(st.floats(0, 1e4)))
def test_every_value_is_in_one_bucket(values: list[float]) -> None:
    histogram = Histogram()
    for value in values:
        histogram.observe(value)
    assert histogram.count == len(values)
    assert histogram.sum == pytest.approx(sum(values))
    ordered = sorted(values)
    for index, bound in enumerate(SECONDS):
        assert sum(histogram.counts[: index + 1]) == bisect.bisect_right(ordered, bound)


def test_bounds_ascend() -> None:
    assert list(SECONDS) == sorted(set(SECONDS))


def test_successes_are_summed_over_protocols() -> None:
    statistics = ModelStatistics()
    http, grpc = statistics.transport("http"), statistics.transport("grpc")
    assert statistics.transport("http") is http
    http.succeeded(0.5, 0.1, 0.01, 0.2, 0.02)
    http.succeeded(0.5, 0.1, 0.01, 0.2, 0.02)
    grpc.succeeded(1.0, 0.3, 0.02, 0.4, 0.04)
    assert statistics.success == Duration(3, pytest.approx(2.0))
    assert statistics.queue == Duration(3, pytest.approx(0.5))
    assert statistics.compute_input == Duration(3, pytest.approx(0.04))
    assert statistics.compute_infer == Duration(3, pytest.approx(0.8))
    assert statistics.compute_output == Duration(3, pytest.approx(0.08))
    assert {code: requests.count for code, requests in http.requests.items()} == {"200": 2}
    assert {code: requests.count for code, requests in grpc.requests.items()} == {"OK": 1}


def test_failures_are_counted_by_reason_and_by_code() -> None:
    statistics = ModelStatistics()
    http, grpc = statistics.transport("http"), statistics.transport("grpc")
    http.failed("OTHER", 400, 0.1)
    http.failed("OTHER", 413, 0.1)
    http.failed("OTHER", 400, 0.1)
    grpc.failed("REJECTED", "RESOURCE_EXHAUSTED", 0.2)
    assert statistics.failures["OTHER"] == Duration(3, pytest.approx(0.3))
    assert statistics.failures["REJECTED"] == Duration(1, pytest.approx(0.2))
    assert statistics.success == Duration(0, 0.0)
    assert {code: requests.count for code, requests in http.requests.items()} == {"200": 0, "400": 2, "413": 1}
    assert grpc.requests["RESOURCE_EXHAUSTED"].count == 1


def test_what_the_cache_answered_was_not_computed() -> None:
    statistics = ModelStatistics()
    http = statistics.transport("http")
    statistics.cache_miss.add(0.001)
    http.succeeded(0.5, 0.1, 0.01, 0.2, 0.02)
    statistics.cache_hit.add(0.002)
    http.succeeded(0.01, 0.0, 0.0, 0.0, 0.0)
    assert statistics.success.count == statistics.queue.count == 2
    assert statistics.compute_infer == Duration(1, pytest.approx(0.2))


def test_executions_are_counted_by_batch() -> None:
    statistics = ModelStatistics()
    for rows, seconds in ((1, 0.1), (8, 0.3), (8, 0.5)):
        statistics.executed(rows, seconds)
    assert (statistics.execution_count, statistics.inference_count) == (3, 17)
    assert statistics.batches == {1: Duration(1, 0.1), 8: Duration(2, pytest.approx(0.8))}
    assert statistics.compute.count == 3
    assert statistics.batch_size.sum == 17
    assert statistics.last_inference > 0


def test_in_flight_is_summed_over_protocols() -> None:
    statistics = ModelStatistics()
    statistics.transport("http").in_flight += 2
    statistics.transport("grpc").in_flight += 1
    assert statistics.in_flight == 3
