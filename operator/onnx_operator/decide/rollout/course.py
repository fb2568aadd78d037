"""The course of a model's revisions: which one is to be stable, and what its rollout makes of it at this look."""

from dataclasses import dataclass, replace
from typing import Any

from onnx_operator.api.rollout import Rollout
from onnx_operator.decide.revisions import after
from onnx_operator.decide.rollout.checks.restarts import restarts_of
from onnx_operator.decide.rollout.effects import without_weight
from onnx_operator.decide.rollout.generations import next_generation
from onnx_operator.decide.rollout.handing_over import handed_over
from onnx_operator.decide.rollout.sight import Sight
from onnx_operator.decide.rollout.steps import steps_of
from onnx_operator.decide.rollout.table import run
from onnx_operator.decide.times import stamp
from onnx_operator.observed import Observed, Revision
from onnx_operator.rollout import RolloutFacts

Object = dict[str, Any]
ByName = dict[str, Revision]


@dataclass(frozen=True)
class Course:
    """The revisions with their newest facts, by name; ``running`` is the rollout under way, if there is one.

    It is ``stored`` once its facts are written down: what only this look knows would be another one at the next.
    """

    revisions: ByName
    stable: str
    target: str
    running: Sight | None = None
    stored: bool = False


def target_of(revisions: ByName, wanted: str, stable: str) -> str:
    """Return the revision that is to be stable in the end: what the spec asks for, unless that was taken back.

    Where somebody asked to go back to another one, that is meant until something is promoted, be it that one.
    """
    rejection = revisions[wanted].rejected
    if rejection is None:
        return wanted
    back = revisions.get(rejection.back_to)
    # What was rejected serves until then: whatever the clock says, nothing was promoted since.
    stands = stable == wanted or (revisions[stable].promoted_at or "") <= rejection.at
    return back.name if back and back.rejected is None and stands else stable


def steered(observed: Observed, revisions: ByName, wanted: str, stable: str, action: str = "") -> Course:
    """Return the course from here; ``action`` is what a person asks for of the rollout under way."""
    target = target_of(revisions, wanted, stable)
    state = observed.spec.state
    if state == "Unmanaged":
        return Course(revisions, stable, target)
    revisions = _calmed(observed, revisions, stable, target if state == "Active" else stable)
    if state != "Active":
        return Course(revisions, stable, target)
    running = None
    if target != stable:
        sight = _sight(observed, revisions, target, stable, action)
        outcome = run(sight)
        made = replace(sight.candidate, rollout=outcome.facts, rejected=outcome.rejection)
        if outcome.promoted:
            made = replace(made, promoted_at=after(observed.now, list(revisions.values())))
            stable = target
        revisions = {**revisions, target: made}
        if outcome.rejection:
            target = target_of(revisions, wanted, stable)
        elif not outcome.promoted:
            running = replace(sight, candidate=made, facts=outcome.facts, action="")
    revisions = handed_over(observed, revisions, stable)
    stored = running is not None and _is_stored(observed, running)
    return Course(revisions, stable, target, running, stored)


def _is_stored(observed: Observed, running: Sight) -> bool:
    name, begun = running.candidate.name, running.facts.started_at
    return any(r.name == name and r.rollout and r.rollout.started_at == begun for r in observed.revisions)


def _calmed(observed: Observed, revisions: ByName, stable: str, target: str) -> ByName:
    """End the rollouts of what is not on its way any more: the spec went back, or on to a third version."""
    for revision in list(revisions.values()):
        facts, runs = revision.rollout, revision.name == target and target != stable
        if revision.name == stable and facts and not facts.over:
            facts = replace(facts, over=True)
        elif not runs and revision.name != stable and (_is_open(facts) or _is_stray(observed, revision, stable)):
            now = stamp(observed.now)
            known = facts or RolloutFacts({}, now, provider="InServer")  # somebody deleted what was stored
            facts = without_weight(known, next_generation(observed, revisions.values()), now)
        revisions = {**revisions, revision.name: replace(revision, rollout=facts)}
    return revisions


def _is_open(facts: RolloutFacts | None) -> bool:
    return facts is not None and not facts.over


def _is_stray(observed: Observed, revision: Revision, stable: str) -> bool:
    """Return whether a stable pod forwards or copies to a revision by an order of which nothing is stored."""
    known = revision.rollout.generation if revision.rollout else 0
    return any(
        split.revision == revision.name and (split.weight or split.shadow_percent) and split.generation > known
        for split in observed.split_states(stable)
        if split
    )


def _sight(observed: Observed, revisions: ByName, target: str, stable: str, action: str) -> Sight:
    candidate, free = revisions[target], next_generation(observed, revisions.values())
    facts = candidate.rollout
    if facts is None or facts.over:
        facts = _begun(observed, candidate, stable, free)
        free += 1
    return Sight(observed, replace(candidate, rollout=facts), revisions[stable], facts, free, action)


def _begun(observed: Observed, candidate: Revision, stable: str, generation: int) -> RolloutFacts:
    """Return the facts of a rollout that begins now. What was promoted and never rejected is known to be good."""
    before, now = candidate.rollout, stamp(observed.now)
    doubted = before is not None and before.doubted
    return RolloutFacts(
        rollout=_fixed(observed.spec.rollout),
        started_at=now,
        step_started_at=now,
        progress_at=now,
        ordered_at=now,
        generation=generation,
        stable_size=max(1, observed.asked(stable)),
        restarts=restarts_of(observed, candidate.name),
        fast=candidate.promoted_at is not None and not doubted,
        doubted=doubted,
        provider=observed.spec.routing.provider,
        actions=before.actions if before else (),
    )


def _fixed(rollout: Rollout) -> Object:
    """Return the fields of ``spec.rollout`` with its steps, default ones too: a later version may have others."""
    return rollout.model_copy(update={"steps": list(steps_of(rollout))}).model_dump(exclude_none=True)
