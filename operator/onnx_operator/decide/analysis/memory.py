"""Does a candidate's memory grow and grow? A leak is told from a run-in by its steadiness.

Looked at are the samples of the last three quarters of the requests since warm-up: at every scale, as time goes on.
Growth is steady if Kendall's rank correlation of memory with requests is near 1 (M. G. Kendall, A new measure of rank
correlation, Biometrika 1938; as a test of trend: H. B. Mann, Nonparametric tests against trend, Econometrica 1945), and
even: cut into PARTS, each step from one part's mean to the next is at least EVEN of what the whole makes one expect.

Looking every few seconds costs nothing, for this is no bet against chance. A run-in `A + B·(1 - exp(-n/τ))` is even
only while n <= 1.2 τ, and has by then grown in those three quarters by less than 0.45 B. So what at most doubles the
memory is never taken for a leak with the default of 50 %, however long it takes; and a limit that it stays below seems
to be at least 0.5 n requests away. What more than doubles it has FEWEST_REQUESTS for it. Steps (an arena that grows
with the largest batch so far, more load) have ties, and are not even; a sawtooth falls. What noise does to all this is
simulated in tests/unit/operator/test_analysis_memory.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from statistics import fmean

from onnx_operator.decide import reasons
from onnx_operator.decide.judgement import Judgement
from onnx_operator.evidence import Memory

MIB = 1 << 20
# The part of the requests that is left to the run-in.
RUN_IN = 1 / 4
FEWEST_REQUESTS = 256
FEWEST_SAMPLES = 8
# Less than this is no leak that anybody has to hear of while a rollout runs, and allocators take more at a time.
FEWEST_BYTES = 32 * MIB
STEADY = 0.9
PARTS = 8
EVEN = 0.7
# A limit is near if it is reached within so many times the requests that led here.
NEAR = 0.4


@dataclass(frozen=True)
class _Trend:
    """Of one pod: bytes at the begin of the window, what came in it, and bytes a request; whether that is steady."""

    begin: float
    growth: float
    slope: float
    steady: bool


def memory(pods: Sequence[Memory], max_increase_percent: int) -> Judgement:
    """Return the verdict on the growth of the memory of a candidate's pods; an Unknown holds nothing.

    It fails if at least half of the pods that say enough grow steadily, by FEWEST_BYTES or more, and either by more
    than ``max_increase_percent`` or so that the limit is near: a leak is in the model or the server, and so in all
    pods. ``level`` is the steady growth as a share of what is tolerated.
    """
    told = [pod for pod in pods if pod.samples]
    if not told:
        return Judgement("memory", "Unknown", message="no pod has said how much memory it holds.")
    value = f"{max(_since_warm_up(pod) for pod in told):+.0%} since warm-up".replace("%", " %")
    requests = max(pod.samples[-1][0] for pod in told)
    known = [(pod, trend) for pod in told if (trend := _trend(pod))]
    if not known:
        message = f"{requests} of {FEWEST_REQUESTS} requests that a trend takes were answered by a pod."
        return Judgement("memory", "Unknown", "", message, value, requests, FEWEST_REQUESTS)
    grown = [(pod, trend) for pod, trend in known if _leaks(pod, trend, max_increase_percent)]
    level = max(_level(trend, max_increase_percent) for _, trend in known)
    if len(grown) * 2 < len(known) or not grown:
        return Judgement("memory", "Pass", "", "", value, requests, FEWEST_REQUESTS, level=level)
    worst = max(grown, key=lambda found: found[1].growth)
    message = _told(*worst)
    return Judgement("memory", "Fail", reasons.CANDIDATE_LEAKS, message, value, requests, FEWEST_REQUESTS, level=level)


def _trend(pod: Memory) -> _Trend | None:
    """Return the trend of the pod's samples; None where there are too few."""
    last = pod.samples[-1][0]
    window = [sample for sample in pod.samples if sample[0] >= last * RUN_IN]
    if last < FEWEST_REQUESTS or len(window) < FEWEST_SAMPLES:
        return None
    size = len(window) / PARTS
    parts = [window[round(at * size) : round((at + 1) * size)] for at in range(PARTS)]
    held = [fmean(held for _, held in part) for part in parts]
    when = [fmean(count for count, _ in part) for part in parts]
    slope = (held[-1] - held[0]) / (when[-1] - when[0]) if when[-1] > when[0] else 0.0
    growth = slope * (last - window[0][0])
    # The ranks are the dear part, and of no interest where nothing grows.
    steady = growth >= FEWEST_BYTES and _is_even(held, when, slope) and _rank_correlation(window) >= STEADY
    return _Trend(held[0] - slope * (when[0] - window[0][0]), growth, slope, steady)


def _is_even(held: Sequence[float], when: Sequence[float], slope: float) -> bool:
    """Return whether each part has a good share of the growth."""
    pairs = zip(pairwise(held), pairwise(when), strict=True)
    return all(after - before >= EVEN * slope * (end - begin) for (before, after), (begin, end) in pairs)


def _rank_correlation(samples: Sequence[tuple[int, int]]) -> float:
    """Return Kendall's tau (its first form: ties count for nothing) of bytes with requests, which rise."""
    signs = [(after > before) - (after < before) for (_, before), (_, after) in combinations(samples, 2)]
    return sum(signs) / len(signs)


def _leaks(pod: Memory, trend: _Trend, max_increase_percent: int) -> bool:
    if not trend.steady:
        return False
    left = _left(pod, trend)
    near = left is not None and left <= NEAR * pod.samples[-1][0]
    return near or trend.growth > trend.begin * max_increase_percent / 100


def _left(pod: Memory, trend: _Trend) -> float | None:
    """Return after how many more requests the limit is reached; None without a limit."""
    return None if pod.limit is None else max(0.0, pod.limit - pod.bytes) / trend.slope


def _level(trend: _Trend, max_increase_percent: int) -> float:
    level = trend.growth / max(FEWEST_BYTES, trend.begin * max_increase_percent / 100)
    return max(0.0, level if trend.steady else min(level, 1.0))


def _since_warm_up(pod: Memory) -> float:
    first = pod.samples[0][1]
    return (pod.bytes - first) / first if first else 0.0


def _told(pod: Memory, trend: _Trend) -> str:
    left = _left(pod, trend)
    end = "" if left is None else f" The limit is reached after about {_rounded(left)} more requests."
    if left is not None and left < 1:
        end = " The limit is reached."
    return (
        f"its memory grows steadily, by {trend.slope * 1000 / MIB:.2g} MiB in 1000 requests: from "
        f"{pod.samples[0][1] / MIB:.0f} to {pod.bytes / MIB:.0f} MiB since warm-up.{end} Look for what keeps something "
        "of each request, such as a custom operator or a newer server image; if it is meant to grow, raise "
        "spec.rollout.analysis.maxMemoryIncrease."
    )


def _rounded(count: float) -> str:
    """Return a number with two digits that mean something."""
    return f"{float(f'{count:.2g}'):.0f}"
