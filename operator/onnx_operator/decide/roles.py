"""What should be, from what is: which revision the spec asks for, which one serves, and what comes of a rollout."""

from dataclasses import replace

from onnx_operator.api.status import LastAction
from onnx_operator.decide.actions import REFRESH, Request, request_of
from onnx_operator.decide.memory import memory_of, remembering
from onnx_operator.decide.plan import Plan, Planned, answering, holds_entry, replaces
from onnx_operator.decide.refresh import Refresh, refresh_of
from onnx_operator.decide.revisions import after, existing, learnt, new, newest_of_spec, stable_of, unborn
from onnx_operator.decide.rollout.asking import asks
from onnx_operator.decide.rollout.conditions import is_failing
from onnx_operator.decide.rollout.course import ByName, Course, steered
from onnx_operator.decide.rollout.judging import judged
from onnx_operator.decide.rollout.manual import carried_out
from onnx_operator.decide.rollout.orders import orders_of
from onnx_operator.decide.rollout.progress import seconds_left
from onnx_operator.decide.rollout.told import rollout_status
from onnx_operator.decide.sizes import planned, target_replicas
from onnx_operator.observed import Observed, Revision

__all__ = ["Plan", "Planned", "answering", "asks", "holds_entry", "plan", "replaces"]

# While something is under way, the pods are looked at again after so many seconds.
SOON = 1.0
# While a candidate seems to fail its clients: what is seen of that is to be acted on within two seconds.
AT_ONCE = 0.25


def plan(observed: Observed) -> Plan:
    """Return what should be, from what is. The same observation gives the same plan, but for times that are stored."""
    known = existing(observed)
    newest = newest_of_spec(observed, known)
    request, refresh, answer = _asked_for(observed, known, newest)
    if newest is None or refresh:
        newest = new(observed, known, refresh)
        known.append(newest)
    revisions = {revision.name: learnt(revision, observed) for revision in known}
    stable = stable_of(list(revisions.values())) or _first(observed, revisions, newest.name)
    action = ""
    if request and request.action == REFRESH:
        if answer and answer.result == "Ignored":
            revisions = _refused(observed, revisions, newest.name, request)
    elif request:
        done = carried_out(observed, revisions, newest.name, stable, request)
        revisions, action, answer = done.revisions, done.action, done.answer
    if stable is None:
        return _without_stable(observed, revisions, newest.name, answer)
    if revisions[stable].promoted_at is None:
        promoted = replace(revisions[stable], promoted_at=after(observed.now, list(revisions.values())))
        revisions = {**revisions, stable: promoted}
    course = steered(observed, revisions, newest.name, stable, action)
    return _planned(observed, course, newest.name, answer)


def _asked_for(
    observed: Observed, known: list[Revision], newest: Revision | None
) -> tuple[Request | None, Refresh | None, LastAction | None]:
    """Return the manual action, the refresh to begin, and the answer to a refresh, or to what is no action."""
    request = request_of(observed, observed.base_name)
    if not isinstance(request, Request):
        return None, None, request
    if request.action != REFRESH:
        return request, None, None
    return request, *refresh_of(observed, known, request, newest)


def _refused(observed: Observed, revisions: ByName, wanted: str, request: Request) -> ByName:
    """Return the revisions with the memory that a refresh was ignored: it does not come alive later."""
    if observed.spec.state == "Unmanaged" or memory_of(observed, revisions.values(), request):
        return revisions
    return {**revisions, wanted: remembering(observed, revisions[wanted], f"!{request.text}")}


def _first(observed: Observed, revisions: ByName, wanted: str) -> str | None:
    """Return the revision that is to serve first, once it has a ready pod: it takes nobody's place.

    If the spec was changed before anybody saw it ready, it serves all the same: clients reach it, and the new one may
    be bad.
    """
    if observed.spec.state != "Active":
        return None
    pinned = [revision for revision in revisions.values() if revision.digest and observed.ready(revision.name)]
    pinned.sort(key=lambda revision: (revision.name == observed.entry, revision.name == wanted, revision.number))
    return pinned[-1].name if pinned else None


