"""The story of a rollout, as the changes of a status tell it. Pure.

Each chapter is told when the status comes to have it, so that it is told once, whatever kills the operator.
"""

from typing import Any

Object = dict[str, Any]
Told = tuple[str, str, str]

CAPACITY_PENDING = "CapacityPending"
UNDER_WAY = {"Preflight", "Progressing", "Paused", "Promoting"}


def rollout_news(before: Object, after: Object) -> list[Told]:
    """Return (type, reason, message) of what has happened to rollouts, in order."""
    was, now = before.get("rollout") or {}, after.get("rollout") or {}
    if _is_of(was, now):
        told = [*_inconclusive(was, now), *_steps(was, now), *_pauses(was, now)]
    else:
        told = [*_superseded(was, after), *_started(now, after), *_steps({}, now), *_pauses({}, now)]
    return [*told, *_capacity(before, after), *_promoted(before, after), *_taken_back(before, after), *_over(was, now)]


def rejections(before: Object, after: Object) -> list[Object]:
    """Return what has been rejected since."""
    known = {(one["revision"], one["at"]) for one in before.get("rejected", [])}
    return [one for one in after.get("rejected", []) if (one["revision"], one["at"]) not in known]


def _is_of(was: Object, now: Object) -> bool:
    return (was.get("revision"), was.get("startedAt")) == (now.get("revision"), now.get("startedAt"))


def _superseded(was: Object, after: Object) -> list[Told]:
    """Tell that another candidate has come, which may be before anything of its own rollout is told."""
    old, new = was.get("revision"), after.get("candidateRevision")
    rejected = {one["revision"] for one in after.get("rejected", [])}
    if was.get("phase") not in UNDER_WAY or new in (None, old) or old in {after.get("stableRevision"), *rejected}:
        return []
    return [("Normal", "Superseded", f"{old} gives way to {new}, which the spec asks for now.")]


def _started(now: Object, after: Object) -> list[Told]:
    if now.get("phase") not in UNDER_WAY:
        return []
    stable = after.get("stableRevision")
    message = f"{now['revision']}: {now['strategy']} rollout of {now['steps']} steps; {stable} is the stable revision."
    if now["strategy"] == "Recreate":
        return [("Warning", "RolloutStarted", f"{message} It goes down first: nobody is answered in between.")]
    return [("Normal", "RolloutStarted", message)]


def _steps(was: Object, now: Object) -> list[Told]:
    if now.get("phase") not in UNDER_WAY:
        return []
    told = []
    if now["step"] > was.get("step", 0):
        told.append(("Normal", "StepStarted", f"{now['revision']}: step {now['step']} of {now['steps']}."))
    if now["appliedWeight"] == now["weight"] != was.get("appliedWeight", 0):
        told.append(("Normal", "WeightSet", f"{now['revision']} gets {now['weight']} % of the requests."))
    return told


def _pauses(was: Object, now: Object) -> list[Told]:
    paused_before, paused = was.get("phase") == "Paused", now.get("phase") == "Paused"
    if paused and not paused_before:
        return [("Normal", "Paused", f"{now['revision']}: {now['message']}")]
    if paused_before and now.get("phase") in UNDER_WAY - {"Paused"}:
        return [("Normal", "Resumed", f"{now['revision']} goes on.")]
    return []


def _inconclusive(was: Object, now: Object) -> list[Told]:
    if now.get("inconclusive") in (None, was.get("inconclusive")):
        return []
    then = "It waits for somebody" if now["phase"] == "Paused" else "It goes on all the same"
    return [("Warning", "AnalysisInconclusive", f"{now['revision']}: {now['inconclusive']} {then}.")]


def _capacity(before: Object, after: Object) -> list[Told]:
    if _reconciling(before).get("reason") == CAPACITY_PENDING:
        return []
    found = _reconciling(after)
    return [("Warning", found["reason"], found["message"])] if found.get("reason") == CAPACITY_PENDING else []


def _promoted(before: Object, after: Object) -> list[Told]:
    stable, before_it = after.get("stableRevision"), before.get("stableRevision")
    if not stable or not before_it or stable == before_it:  # the first one is told by Ready
        return []
    return [("Normal", "Promoted", f"{stable} is the stable revision.")]


def _taken_back(before: Object, after: Object) -> list[Told]:
    return [
        ("Warning", "Aborted", f"{one['revision']} is taken back: {one['reason']}: {one['message']}")
        for one in rejections(before, after)
    ]


def _over(was: Object, now: Object) -> list[Told]:
    if was.get("phase") == now.get("phase") or (now and not _is_of(was, now)):
        return []
    match was.get("phase"):
        case "HandingOver":
            return [("Normal", "HandedOver", f"{was['revision']} has taken over; the revision before it has no pods.")]
        case "RollingBack":
            return [("Normal", "RolledBack", f"{was['revision']} has no weight and no pods.")]
    return []


def _reconciling(status: Object) -> Object:
    found: Object = next((one for one in status.get("conditions", []) if one["type"] == "Reconciling"), {})
    return found
