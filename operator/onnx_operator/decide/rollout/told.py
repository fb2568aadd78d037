"""What the status tells of a rollout. It changes with what happens, not with every request that is counted."""

from onnx_operator import names
from onnx_operator.api.status import CheckStatus, Phase, RolloutStatus
from onnx_operator.decide.rollout.checks import judged
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


def rollout_status(observed: Observed, course: Course, wanted: str) -> RolloutStatus | None:
    """Return what is told of the rollout that runs, hands over or is taken back; None if there is none."""
    if observed.spec.state != "Active":
        return None
    if course.running:
        return _running(course.running) if course.stored else None
    revisions = course.revisions
    if before := warm(observed, revisions, course.stable):
        message = f"{before} hands over to {course.stable}, and stays warm for a while."
        return _ended(observed, revisions[course.stable], "HandingOver", message)
    if rejection := revisions[wanted].rejected:
        going = observed.existing(wanted) and wanted != course.stable
        return _ended(observed, revisions[wanted], "RollingBack" if going else "Aborted", rejection.message)
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


def rounded(samples: int) -> int:
    """Return a count rounded down to 1, 2 or 5 times a power of ten, so that the status is not written at each look."""
    if samples <= 0:
        return 0
    power: int = 10 ** (len(str(samples)) - 1)
    return max(step * power for step in (1, 2, 5) if step * power <= samples)


def _running(sight: Sight) -> RolloutStatus:
    # Also of pods that go by an earlier order still: until they have the next one, they forward as they did.
    applied = [split.applied_weight for split in sight.splits if split and split.revision == sight.candidate.name]
    least = min(applied) if applied and len(applied) == len(sight.splits) else 0
    checks = [
        CheckStatus(
            check=judgement.check,
            verdict=judgement.verdict,
            value=judgement.value,
            samples=None if judgement.samples is None else rounded(judgement.samples),
            message=judgement.message or None,
        )
        for judgement in judged(sight)
    ]
    made = _told(sight.observed, sight.candidate, sight.facts, PHASES[sight.state], waits_for(sight))
    weight = sight.facts.weight
    return made.model_copy(update={"appliedWeight": weight if sight.routed_elsewhere else least, "checks": checks})


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
        message=message,
    )
