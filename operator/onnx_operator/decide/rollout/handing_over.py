"""After a promotion: the pods that served before forward what still comes to them, stay warm for a while, and go."""

from collections.abc import Mapping
from dataclasses import replace

from onnx_operator.decide.rollout.generations import next_generation
from onnx_operator.decide.rollout.sight import pinned
from onnx_operator.decide.times import seconds_since, stamp
from onnx_operator.observed import Observed, Revision
from onnx_operator.rollout import RolloutFacts


def handed_over(observed: Observed, revisions: dict[str, Revision], stable: str) -> dict[str, Revision]:
    """Return the revisions with the beginning of the hand-over, once the entry leads to the new one."""
    facts = revisions[stable].rollout
    if facts is None or facts.handed_over_at or observed.entry != stable or not observed.ready(stable):
        return revisions
    if not warm(observed, revisions, stable):
        return revisions
    now = stamp(observed.now)
    generation = next_generation(observed, revisions.values())
    begun = replace(facts, weight=100, generation=generation, ordered_at=now, handed_over_at=now)
    return {**revisions, stable: replace(revisions[stable], rollout=begun)}


def warm(observed: Observed, revisions: Mapping[str, Revision], stable: str) -> tuple[str, ...]:
    """Return the revisions that served before the stable one and are to stay warm, the last one first.

    Each stays for the delay of the rollout that took its place, whatever was promoted since: clients may have
    connections to it still.
    """
    last = revisions[stable].rollout
    if last is None or not last.over or not last.rollout:
        return ()
    served = [r for r in revisions.values() if r.promoted_at and r.name != stable]
    served.sort(key=lambda revision: revision.promoted_at or "", reverse=True)
    followed_by = [last, *(revision.rollout for revision in served)]
    return tuple(
        revision.name
        for revision, after in zip(served, followed_by, strict=False)
        if observed.existing(revision.name) and _stays(observed, after if after and after.handed_over_at else last)
    )


def _stays(observed: Observed, after: RolloutFacts) -> bool:
    """Return whether the delay of the rollout ``after`` which another revision served runs still."""
    delay = pinned(after).scaleDownDelaySeconds
    begun = after.handed_over_at
    return delay > 0 and not (begun and seconds_since(begun, observed.now) >= delay)
