"""Preflight: before the first request the candidate is ready, its bytes are pinned, and its signature fits."""

from onnx_operator.decide.rollout.generations import GRACE, forwards
from onnx_operator.decide.rollout.sight import Sight
from onnx_operator.decide.rollout.signature_gate import breaking

UNSIGNED = (
    "its signature, which a ready pod says on port 9000: let the operator reach that port, or let any signature pass "
    "with spec.signature.breaking: Allow"
)


def misfit(sight: Sight) -> str | None:
    """Return how the candidate's signature would break clients of the stable one; None if it does not, or may."""
    before, after = sight.stable.signature, sight.candidate.signature
    if not _must_fit(sight) or before is None or after is None:
        return None
    return "; ".join(breaking(before, after)) or None


def is_unsigned(sight: Sight) -> bool:
    """Return whether the candidate's signature has to fit, and is not known."""
    return _must_fit(sight) and sight.candidate.signature is None


def missing(sight: Sight) -> str | None:
    """Return what a candidate still lacks before it may get requests, in words; None if nothing."""
    if sight.candidate.digest is None:
        return "its first pod to report what it fetched"
    if sight.ready < sight.enough:
        return f"{sight.enough - sight.ready} more of {sight.enough} pods to be ready"
    if forwards(sight.observed, sight.candidate.name) and sight.seconds(sight.facts.ordered_at) < GRACE:
        return "its pods to stop forwarding: they served before, and were told to hand over"
    if is_unsigned(sight):
        return UNSIGNED
    if _may_be_busy(sight):
        return "what a ready pod says of its test data"
    return None


def _must_fit(sight: Sight) -> bool:
    """Return whether the candidate has to fit those who are clients of the stable revision.

    The stable signature is not known of a server that is too old to say it. What served before may serve again: whoever
    goes back has decided so, and is not to be left with what was taken back.
    """
    allowed = sight.observed.spec.signature.breaking == "Allow"
    return not allowed and sight.stable.signature is not None and sight.candidate.promoted_at is None


def _may_be_busy(sight: Sight) -> bool:
    """Return whether a ready pod may just be too busy to say what nobody has to know: its test data's verdict.

    Where the stable revision's pods said nothing of themselves, it is not waited for.
    """
    known = sight.candidate.signature is not None or sight.candidate.promoted_at is not None
    return not known and sight.stable.signature is not None and sight.seconds(sight.facts.progress_at) < GRACE
