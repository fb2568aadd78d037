"""When no node takes the candidate's pods: wait, or let the stable revision lend some of its places."""

from onnx_operator.decide import reasons
from onnx_operator.decide.rollout.sight import Sight
from onnx_operator.decide.scheduling import is_scheduled, unschedulable

# Seconds after which a lent place that did not help goes back.
LENT_FOR = 60.0


def pending(sight: Sight) -> str | None:
    """Return the scheduler's words if no node takes a pod of the candidate."""
    trouble = sight.trouble
    return trouble.message if trouble and trouble.reason == reasons.UNSCHEDULABLE else None


def placed(sight: Sight) -> int:
    """Return how many pods of the candidate nodes have taken: of those just made the scheduler has yet to speak."""
    return sum(map(is_scheduled, sight.observed.pods.get(sight.candidate.name, ())))


def has_helped(sight: Sight) -> bool:
    """Return whether the last place that was lent is the candidate's, or it needs none any more."""
    return pending(sight) is None or placed(sight) > sight.facts.placed


def lends(sight: Sight) -> int:
    """Return how many pods the stable revision gives up for the next place; one stays.

    Controllers take those first that no node has taken: they have no place to give.
    """
    pods = sight.observed.pods.get(sight.stable.name, ())
    without = sum(unschedulable(pod, {}) is not None for pod in pods)
    return min(1 + without, sight.observed.asked(sight.stable.name) - 1)


def may_lend(sight: Sight) -> bool:
    """Return whether the stable revision lends the place of one more pod now: the last loan has helped, one stays.

    Where a pod of it is not ready, that is the one whose place is lent: controllers take those first. Nothing is lent
    while a retired revision is still going: its places come free.
    """
    observed, stable = sight.observed, sight.stable.name
    return (
        pending(sight) is not None
        and not _comes_free(sight)
        and sight.rollout.capacity.whenNoCapacity == "ShrinkStable"
        and sight.rollout.strategy != "Recreate"
        and not sight.facts.shrunk_at
        and not sight.facts.stayed_small
        and observed.ready(stable) > 0
        and lends(sight) > 0
        and observed.existing(stable) == observed.asked(stable)
    )


def has_yet_to_make_room(sight: Sight) -> bool:
    """Return whether pods of the stable revision have yet to make room for the candidate to take over.

    The entry does not leave more ready pods than there are to lead to, and they would wait for each other.
    """
    return sight.ready < min(sight.whole, sight.observed.ready(sight.stable.name))


def lent_in_vain(sight: Sight) -> bool:
    """Return whether a lent place has not helped in time."""
    return _has_waited(sight, LENT_FOR) and pending(sight) is not None


def is_freed_late(sight: Sight) -> bool:
    """Return whether the time for a lent place to help is to begin anew: the pod that has it is still going down.

    Now and then only, since it is stored.
    """
    going = sight.observed.existing(sight.stable.name) > sight.observed.asked(sight.stable.name)
    return going and _has_waited(sight, LENT_FOR / 2)


def runs_on(sight: Sight) -> bool:
    """Return whether the deadline runs although no node takes a pod: nobody is answered meanwhile, or as asked for."""
    return sight.rollout.capacity.whenNoCapacity == "Abort" or sight.rollout.strategy == "Recreate"


def _comes_free(sight: Sight) -> bool:
    rollout = {sight.stable.name, sight.candidate.name}
    return any(pods for name, pods in sight.observed.pods.items() if name not in rollout)


def _has_waited(sight: Sight, seconds: float) -> bool:
    return bool(sight.facts.shrunk_at) and sight.seconds(sight.facts.shrunk_at) >= seconds
