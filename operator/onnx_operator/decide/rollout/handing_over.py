"""After a promotion: the pods that served before forward what still comes to them, stay warm for a while, and go."""

from collections.abc import Mapping
from dataclasses import replace

from onnx_operator.decide.rollout.generations import next_generation
from onnx_operator.decide.rollout.sight import pinned
from onnx_operator.decide.times import seconds_since, stamp
from onnx_operator.observed import Observed, Revision


def handed_over(observed: Observed, revisions: dict[str, Revision], stable: str) -> dict[str, Revision]:
    """Return the revisions with the beginning of the hand-over, once the entry leads to the new one."""
    facts = revisions[stable].rollout
    if facts is None or facts.handed_over_at or observed.entry != stable or not observed.ready(stable):
        return revisions
    if warm(observed, revisions, stable) is None:
        return revisions
    now = stamp(observed.now)
    generation = next_generation(observed, revisions.values())
    begun = replace(facts, weight=100, generation=generation, ordered_at=now, handed_over_at=now)
    return {**revisions, stable: replace(revisions[stable], rollout=begun)}


def warm(observed: Observed, revisions: Mapping[str, Revision], stable: str) -> str | None:
    """Return the revision that served before the stable one, while it is to stay warm."""
    facts = revisions[stable].rollout
    if facts is None or not facts.over or not facts.rollout:
        return None
    delay = pinned(facts).scaleDownDelaySeconds
    if facts.handed_over_at and seconds_since(facts.handed_over_at, observed.now) >= delay:
        return None
    before = [r for r in revisions.values() if r.promoted_at and r.name != stable]
    previous = max(before, key=lambda revision: revision.promoted_at or "", default=None)
    return previous.name if delay and previous and observed.existing(previous.name) else None
