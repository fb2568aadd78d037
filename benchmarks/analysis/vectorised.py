"""The operator's tests for many rollouts at a time. Their formulas are held to the operator's own by a test.

Arrays have one element a rollout, of int64 where they count; e-values are natural logarithms, float64.
"""

import numpy as np
import numpy.typing as npt

from onnx_operator.decide.analysis import difference
from onnx_operator.decide.analysis.difference import ABOVE, BELOW, EXPECTED, Arm, due
from onnx_operator.decide.analysis.pairs import STRENGTHS
from onnx_operator.decide.analysis.sequential import ODDS

Counts = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Mixture = tuple[tuple[float, float], ...]

# In this order pairs are counted: by how much they speak against the limit, see ``pairs.graded``.
SIDES = np.array([-4, -3, -2, -1, 1, 2, 3, 4])
BETS = np.log1p(np.outer(SIDES, [strength for strength, _ in STRENGTHS]))
BET_WEIGHTS = np.log([weight for _, weight in STRENGTHS])


def against_at_most(tries: Counts, hits: Counts, most: float) -> Floats:
    """Return ``sequential.against_at_most``."""
    return _mixed(tries, hits, np.full(tries.shape, most), ODDS)


def pairs_against(sides: Counts) -> Floats:
    """Return ``pairs.against_at_most`` of counts of pairs by SIDES, one row a rollout."""
    return _log_sum(sides.astype(np.float64) @ BETS + BET_WEIGHTS)


def refutes_at_most_more(
    tries: Counts, hits: Counts, other_tries: Counts, other_hits: Counts, more: float, error: float
) -> Flags:
    """Return ``difference.refutes_at_most_more`` for the two rates that a decision is due for.

    The e-value is the least over the second arm's rates, so where it is too small at that arm's own rate nothing is
    refuted; the rest is asked of the operator's code.
    """
    refuted = np.zeros(tries.shape, dtype=np.bool_)
    for place in np.flatnonzero(_at_own_rate(tries, hits, other_tries, other_hits, more) >= -np.log(error)):
        arm, other = Arm(int(tries[place]), int(hits[place])), Arm(int(other_tries[place]), int(other_hits[place]))
        refuted[place] = difference.refutes_at_most_more(arm, other, more, error, due(more))
    return refuted


def _at_own_rate(tries: Counts, hits: Counts, other_tries: Counts, other_hits: Counts, more: float) -> Floats:
    own = np.minimum(rates(other_hits, other_tries), 1 - 1e-9)
    tolerated = np.minimum(1.0, own + more)
    related = _mixed(tries, hits, tolerated, ABOVE) + _mixed(other_tries, other_hits, own, BELOW)
    expected = due(more)
    rival = np.minimum(tolerated, rates(hits, tries))
    first = _likelihood(tries, hits, np.full(tries.shape, expected.rate)) - _likelihood(tries, hits, rival)
    second = _likelihood(other_tries, other_hits, np.full(tries.shape, expected.other))
    second -= _likelihood(other_tries, other_hits, own)
    value: Floats = np.logaddexp(np.log(1 - EXPECTED) + related, np.log(EXPECTED) + first + second)
    return value


def rates(hits: Counts, tries: Counts) -> Floats:
    """Return the shares of hits; 0 without a try."""
    return hits / np.maximum(1, tries)


def _mixed(tries: Counts, hits: Counts, rate: Floats, mixture: Mixture) -> Floats:
    terms = []
    for k, weight in mixture:
        odds = hits * np.log(k) if k else np.where(hits > 0, -np.inf, 0.0)
        terms.append(np.log(weight) + odds - tries * np.log1p((k - 1) * rate))
    return _log_sum(np.stack(terms, axis=-1))


def _likelihood(tries: Counts, hits: Counts, rate: Floats) -> Floats:
    kept = np.clip(rate, 1e-300, 1 - 1e-16)
    value: Floats = hits * np.log(kept) + (tries - hits) * np.log1p(-kept)
    return value


def _log_sum(terms: Floats) -> Floats:
    top = terms.max(axis=-1)
    value: Floats = top + np.log(np.exp(terms - top[..., None]).sum(axis=-1))
    return value
