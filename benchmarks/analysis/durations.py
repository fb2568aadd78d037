"""Pairs of executed batches as stable pods make them, of servers whose durations have noise, pauses, drift and load."""

from collections import Counter, deque
from dataclasses import dataclass

import numpy as np

from benchmarks.analysis.vectorised import Counts, Floats
from onnx_operator.decide.analysis.latency import latency
from onnx_operator.evidence import Evidence

# As docs/contract.md ("The split") has it.
FREE = 0.0001
OLDEST = 10.0
ALIKE = 8


@dataclass(frozen=True)
class Servers:
    """What a batch takes: (fixed + per_row x rows) seconds x a log-normal noise; the candidate's ``slower`` times that.

    ``noise`` is the standard deviation of the logarithm, ``pauses`` the share of batches that take five times as long,
    ``drift`` how much both get slower and faster together, in a wave over 60 seconds. ``stable_load`` and
    ``candidate_load`` are what load makes of durations, ``stable_rows`` and ``candidate_rows`` the largest batches.
    """

    slower: float = 1.0
    noise: float = 0.2
    pauses: float = 0.0
    drift: float = 0.0
    fixed: float = 0.004
    per_row: float = 0.002
    stable_load: float = 1.0
    candidate_load: float = 1.0
    stable_rows: int = 4
    candidate_rows: int = 4
    stable_batches: int = 19


def pairs(servers: Servers, batches: int, seed: int) -> list[int]:
    """Return the percentages of the pairs that so many batches of the candidate make, in their order.

    A second has ten of the candidate's batches, and for each of them ``stable_batches`` of the stable revision's.
    """
    draw = np.random.default_rng(seed)
    seconds = np.arange(batches) / 10
    wave = 1 + servers.drift * np.sin(seconds * 2 * np.pi / 60)
    rows = draw.integers(1, servers.stable_rows + 1, (batches, servers.stable_batches))
    took = _took(servers, draw, rows) * wave[:, None] * servers.stable_load
    mine = draw.integers(1, servers.candidate_rows + 1, batches)
    its = _took(servers, draw, mine) * wave * servers.candidate_load * servers.slower
    found: list[int] = []
    kept: deque[tuple[float, int, float]] = deque(maxlen=4096)
    for index, now in enumerate(seconds.tolist()):
        kept.extend(zip([now] * servers.stable_batches, rows[index].tolist(), took[index].tolist(), strict=True))
        if partner := _newest(kept, now, int(mine[index])):
            kept.remove(partner)
            found.append(min(1000, int(100 * max(0.0, float(its[index]) - FREE) / partner[2])))
    return found


def histogram(percents: list[int]) -> dict[int, int]:
    """Return how often each percentage was found."""
    return dict(sorted(Counter(percents).items()))


def taken_back(servers: Servers, tolerance: int, batches: int, rollouts: int, seed: int) -> float:
    """Return the share of rollouts in which the check fails within so many batches; it looks after each ten pairs."""
    failed = 0
    for rollout in range(rollouts):
        found = pairs(servers, batches, seed + rollout)
        looks = (histogram(found[:end]) for end in range(10, len(found) + 10, 10))
        failed += any(latency(Evidence("", compute=seen), tolerance, 50).verdict == "Fail" for seen in looks)
    return failed / rollouts


def _took(servers: Servers, draw: np.random.Generator, rows: Counts) -> Floats:
    pauses = np.where(draw.random(rows.shape) < servers.pauses, 5.0, 1.0)
    noise = np.exp(draw.normal(0, servers.noise, rows.shape))
    took: Floats = ((servers.fixed + servers.per_row * rows) * noise * pauses).astype(np.float64)
    return took


def _newest(kept: deque[tuple[float, int, float]], now: float, rows: int) -> tuple[float, int, float] | None:
    for one in reversed(kept):
        if now - one[0] > OLDEST:
            return None
        if one[1] == rows or (rows > ALIKE and abs(one[1] - rows) <= rows / ALIKE):
            return one
    return None