def _without_stable(observed: Observed, revisions: ByName, wanted: str, answer: LastAction | None) -> Plan:
    """Return the plan before anything serves: the revision of the spec comes up, as it can."""
    made = [
        Planned(revision, "Candidate", target_replicas(observed, revision))
        if revision.name == wanted
        else Planned(revision, "Retired", 0)
        for revision in _newest_first(revisions)
    ]
    kept, discarded = _history(observed, made, {wanted}, wanted)
    return Plan(kept, wanted, None, discarded + unborn(observed, list(revisions.values())), answer)


def _planned(observed: Observed, course: Course, wanted: str, answer: LastAction | None) -> Plan:
    made = [planned(observed, revision, course) for revision in _newest_first(course.revisions)]
    kept, discarded = _history(observed, made, {wanted, course.target, course.stable}, course.stable)
    return Plan(
        revisions=kept,
        wanted=wanted,
        stable=course.stable,
        discarded=discarded + unborn(observed, list(course.revisions.values())),
        action=answer,
        target=course.target,
        orders=orders_of(observed, course),
        again=_again(observed, course, made),
        rollout=rollout_status(observed, course, wanted),
        judgements=judged(course.running) if course.running else (),
        worst=course.running.evidence.worst if course.running else (),
    )


def _again(observed: Observed, course: Course, made: list[Planned]) -> float | None:
    """Return after how many seconds to look again though nothing is heard."""
    if observed.spec.state != "Active":
        return None
    running = course.running
    resting = {course.stable} | ({running.candidate.name} if running else set())
    others = [p for p in made if p.revision.name not in resting]
    if any(observed.existing(p.revision.name) or p.replicas for p in others):
        return SOON
    if running is None:
        return None
    if not running.patient or observed.spec.routing.previewHeader:
        return AT_ONCE if is_failing(running) else SOON
    # Nothing is counted and nobody is told anything: it is ready one day, which is heard of, or its time is over. What
    # it waits for once it is ready, only its pods can say.
    if running.facts.shrunk_at or running.ready >= running.enough:
        return SOON
    left = seconds_left(running)
    return None if left is None else max(SOON, left)


def _newest_first(revisions: ByName) -> list[Revision]:
    return sorted(revisions.values(), key=lambda revision: revision.number, reverse=True)


def _history(
    observed: Observed, made: list[Planned], needed: set[str], serving: str
) -> tuple[tuple[Planned, ...], tuple[str, ...]]:
    """Return the plans of the revisions that are kept, and the names of those beyond the history's limit."""
    old = [p for p in made if p.revision.name not in needed]
    # The way back is what served last, not what was made last and never served.
    old.sort(key=lambda planned: (planned.revision.promoted_at or "", planned.revision.number), reverse=True)
    beyond = old[observed.spec.rollout.revisionHistoryLimit :]
    # What clients still reach is not discarded, whatever else it is, nor what has pods to stay.
    discarded = tuple(p.revision.name for p in beyond if p.revision.name != observed.entry and p.replicas == 0)
    kept = tuple(p for p in made if p.revision.name not in discarded)
    return _remembered(observed, made, kept, serving), discarded


def _remembered(
    observed: Observed, made: list[Planned], kept: tuple[Planned, ...], serving: str
) -> tuple[Planned, ...]:
    """Return what is kept; what only a discarded revision remembers of the annotation, the serving one does from now.

    Nothing is deleted before the serving revision's facts are written.
    """
    request = request_of(observed, observed.base_name)
    if not isinstance(request, Request):
        return kept
    memory = memory_of(observed, (p.revision for p in made), request)
    if memory is None or memory_of(observed, (p.revision for p in kept), request):
        return kept
    return tuple(
        replace(p, revision=remembering(observed, p.revision, memory)) if p.revision.name == serving else p
        for p in kept
    )
