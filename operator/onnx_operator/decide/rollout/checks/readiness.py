"""Does the candidate answer its probes? It fails if its pods cannot come up, or if it had ready ones and lost all."""

from onnx_operator.decide import reasons
from onnx_operator.decide.finding import Trouble
from onnx_operator.decide.judgement import Judgement
from onnx_operator.decide.rollout.sight import Sight

# Seconds without a ready pod that a candidate may have while it has requests. They cost users nothing: the stable
# revision's pods answer meanwhile, and a node may be slow for a moment.
PATIENCE = 30.0
# A pod's creation is told in whole seconds, and it comes before the loss of the pod that it replaces is seen.
SLACK = 5.0


def readiness(sight: Sight) -> Judgement:
    """Return the verdict."""
    fault, name = sight.fault or _outlasting(sight), sight.candidate.name
    if fault and not sight.patient:
        return Judgement("readiness", "Fail", fault.reason, fault.message)
    if sight.ready:
        return Judgement("readiness", "Pass", value=f"{sight.ready} ready")
    patience = sight.rollout.progressDeadlineSeconds if _are_replaced(sight) else PATIENCE
    if sight.facts.step >= 0 and sight.facts.unready_since and sight.seconds(sight.facts.unready_since) >= patience:
        message = f"{name} had ready pods, and has had none for {patience:.0f} seconds."
        return Judgement("readiness", "Fail", reasons.CANDIDATE_UNREADY, message)
    return Judgement("readiness", "Unknown", message=f"{name} has no ready pod.")


def _outlasting(sight: Sight) -> Trouble | None:
    """Return what might pass and is not waited for until the deadline: by ``Recreate`` nobody is answered meanwhile."""
    trouble = sight.trouble
    if trouble is None or not trouble.passing or sight.rollout.strategy != "Recreate" or sight.ready:
        return None
    return trouble if sight.seconds(sight.facts.progress_at) >= PATIENCE else None


def _are_replaced(sight: Sight) -> bool:
    """Return whether all pods came after the last ready one had gone, as when its node is drained: they may load."""
    lost = sight.seconds(sight.facts.unready_since)
    standing = (pod["metadata"] for pod in sight.observed.pods.get(sight.candidate.name, ()))
    return all(
        sight.seconds(metadata["creationTimestamp"]) <= lost + SLACK
        for metadata in standing
        if "deletionTimestamp" not in metadata
    )
