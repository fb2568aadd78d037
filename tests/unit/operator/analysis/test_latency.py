"""The check of durations: verdicts and words."""

import pytest

from onnx_operator.decide.analysis.latency import latency
from tests.unit.operator.analysis.seen import seen

EQUAL = {80: 10, 95: 25, 100: 30, 105: 25, 130: 10}
SLOW = {110: 10, 130: 25, 140: 30, 150: 25, 200: 10}


def test_it_waits_for_pairs() -> None:
    nothing, few = latency(seen(), 20, 50), latency(seen(compute={100: 20}, work={100: 8}), 20, 50)
    assert (nothing.verdict, nothing.holds, nothing.message) == ("Unknown", True, "0 of 50 pairs")
    assert (few.verdict, few.holds, few.message, few.samples) == ("Unknown", True, "20 of 50 pairs", 20)


def test_it_passes_what_is_as_fast() -> None:
    found = latency(seen(compute=EQUAL, work=EQUAL), 20, 50)
    assert (found.check, found.verdict, found.value, found.samples) == ("latency", "Pass", "0 %", 100)
    assert found.level == 0.025
    assert found.interval is not None
    assert found.interval.startswith("-")


def test_it_fails_what_is_slower_than_tolerated() -> None:
    found = latency(seen(compute=SLOW), 20, 50)
    assert (found.verdict, found.reason, found.value) == ("Fail", "CandidateSlower", "+40 %")
    assert found.message == (
        f"half of 100 batches took +40 % time or more than alike ones of the stable revision ({found.interval}); "
        "at most +20 % is tolerated."
    )
    assert latency(seen(compute=SLOW), 50, 50).verdict == "Pass"


def test_it_waits_where_it_is_unsure() -> None:
    found = latency(seen(compute={110: 28, 125: 32}), 20, 50)
    assert (found.verdict, found.holds) == ("Unknown", True)
    assert found.message.endswith("time for batches, and at most +20 % is tolerated")
    assert found.level is not None
    assert found.level > 1


def test_requests_speak_where_batches_are_never_alike() -> None:
    assert latency(seen(work=EQUAL), 20, 50).verdict == "Pass"
    found = latency(seen(compute={100: 3}, work=SLOW), 20, 50)
    assert (found.verdict, found.reason) == ("Fail", "CandidateSlower")
    assert found.message.startswith("half of 100 requests took +40 % time or more")


def test_slow_requests_alone_hold_a_candidate_whose_batches_are_fast() -> None:
    found = latency(seen(compute=EQUAL, work=SLOW), 20, 50)
    assert (found.verdict, found.holds, found.value) == ("Unknown", True, "0 %")
    assert "time for requests" in found.message


def test_slow_requests_fail_a_candidate_whose_batches_are_rather_slow_too() -> None:
    rather = {percent + 15: count for percent, count in EQUAL.items()}
    assert latency(seen(compute=rather, work=SLOW), 20, 50).verdict == "Fail"


def test_what_is_within_by_most_pairs_never_fails() -> None:
    # Of 1,000 pairs 490 met pauses: against the limit by weight, yet the median is within.
    found = latency(seen(compute={119: 510, 900: 490}), 20, 50)
    assert found.verdict == "Pass"


@pytest.mark.parametrize("tolerance", [1, 50, 900])
def test_durations_at_the_histograms_end(tolerance: int) -> None:
    verdict = latency(seen(compute={1000: 200}), tolerance, 50).verdict
    assert verdict == "Fail"
    assert latency(seen(compute={0: 200}), tolerance, 50).verdict == "Pass"
