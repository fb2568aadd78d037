"""Does the candidate answer as well as the stable revision? By what the stable revision's pods have counted of both."""

from dataclasses import replace

from onnx_operator.decide import reasons
from onnx_operator.decide.analysis import errors as statistics
from onnx_operator.decide.judgement import Judgement
from onnx_operator.decide.rollout.sight import Sight

# Requests that the candidate must have been given for a Pass, copies included.
NEEDED = 100


def errors(sight: Sight) -> Judgement | tuple[Judgement, ...]:
    """Return the verdict. A stable pod that has stopped forwarding by itself counts even if errors are left out."""
    if broken := [split.breaker for split in sight.told if split.breaker]:
        message = f"stable pods stopped forwarding by themselves: {broken[0]}."
        return Judgement("errors", "Fail", reasons.CANDIDATE_ERRORS, message, samples=sight.evidence.requests)
    if sight.unseen or "Errors" in sight.analysis.skip:
        return ()
    tolerance = sight.analysis.maxErrorRateIncrease
    said = sight.once("errors", lambda: statistics.errors(sight.evidence, tolerance, NEEDED))
    # What older servers count begins anew with every order, so that it may never be enough; and at a weight of 100 a
    # stable revision whose pods have gone with what they counted gets no request to compare with any more.
    seen = sight.evidence
    vain = sight.facts.weight == 100 and not seen.stable_requests and seen.requests >= NEEDED
    return replace(said, holds=said.holds and not vain and not sight.blind)
