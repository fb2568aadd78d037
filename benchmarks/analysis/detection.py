"""How often something wrong is found within so many samples, by the operator's own tests; looked at all the time."""

import numpy as np

from benchmarks.analysis.vectorised import Counts, Flags, against_at_most, refutes_at_most_more
from onnx_operator.decide.analysis import budget


def errors_found(
    stable: float,
    candidate: float,
    per_request: int,
    copied: int,
    within: int,
    rollouts: int,
    seed: int,
    every: int = 4,
) -> float:
    """Return in what share of rollouts the candidate's errors are found, at a tolerance of one point.

    The stable revision answers one request for each of the first ``copied`` of the candidate's, as long as all requests
    are copied, and ``per_request`` for each later one: 19 at a weight of 5 %. Looks are ``every`` so many of the
    candidate's requests.
    """
    draw = np.random.default_rng(seed)
    errors, own = np.zeros(rollouts, dtype=np.int64), np.zeros(rollouts, dtype=np.int64)
    found = np.zeros(rollouts, dtype=np.bool_)
    answered = 0
    for requests in range(every, within + 1, every):
        more = every * (1 if requests <= copied else per_request)
        answered += more
        errors += draw.binomial(every, candidate, rollouts)
        own += draw.binomial(more, stable, rollouts)
        left = np.flatnonzero(~found)
        many, many_own = np.full(left.shape, requests), np.full(left.shape, answered)
        found[left] = refutes_at_most_more(many, errors[left], many_own, own[left], 0.01, budget.ERRORS)
    return float(found.mean())


def outputs_found(
    apart: float, floor: float, outputs: int, within: int, rollouts: int, seed: int, own_runs: int = 10
) -> tuple[float, int]:
    """Return how often it is found that copies differ, and by how many copies in half of the rollouts.

    ``apart`` is the share that differs, ``floor`` the share that has to agree; one of so many outputs is wrong.
    After ``own_runs`` copies the stable revision has run enough of them twice: of quick models nearly each of the first
    ones, of slow ones as few as may be.
    """
    differs = np.random.default_rng(seed).random((rollouts, within)) < apart
    hits: Counts = np.cumsum(differs.astype(np.int64), axis=1)
    tries = np.broadcast_to(np.arange(1, within + 1), hits.shape)
    log_e = against_at_most(np.asarray(tries), hits, 1 - floor)
    found = (tries >= own_runs) & (hits > (1 - floor) * tries) & (log_e >= -np.log(budget.OUTPUTS / outputs))
    return float(found.any(axis=1).mean()), _half(found)


def _half(found: Flags) -> int:
    first: Counts = np.where(found.any(axis=1), found.argmax(axis=1) + 1, found.shape[1] + 1)
    return int(np.median(first))
