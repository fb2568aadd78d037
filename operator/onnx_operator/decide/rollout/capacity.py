"""When no node takes the candidate's pods: wait, or let the stable revision lend some of its places."""

from onnx_operator.decide import reasons
from onnx_operator.decide.rollout.sight import Sight

# Seconds after which a lent place that did not help goes back.
LENT_FOR = 60.0


def pending(sight: Sight) -> str | None:
    """Return the scheduler's words if no node takes a pod of the candidate."""
    trouble = sight.trouble
    return trouble.message if trouble and trouble.reason == reasons.UNSCHEDULABLE else None


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
        and observed.asked(stable) > 1
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
