"""Does the candidate answer its probes? It fails if its pods cannot come up, or if it had ready ones and lost all."""

from onnx_operator.decide import reasons
from onnx_operator.decide.rollout.checks.judgement import Judgement
from onnx_operator.decide.rollout.sight import Sight

# Seconds without a ready pod that a candidate may have while it has requests: a pod may be moved to another node.
PATIENCE = 10.0
# What a revision's own pods end with. Missing Secrets, quotas and policies are mended beside it, and are waited for.
ITS_OWN = reasons.TYPED | {reasons.IMAGE_PULL_FAILED, reasons.CRASH_LOOP, reasons.OUT_OF_MEMORY}


def readiness(sight: Sight) -> Judgement:
    """Return the verdict."""
    trouble, name = sight.trouble, sight.candidate.name
    if trouble and trouble.stuck and trouble.reason in ITS_OWN and not sight.patient:
        return Judgement("readiness", "Fail", trouble.reason, trouble.message)
    if sight.ready:
        return Judgement("readiness", "Pass", value=f"{sight.ready} ready")
    if sight.facts.unready_since and sight.seconds(sight.facts.unready_since) >= PATIENCE:
        message = f"{name} had ready pods, and has had none for {PATIENCE:.0f} seconds."
        return Judgement("readiness", "Fail", reasons.CANDIDATE_UNREADY, message)
    return Judgement("readiness", "Unknown", message=f"{name} has no ready pod.")
