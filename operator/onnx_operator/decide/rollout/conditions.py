"""When a rule of the table applies."""

from collections.abc import Callable

from onnx_operator.api.analysis import WhenInconclusive
from onnx_operator.decide.rollout import capacity
from onnx_operator.decide.rollout.generations import latest_reported
from onnx_operator.decide.rollout.holding import holding, is_held
from onnx_operator.decide.rollout.judging import judged
from onnx_operator.decide.rollout.preflight import is_unsigned, missing
from onnx_operator.decide.rollout.progress import seconds_left
from onnx_operator.decide.rollout.sight import Sight

# Of the requests that went to the candidate, this share is many to fail, beyond what fails anyway.
MANY = 0.1


def fails(sight: Sight) -> bool:
    """Return whether a check fails."""
    return any(judgement.verdict == "Fail" for judgement in judged(sight))


def is_failing(sight: Sight) -> bool:
    """Return whether so many requests fail, or are late, at this weight that a check may soon be sure of it."""
    if "Errors" in sight.analysis.skip:
        return False
    stable = sum(split.stable.requests for split in sight.told)
    usual = sum(split.stable.errors for split in sight.told) / stable if stable else 0.0
    requests = sum(split.candidate.requests for split in sight.told)
    return sum(split.candidate.errors for split in sight.told) > (MANY + usual) * requests


def is_overdue(sight: Sight) -> bool:
    """Return whether nothing went forward for too long, where that is not to take as long as it takes."""
    left = seconds_left(sight)
    return left is not None and left <= 0


def is_outnumbered(sight: Sight) -> bool:
    """Return whether a pod knows a later generation than this rollout's, or another order by the same one.

    It would not take this one's orders, or count for them what it has counted for others.
    """
    facts, name = sight.facts, sight.candidate.name
    later = latest_reported(sight.observed, sight.stable.name, name) > facts.generation
    if sight.routed_elsewhere:
        return later
    same = (split for split in sight.splits if split and split.generation == facts.generation)
    if any((split.revision, split.weight) != (name, facts.weight) for split in same):
        return True
    if any(split.evidence is not None and split.shadow_percent != facts.shadow for split in sight.told):
        return True
    return later


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
    """Return whether every ready pod of the stable revision forwards, and copies, as it was told."""
    if sight.routed_elsewhere:
        return True
    return len(sight.told) == len(sight.splits) and all(map(sight.follows, sight.told))


def is_judged(sight: Sight) -> bool:
    """Return whether the step's time is over, and nothing holds it any more."""
    return _has_lasted(sight) and not is_held(sight)


def is_inconclusive(what_then: WhenInconclusive) -> Callable[[Sight], bool]:
    """Return the condition that the step was waited for long enough, where this is to be done then.

    What was refuted and may only be excused still is never promoted: it is taken back instead.
    """
    return lambda sight: _what_then(sight) == what_then and _has_waited(sight)


def _what_then(sight: Sight) -> WhenInconclusive:
    asked = sight.analysis.whenInconclusive
    return "Abort" if asked == "Promote" and any(one.refuted for one in holding(sight)) else asked


def _has_lasted(sight: Sight) -> bool:
    # Where nobody can copy, a step for copies has nothing to wait for.
    pointless = sight.blind and bool(sight.shadow_due)
    return pointless or sight.seconds(sight.facts.weighted_at) >= sight.rollout.stepSeconds


def _has_waited(sight: Sight) -> bool:
    longest = sight.rollout.stepSeconds + sight.analysis.maxWaitSeconds
    return sight.seconds(sight.facts.weighted_at) >= longest and is_held(sight)


def can_take_over(sight: Sight) -> bool:
    """Return whether as many pods are ready as the stable revision needs, or has left, and fit its clients."""
    return sight.ready >= sight.enough and not capacity.has_yet_to_make_room(sight) and not is_unsigned(sight)
