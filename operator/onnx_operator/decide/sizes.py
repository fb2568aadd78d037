"""How many pods each revision has."""

from onnx_operator.api.status import Role
from onnx_operator.decide.plan import Planned
from onnx_operator.decide.rollout.course import Course
from onnx_operator.decide.rollout.generations import released
from onnx_operator.decide.rollout.handing_over import warm
from onnx_operator.decide.rollout.sight import Sight
from onnx_operator.observed import Observed, Revision


def target_replicas(observed: Observed, revision: Revision) -> int:
    """Return how many pods a serving or coming revision should have; one until its bytes are pinned."""
    if observed.spec.state == "Suspended":
        return 0
    if not revision.digest:
        return 1
    scaling = observed.spec.scaling
    if not scaling.automatic:
        return scaling.minReplicas
    return max(scaling.minReplicas, min(observed.asked(revision.name), scaling.maxReplicas or scaling.minReplicas))


def planned(observed: Observed, revision: Revision, course: Course) -> Planned:
    """Return the plan of one revision of a model that has a stable one."""
    if revision.name == course.stable:
        return _stable(observed, revision, course)
    role: Role = "Rejected" if revision.rejected else "Retired"
    if observed.spec.state == "Suspended":
        return Planned(revision, "Candidate" if revision.name == course.target else role, 0)
    if revision.name == course.target:
        running = course.running
        return Planned(revision, "Candidate", _candidate(running) if running else target_replicas(observed, revision))
    stays = revision.name in warm(observed, course.revisions, course.stable)
    kept = stays or not released(observed, revision)
    return Planned(revision, role, observed.asked(revision.name) if kept else 0)


def _stable(observed: Observed, revision: Revision, course: Course) -> Planned:
    """Return the stable revision's plan: not smaller than at the start of a rollout, but for what it lends."""
    scaling = observed.spec.scaling
    size = target_replicas(observed, revision)
    if size == 0 or not revision.digest:
        return Planned(revision, "Stable", size)
    least, most = scaling.minReplicas, max(scaling.minReplicas, scaling.maxReplicas or 0)
    running = course.running
    if running and course.stored and running.rollout.strategy == "Recreate":
        return Planned(revision, "Stable", 0)
    if running and running.facts.shrunk:
        least = most = max(1, running.facts.stable_size - running.facts.shrunk)
    else:
        least = max(least, floor(observed, course))
        most = max(most, least)
    automatic = scaling.automatic and observed.spec.state == "Active"
    return Planned(revision, "Stable", max(least, min(size, most)), automatic, least, most)


def floor(observed: Observed, course: Course) -> int:
    """Return the size below which the stable revision does not go while a rollout runs, or is being taken back."""
    sizes = [
        revision.rollout.stable_size
        for revision in course.revisions.values()
        if revision.name != course.stable and revision.rollout and _matters(observed, revision, course)
    ]
    return max(sizes, default=0)


def _matters(observed: Observed, revision: Revision, course: Course) -> bool:
    if course.running and revision.name == course.running.candidate.name:
        # By every strategy: what takes over is to be as large as what serves, until it does.
        return True
    taken_back = revision.rollout is not None and revision.rollout.over and revision.promoted_at is None
    return taken_back and observed.existing(revision.name) > 0


def _candidate(sight: Sight) -> int:
    """Return the candidate's size: what its step needs; it gives nothing back while it is on its way."""
    observed, name = sight.observed, sight.candidate.name
    count = 1 if sight.candidate.digest is None else max(sight.needed, min(observed.asked(name), sight.size))
    if sight.rollout.strategy == "Recreate" and observed.existing(sight.stable.name) and not observed.asked(name):
        return 0  # old out before new in
    return count
