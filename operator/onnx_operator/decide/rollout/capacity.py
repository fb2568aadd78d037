"""When no node takes the candidate's pods: wait, or let the stable revision lend some of its places."""

from onnx_operator.decide import reasons
from onnx_operator.decide.rollout.sight import Sight
from onnx_operator.decide.scheduling import unschedulable

# Seconds after which a lent place that did not help goes back.
LENT_FOR = 60.0


def pending(sight: Sight) -> str | None:
    """Return the scheduler's words if no node takes a pod of the candidate."""
    trouble = sight.trouble
    return trouble.message if trouble and trouble.reason == reasons.UNSCHEDULABLE else None


def placed(sight: Sight) -> int:
    """Return how many pods of the candidate a node has taken, as far as the scheduler has spoken."""
    return _placed(sight, sight.candidate.name)


def has_helped(sight: Sight) -> bool:
    """Return whether the last place that was lent is the candidate's, or it needs none any more."""
    return pending(sight) is None or placed(sight) > sight.facts.placed


def lends(sight: Sight) -> int:
    """Return how many pods the stable revision gives up for the next place; one stays.

    Controllers take those first that no node has taken: they have no place to give.
    """
    without = sight.observed.existing(sight.stable.name) - _placed(sight, sight.stable.name)
    return min(1 + without, sight.observed.asked(sight.stable.name) - 1)


def may_lend(sight: Sight) -> bool:
    """Return whether the stable revision lends the place of one more pod now: the last loan has helped, one stays.

    Where a pod of it is not ready, that is the one whose place is lent: controllers take those first.
    """
    observed, stable = sight.observed, sight.stable.name
    return (
        pending(sight) is not None
        and sight.rollout.capacity.whenNoCapacity == "ShrinkStable"
        and sight.rollout.strategy != "Recreate"
        and not sight.facts.shrunk_at
        and not sight.facts.stayed_small
        and observed.ready(stable) > 0
        and lends(sight) > 0
        and observed.existing(stable) == observed.asked(stable)
    )


def lent_in_vain(sight: Sight) -> bool:
    """Return whether a lent place has not helped in time."""
    return (
        bool(sight.facts.shrunk_at) and pending(sight) is not None and sight.seconds(sight.facts.shrunk_at) >= LENT_FOR
    )


def runs_on(sight: Sight) -> bool:
    """Return whether the deadline runs although no node takes a pod: nobody is answered meanwhile, or as asked for."""
    return sight.rollout.capacity.whenNoCapacity == "Abort" or sight.rollout.strategy == "Recreate"


def _placed(sight: Sight, revision: str) -> int:
    return sum(unschedulable(pod, {}) is None for pod in sight.observed.pods.get(revision, ()))
