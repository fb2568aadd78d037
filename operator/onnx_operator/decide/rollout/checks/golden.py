"""Does the candidate give what its own test data expects? Its server ran that before it was ready (preflight)."""

from onnx_operator.decide import reasons
from onnx_operator.decide.golden import mismatch
from onnx_operator.decide.judgement import Judgement
from onnx_operator.decide.rollout.sight import Sight


def golden(sight: Sight) -> Judgement | tuple[Judgement, ...]:
    """Return the verdict. What served before may serve again, whatever its test data says."""
    if "Golden" in sight.analysis.skip:
        return ()
    found = sight.candidate.golden
    if found is None:
        return Judgement("golden", "Unknown", message="no test data of the model is known.")
    if not found["sets"]:
        return Judgement("golden", "Unknown", message=f"no test data was run; {found['message'] or 'there is none'}.")
    value, problem = f"{found['passed']} of {found['sets']}", mismatch(found)
    if problem is None:
        return Judgement("golden", "Pass", value=value)
    if sight.candidate.promoted_at:
        return Judgement("golden", "Unknown", message=f"it served before, although {problem}", value=value)
    return Judgement("golden", "Fail", reasons.GOLDEN_MISMATCH, problem, value)
