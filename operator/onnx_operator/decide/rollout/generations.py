"""Generations of splits: they only grow, whatever was forgotten, so that an old order never undoes a newer one."""

from collections.abc import Iterable

from onnx_operator.decide.rollout.provider import elsewhere
from onnx_operator.decide.times import seconds_since
from onnx_operator.observed import Observed, Revision

# A pod that cannot be reached is waited for so many seconds: what it cannot be told of, it will find out by itself.
GRACE = 5.0


def next_generation(observed: Observed, revisions: Iterable[Revision]) -> int:
    """Return a generation later than any that is stored or that a pod says it knows."""
    stored = (revision.rollout.generation for revision in revisions if revision.rollout)
    reported = (split.generation for split in observed.splits.values() if split)
    return max((*stored, *reported), default=0) + 1


def latest_reported(observed: Observed, *revisions: str) -> int:
    """Return the latest generation that a ready pod of these revisions knows; 0 if none knows one."""
    return max((split.generation for name in revisions for split in observed.split_states(name) if split), default=0)


def forwards(observed: Observed, revision: str) -> bool:
    """Return whether a ready pod of a revision says that it forwards requests, or hands over its connections."""
    return any(split and (split.weight or split.hand_over) for split in observed.split_states(revision))


def released(observed: Observed, revision: Revision) -> bool:
    """Return whether no ready pod of another revision, serving now or before, forwards to this one by order any more.

    A pod that does not answer is taken to have stopped some seconds after the order, and so is who splits elsewhere.
    """
    facts = revision.rollout
    if facts is None or facts.generation == 0:
        return True
    if seconds_since(facts.ordered_at, observed.now) >= GRACE:
        return True
    return not elsewhere(observed, facts) and all(
        split is not None and (split.revision != revision.name or split.weight == 0)
        for name in observed.pods
        if name != revision.name
        for split in observed.split_states(name)
    )
