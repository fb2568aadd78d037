"""Preflight: before the first request the candidate is ready, its bytes are pinned, and its signature fits."""

from onnx_operator.decide.rollout.generations import GRACE, forwards
from onnx_operator.decide.rollout.sight import Sight
from onnx_operator.decide.rollout.signature_gate import breaking


def misfit(sight: Sight) -> str | None:
    """Return how the candidate's signature would break clients of the stable one; None if it does not, or may."""
    before, after = sight.stable.signature, sight.candidate.signature
    if sight.observed.spec.signature.breaking == "Allow" or before is None or after is None:
        return None
    return "; ".join(breaking(before, after)) or None


def missing(sight: Sight) -> str | None:
    """Return what a candidate still lacks before it may get requests, in words; None if nothing."""
    needed = 1 if sight.rollout.strategy == "Recreate" else sight.needed
    if sight.candidate.digest is None:
        return "its first pod to report what it fetched"
    if sight.ready < needed:
        return f"{needed - sight.ready} more of {needed} pods to be ready"
    if forwards(sight.observed, sight.candidate.name) and sight.seconds(sight.facts.ordered_at) < GRACE:
        return "its pods to stop forwarding: they served before, and were told to hand over"
    if sight.candidate.signature is None and sight.stable.signature is not None and _waits_for_facts(sight):
        return "its signature, which a ready pod says"
    return None


def _waits_for_facts(sight: Sight) -> bool:
    """Return whether what a ready pod says of itself is waited for, its test data's verdict, too.

    A server that does not answer its control port could not be told to share either. Without steps none has to, and it
    is waited for only as long as a pod may be busy.
    """
    if not sight.all_at_once:
        return True
    return sight.candidate.promoted_at is None and sight.seconds(sight.facts.progress_at) < GRACE
