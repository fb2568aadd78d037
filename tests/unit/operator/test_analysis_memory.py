"""A leak is noticed before it hurts, and what grows otherwise is no leak: by simulation, looked at all the time."""

import itertools
import math
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from numpy.random import Generator

from onnx_operator.decide.analysis.memory import memory
from onnx_operator.evidence import Memory

MIB = 1 << 20
SAMPLES, INTERVAL = 32, 8
RUNS = 400
Curve = Callable[[int], float]


def looks(curve: Curve, requests: int, random: Generator, limit: int | None = None) -> Iterator[Memory]:
    """Yield what a pod says after each new sample, as docs/contract.md has it: ``curve`` is in MiB by requests."""
    samples = [(0, int(curve(0) * MIB))]
    interval, count = INTERVAL, 0
    while (count := count + max(1, round(interval * random.uniform(0.5, 1.5)))) <= requests:
        samples.append((count, int(curve(count) * MIB)))
        if len(samples) > SAMPLES:
            samples, interval = samples[::2], interval * 2
        yield Memory(samples[-1][1], limit, tuple(samples))


def noisy(curve: Curve, sd: float, random: Generator) -> Curve:
    return lambda count: curve(count) + random.normal(0, sd)


def caught(seen: Iterator[Memory], tolerance: int = 50) -> int | None:
    """Return after how many requests the check fails; None if it never does."""
    for pod in seen:
        if memory([pod], tolerance).verdict == "Fail":
            return pod.samples[-1][0]
    return None


def log_uniform(random: Generator, low: float, high: float) -> float:
    return math.exp(random.uniform(math.log(low), math.log(high)))


# What memory of honest servers does. Each returns a curve, and the most that it reaches.
def run_in(random: Generator) -> tuple[Curve, float]:
    """Arenas, caches and the interpreter's heap fill up, and at most double what is held, be it quick or slow."""
    base, share, requests = random.uniform(60, 800), random.uniform(0, 1), log_uniform(random, 4, 10_000)
    return lambda n: base * (1 + share * (1 - math.exp(-n / requests))), base * (1 + share)


def quick_run_in(random: Generator) -> tuple[Curve, float]:
    """The first 100 requests make much more of it."""
    base, share, requests = random.uniform(60, 400), random.uniform(1, 4), log_uniform(random, 4, 100)
    return lambda n: base * (1 + share * (1 - math.exp(-n / requests))), base * (1 + share)


def arena(random: Generator) -> tuple[Curve, float]:
    """An arena holds what the largest request so far took, rounded up to a power of two or to some MiB."""
    base, each = random.uniform(60, 400), random.uniform(1, 20)
    sizes = np.maximum.accumulate(random.lognormal(0, 1, 5001)) * each
    held = 2 ** np.ceil(np.log2(sizes)) if random.random() < 0.5 else np.ceil(sizes / 8) * 8
    return lambda n: base + float(held[n]), base + float(held[-1])


def sawtooth(random: Generator) -> tuple[Curve, float]:
    """A garbage collector, or an allocator that trims: short teeth of any height, long ones up to half of the base."""
    base, long = random.uniform(60, 800), random.random() < 0.5
    period = log_uniform(random, 64, 5000) if long else log_uniform(random, 3, 64)
    height = base * random.uniform(0, 0.5 if long else 3)
    phase = random.uniform(0, period)
    return lambda n: base + height * (((n + phase) % period) / period), base + height * (2 if long else 1)


def steps(random: Generator) -> tuple[Curve, float]:
    """Each step of a rollout brings more requests at a time, and these need more memory: up to twice as much in all."""
    base, ends = random.uniform(60, 400), np.cumsum(np.exp(random.uniform(math.log(20), math.log(2000), 5)))
    heights = random.dirichlet(np.ones(5)) * random.uniform(0, 1) * base

    def curve(n: int) -> float:
        rises = (h * (1 - math.exp(-(n - at) / 20)) for h, at in zip(heights, ends, strict=True) if n > at)
        return base + float(sum(rises))

    return curve, base + float(heights.sum())


def flat(random: Generator) -> tuple[Curve, float]:
    """Nothing but noise."""
    base = random.uniform(60, 2000)
    return noisy(lambda _: base, random.uniform(0, 0.2) * base, random), 2 * base


HONEST = [run_in, quick_run_in, arena, sawtooth, steps, flat]


@pytest.mark.parametrize("kind", HONEST, ids=lambda kind: kind.__name__)
def test_what_grows_otherwise_is_no_leak(kind: Callable[[Generator], tuple[Curve, float]]) -> None:
    random = np.random.default_rng(7)
    wrong = 0
    for _ in range(RUNS):
        curve, most = kind(random)
        noise = random.uniform(0, 4)
        limit = None if random.random() < 0.3 else int((most + 4 * noise) * random.uniform(1.05, 4) * MIB)
        wrong += caught(looks(noisy(curve, noise, random), 5000, random, limit)) is not None
    assert wrong == 0


