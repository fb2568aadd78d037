"""What the status tells of a rollout. It changes with what happens, not with every request that is counted."""

from dataclasses import replace
from typing import Literal

from onnx_operator import names
from onnx_operator.api.status import Phase, RolloutStatus
from onnx_operator.decide.rollout.check_status import check_statuses
from onnx_operator.decide.rollout.course import Course
from onnx_operator.decide.rollout.handing_over import warm
from onnx_operator.decide.rollout.sight import Sight, State, pinned
from onnx_operator.decide.rollout.steps import steps_of
from onnx_operator.decide.rollout.waiting import waits_for
from onnx_operator.observed import Observed, Revision
from onnx_operator.rollout import RolloutFacts

PHASES: dict[State, Phase] = {
    State.PREFLIGHT: "Preflight",
    State.CAPACITY: "Progressing",
    State.WEIGHT: "Progressing",
    State.JUDGING: "Progressing",
    State.PAUSED: "Paused",
    State.PROMOTING: "Promoting",
}

PAUSED_BY: dict[str, Literal["Step", "Person", "Inconclusive"]] = {
    "Step": "Step",
    "Person": "Person",
    "Inconclusive": "Inconclusive",
}


def rollout_status(observed: Observed, course: Course, wanted: str) -> RolloutStatus | None:
    """Return what is told of the rollout that runs, hands over or is taken back; None if there is none."""
    if observed.spec.state != "Active":
        return None
    if course.running:
        return _running(course.running) if course.stored else None
    revisions = course.revisions
    if before := warm(observed, revisions, course.stable):
        message = f"{before[0]} hands over to {course.stable}, and stays warm for a while."
        if others := ", ".join(before[1:]):
            message = f"{message} So does what served before that: {others}."
        return _ended(observed, revisions[course.stable], "HandingOver", message)
    if rejection := revisions[wanted].rejected:
        if wanted == course.stable:
            return _ended(observed, revisions[wanted], "Aborted", rejection.message)
        phase: Phase = "RollingBack" if observed.existing(wanted) else "Aborted"
        return _ended(observed, _without_requests(revisions[wanted]), phase, rejection.message)
    left = [
        revision
        for revision in revisions.values()
        if revision.name != course.stable and revision.rollout and revision.promoted_at is None
    ]
    for revision in left:
        if observed.existing(revision.name):
            message = f"{course.stable} is asked for again; {revision.name} gets no more requests and goes down."
            return _ended(observed, revision, "RollingBack", message)
    return None


def _running(sight: Sight) -> RolloutStatus:
    # Also of pods that go by an earlier order still: until they have the next one, they forward as they did.
    applied = [split.applied_weight for split in sight.splits if split and split.revision == sight.candidate.name]
    least = min(applied) if applied and len(applied) == len(sight.splits) else 0
    if sight.routed_elsewhere:
        least = sight.facts.weight
    checks = check_statuses(sight)
    made = _told(sight.observed, sight.candidate, sight.facts, PHASES[sight.state], waits_for(sight, checks))
    return made.model_copy(update={"appliedWeight": least, "shadow": sight.shadow_due or None, "checks": checks})


def _without_requests(revision: Revision) -> Revision:
    """Return the revision with the weight that it has now; one that was promoted once keeps that of its last step."""
    return replace(revision, rollout=replace(revision.rollout, weight=0)) if revision.rollout else revision


def _ended(observed: Observed, revision: Revision, phase: Phase, message: str) -> RolloutStatus | None:
    return _told(observed, revision, revision.rollout, phase, message) if revision.rollout else None


def _told(observed: Observed, revision: Revision, facts: RolloutFacts, phase: Phase, message: str) -> RolloutStatus:
    rollout = pinned(facts)
    steps = len(steps_of(rollout))
    step = min(facts.step + 1, steps)
    return RolloutStatus(
        phase=phase,
        strategy=rollout.strategy,
        revision=revision.name,
        step=step,
        steps=steps,
        progress=f"{step}/{steps}",
        weight=facts.weight,
        appliedWeight=facts.weight,
        startedAt=facts.started_at,
        stepStartedAt=facts.step_started_at or None,
        previewUrl=names.url(observed.namespace, revision.name) if observed.existing(revision.name) else None,
        pausedBy=PAUSED_BY.get(facts.paused),
        inconclusive=facts.inconclusive or None,
        message=message,
    )
