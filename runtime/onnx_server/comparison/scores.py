"""When the scores of two versions agree. A single score is the probability of one of two classes."""

import numpy as np

from onnx_server.comparison.elements import Floats

TOP = 5


def top1(stable: Floats, candidate: Floats) -> bool:
    """Whether the candidate's highest score is where the stable version's is, or one of its highest where they tie.

    The other way round would let a candidate agree that gives all classes the same score.
    """
    if _broken(stable, candidate):
        return False
    stable, candidate = _known(stable), _known(candidate)
    return bool(stable[candidate.argmax()] >= stable.max())


def top_k(stable: Floats, candidate: Floats) -> bool:
    """Whether less than 5 of the candidate's scores are above that of the stable version's highest class.

    Of 5 classes or less it is one class less than there are: otherwise all would agree.
    """
    if _broken(stable, candidate):
        return False
    place = _known(stable).argmax()
    candidate = _known(candidate)
    others = np.delete(candidate, place)
    return int(np.count_nonzero(others >= candidate[place])) < min(TOP, candidate.size - 1)


def _broken(stable: Floats, candidate: Floats) -> bool:
    return bool((np.isnan(candidate) & ~np.isnan(stable)).any())


def _known(scores: Floats) -> Floats:
    if scores.size == 1:
        scores = np.append(1 - scores, scores)
    missing = np.isnan(scores)
    return np.where(missing, -np.inf, scores) if missing.any() else scores