def leak(base: float, a_request: float) -> Curve:
    return lambda n: base + a_request * n


def leaks(random: Generator, tolerance: int) -> tuple[float, float, int]:
    """Return how much a process holds, what it has grown to when its leak was noticed, in MiB, and after how many."""
    base, a_request = random.uniform(60, 800), log_uniform(random, 0.02, 5)
    curve = noisy(leak(base, a_request), random.uniform(0, 4), random)
    found = caught(looks(curve, 200_000, random), tolerance)
    assert found is not None
    return base, base + a_request * found, found


def test_a_leak_is_noticed_soon_after_it_is_beyond_what_is_tolerated() -> None:
    random = np.random.default_rng(8)
    in_time = 0
    for _ in range(RUNS):
        base, grown, requests = leaks(random, 50)
        # 50 % in the last three quarters are 80 % since warm-up, and noise asks for some more.
        in_time += grown - base <= max(1.2 * base, 60) or requests < 300
    assert in_time >= 0.95 * RUNS


def test_a_leak_is_noticed_before_the_limit() -> None:
    random = np.random.default_rng(9)
    in_time = 0
    for _ in range(RUNS):
        base = random.uniform(100, 800)
        room = random.uniform(max(100, 0.3 * base), 2 * base)
        a_request = room / log_uniform(random, 300, 20_000)
        curve = noisy(leak(base, a_request), random.uniform(0, 3), random)
        found = caught(looks(curve, int(room / a_request), random, int((base + room) * MIB)))
        in_time += found is not None
    assert in_time >= 0.95 * RUNS


def pod(*held: float, limit: float | None = None, apart: int = 16) -> Memory:
    samples = tuple((index * apart, int(mib * MIB)) for index, mib in enumerate(held))
    return Memory(samples[-1][1], None if limit is None else int(limit * MIB), samples)


LEAK = [100 + 10 * index for index in range(20)]
FLAT = [100.0 + index % 2 for index in range(20)]


def test_what_is_said_of_a_leak() -> None:
    said = memory([pod(*LEAK, limit=600)], 50)
    assert (said.verdict, said.reason, said.value) == ("Fail", "CandidateLeaks", "+190 % since warm-up")
    assert said.message.startswith(
        "its memory grows steadily, by 6.2e+02 MiB in 1000 requests: from 100 to 290 MiB since warm-up. "
        "The limit is reached after about 500 more requests. "
    )
    assert said.level is not None
    assert said.level > 1
    assert (said.samples, said.needed, said.holds) == (304, 256, False)


def test_without_a_limit_nothing_is_said_of_one() -> None:
    assert "limit" not in memory([pod(*LEAK)], 50).message


def test_the_tolerance() -> None:
    # In the last three quarters: from 150 to 290 MiB, by 93 %.
    assert memory([pod(*LEAK)], 90).verdict == "Fail"
    tolerated = memory([pod(*LEAK)], 100)
    assert (tolerated.verdict, tolerated.value) == ("Pass", "+190 % since warm-up")
    assert tolerated.level is not None
    assert 0.8 < tolerated.level < 1


def test_a_near_limit_is_not_tolerated() -> None:
    assert memory([pod(*LEAK, limit=360)], 1000).verdict == "Fail"
    assert memory([pod(*LEAK, limit=370)], 1000).verdict == "Pass"


def test_little_is_no_leak() -> None:
    assert memory([pod(*(10 + index for index in range(20)))], 1).verdict == "Pass"


def test_too_few_requests_hold_nothing() -> None:
    said = memory([pod(*LEAK[:8])], 50)
    assert (said.verdict, said.holds, said.value, said.samples) == ("Unknown", False, "+70 % since warm-up", 112)
    assert memory([], 50).verdict == "Unknown"
    assert memory([Memory(1, None, ())], 50).verdict == "Unknown"


def test_at_least_half_of_the_pods_have_to_leak() -> None:
    assert memory([pod(*LEAK), pod(*FLAT)], 50).verdict == "Fail"
    assert memory([pod(*LEAK), pod(*FLAT), pod(*FLAT)], 50).verdict == "Pass"
    assert memory([pod(*LEAK), pod(*FLAT[:3]), pod(*FLAT[:3])], 50).verdict == "Fail"


def test_whatever_a_pod_says_there_is_a_verdict() -> None:
    numbers = [0, 1, 2**53]
    for counts in itertools.product(numbers, repeat=3):
        for held in itertools.product(numbers, repeat=3):
            samples = tuple(zip(counts, held, strict=True)) * 5
            assert memory([Memory(held[0], held[1], samples)], 50).verdict in {"Pass", "Fail", "Unknown"}
