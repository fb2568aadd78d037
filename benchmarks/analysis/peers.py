"""What the usual rule does to a healthy canary: 99 % success in each interval, but for so many intervals.

Argo Rollouts' ``successCondition`` with ``failureLimit`` (more failed measurements than that fail the run; without a
word 0) and Flagger's ``thresholdRange`` with ``threshold`` (so many failed checks roll back).
"""

import numpy as np


def aborts(errors: float, per_interval: int, intervals: int, allowed: int, rollouts: int, seed: int) -> float:
    """Return the share of canaries with that error rate that are taken back because less than 99 % succeeded.

    In each of ``intervals`` the canary answers ``per_interval`` requests; ``allowed`` intervals may fail.
    """
    failed = np.random.default_rng(seed).binomial(per_interval, errors, (rollouts, intervals)) > 0.01 * per_interval
    return float((failed.sum(axis=1) > allowed).mean())
