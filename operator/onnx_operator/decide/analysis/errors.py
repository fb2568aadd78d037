"""Does the candidate fail more often than the stable revision, by more than is tolerated? By all its requests."""

from dataclasses import replace

from onnx_operator.decide import reasons
from onnx_operator.decide.analysis import budget
from onnx_operator.decide.analysis.difference import Arm, due, least_more, most_more, refutes_at_most_more
from onnx_operator.decide.analysis.figures import percent, points, share_of
from onnx_operator.decide.judgement import Judgement
from onnx_operator.evidence import Evidence

# A late answer may be the machine's doing: one pause of a process makes all late that it has at hand. That says
# something only where it is not rare: of all that was asked, or of what clients were to get.
FEWEST_LATE = 20
LATE = 0.1


def errors(evidence: Evidence, tolerance_points: int, needed: int) -> Judgement:
    """Return the verdict on the candidate's share of failed requests, copies included; a Pass takes ``needed``."""
    tolerance = tolerance_points / 100
    arm = Arm(evidence.requests, min(evidence.errors, evidence.requests))
    stable = Arm(evidence.stable_requests, min(evidence.stable_errors, evidence.stable_requests))
    if not arm.tries:
        return Judgement("errors", "Unknown", message=f"0 of {needed} requests", samples=0, needed=needed, holds=True)
    range_ = (least_more(arm, stable, budget.ERRORS, due(tolerance)), most_more(arm, stable, budget.ERRORS))
    found = Judgement(
        "errors",
        "Pass",
        value=f"{percent(arm.rate)} (stable {percent(stable.rate)})",
        samples=arm.tries,
        needed=needed,
        interval=points(*range_) if stable.tries else None,
        level=share_of(arm.rate - stable.rate, tolerance),
    )
    for late, requests in _late(evidence):
        if late >= FEWEST_LATE and late > LATE * requests:
            message = f"{late} of {requests} requests were answered too late."
            return replace(found, verdict="Fail", reason=reasons.CANDIDATE_ERRORS, message=message)
    if refutes_at_most_more(arm, stable, tolerance, budget.ERRORS, due(tolerance)):
        failed = f"{arm.hits} of {arm.tries} requests failed, of the stable revision's {stable.hits} of {stable.tries}"
        tolerated = f"{tolerance_points} point{'' if tolerance_points == 1 else 's'}"
        message = f"{failed}; up to {tolerated} more would be tolerated."
        return replace(found, verdict="Fail", reason=reasons.CANDIDATE_ERRORS, message=message)
    if arm.tries < needed:
        waits = f"{arm.tries} of {needed} requests"
    elif not stable.tries:
        waits = "the stable revision answered no request to compare with"
    elif arm.rate > stable.rate + tolerance:
        waits = f"errors differ by {found.interval}: more than {tolerance_points} more is not ruled out"
    else:
        return found
    return replace(found, verdict="Unknown", message=waits, holds=True)


def _late(evidence: Evidence) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return how many were late of how many: of all requests, and of those of clients at the least.

    Any copy that failed may have been a late one, so that only what is more than these is surely a client's.
    """
    forwarded = max(0, evidence.requests - evidence.copies - evidence.failed_copies)
    return (evidence.late, evidence.requests), (max(0, evidence.late - evidence.failed_copies), forwarded)
