"""When a rule of the table applies."""

from onnx_operator.decide.rollout.capacity import pending, runs_on
from onnx_operator.decide.rollout.checks import judged
from onnx_operator.decide.rollout.generations import latest_reported
from onnx_operator.decide.rollout.preflight import missing
from onnx_operator.decide.rollout.sight import Sight


def fails(sight: Sight) -> bool:
    """Return whether a check fails."""
    return any(judgement.verdict == "Fail" for judgement in judged(sight))


def is_overdue(sight: Sight) -> bool:
    """Return whether nothing went forward for too long. Waiting for a node counts only where nobody may wait for it."""
    if pending(sight) and not runs_on(sight):
        return False
    return sight.seconds(sight.facts.progress_at) >= sight.rollout.progressDeadlineSeconds


def is_outnumbered(sight: Sight) -> bool:
    """Return whether a pod knows a later generation than this rollout's, or another order by the same one.

    It would not take this one's orders, or count for them what it has counted for others.
    """
    facts, name = sight.facts, sight.candidate.name
    same = (split for split in sight.splits if split and split.generation == facts.generation)
    if any((split.revision, split.weight) != (name, facts.weight) for split in same):
        return True
    return latest_reported(sight.observed, sight.stable.name, name) > facts.generation


def may_go_on(sight: Sight) -> bool:
    """Return whether a pause is over: somebody resumes, or its time has come."""
    if sight.action == "resume":
        return True
    pause = sight.step.pause if sight.step else None
    if sight.facts.paused != "Step" or pause is None or pause.durationSeconds is None:
        return False
    return sight.seconds(sight.facts.step_started_at) >= pause.durationSeconds


def is_prepared(sight: Sight) -> bool:
    """Return whether preflight is done."""
    return missing(sight) is None


def has_capacity(sight: Sight) -> bool:
    """Return whether as many pods are ready as the step needs."""
    return sight.ready >= sight.needed


def is_shared(sight: Sight) -> bool:
    """Return whether every ready pod of the stable revision forwards as it was told."""
    if sight.routed_elsewhere:
        return True
    return len(sight.told) == len(sight.splits) and all(
        split.applied_weight == sight.facts.weight for split in sight.told
    )


def has_lasted(sight: Sight) -> bool:
    """Return whether the step's time is over."""
    return sight.seconds(sight.facts.weighted_at) >= sight.rollout.stepSeconds


def can_take_over(sight: Sight) -> bool:
    """Return whether as many pods are ready as the stable revision needs; where nobody is answered, one is enough."""
    return sight.ready >= (1 if sight.rollout.strategy == "Recreate" else sight.needed)
