"""Whether stable pods forwarded, by order, to a revision that was there."""

from bisect import bisect_right
from collections.abc import Sequence

from tests.e2e.pod_counters import Look
from tests.integration.invariants import State

BEHIND = 2.0
"""Seconds for which a weight may outlive the last ready pod of its revision: somebody has to see that it went."""


def unready_weights(looks: Sequence[Look], states: Sequence[tuple[float, State]], since: float) -> list[str]:
    """Return when pods forwarded, by order, to a revision that had no ready pod for longer than `BEHIND`.

    `states` are those that the namespace went through, each with when it began; all times are monotonic seconds, and
    told as seconds after `since`.
    """
    times = [at for at, _ in states]
    found, began = [], None
    for look in looks:
        place = bisect_right(times, look.began)
        if not place or not _astray(look, states[place - 1][1]):
            began = None
            continue
        began = began or look.began
        if look.ended - began > BEHIND:
            found.append(f"{look.ended - since:.1f} s after the change: {look.servers}")
    return found


def _astray(look: Look, state: State) -> bool:
    """Whether a pod forwards, and not to a revision that has ready pods."""
    status = (state.model or {}).get("status", {})
    # A pod that goes down after its hand-over forwards to the stable revision to its end.
    target = status.get("rollout", {}).get("revision") or status.get("stableRevision", "")
    senders = {server.revision for server in look.servers.values() if server.weight}
    return bool(senders) and (target in senders or not state.ready(target))
