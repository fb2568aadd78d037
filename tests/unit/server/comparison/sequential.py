"""A test that may look after every copy: is agreement below its floor? A stand-in for the operator's, in few lines.

A mixture of likelihood ratios (Wald, Sequential Tests of Statistical Hypotheses, Annals of Mathematical Statistics 16,
1945; mixed over alternatives as Robbins, Statistical Methods Related to the Law of the Iterated Logarithm, Annals of
Mathematical Statistics 41, 1970): a martingale under the floor, and so above 1 / alpha with a chance of alpha at most
(Ville's inequality).
"""

from math import log

import numpy as np

RETRAINED, EQUIVALENT = 0.50, 0.99
ALPHA = 0.0015
THRESHOLD = log(1 / ALPHA)
"""6.5 nats."""

_GRID = (np.arange(50) + 0.5) / 50


def evidence(trials: int, agreed: int, floor: float) -> float:
    """Return the logarithm of the e-value against "each copy agrees with a chance of `floor` or more"."""
    alternatives = _GRID * floor
    logs = agreed * np.log(alternatives / floor) + (trials - agreed) * np.log((1 - alternatives) / (1 - floor))
    return float(np.logaddexp.reduce(logs) - log(len(logs)))


def fails(trials: int, agreed: int, floor: float) -> bool:
    """Whether that is enough to reject the candidate."""
    return evidence(trials, agreed, floor) >= THRESHOLD
