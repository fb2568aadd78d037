"""What should be, as values: which revisions there are, how many pods each has, who is told what."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from onnx_operator.api.status import LastAction, Role, RolloutStatus
from onnx_operator.decide.judgement import Judgement
from onnx_operator.evidence import Worst
from onnx_operator.observed import Observed, Revision
from onnx_operator.rollout import SplitOrder

ORDER: tuple[Role, ...] = ("Stable", "Candidate", "Retired", "Rejected")


@dataclass(frozen=True)
class Planned:
    """A revision with its newest facts, its role and the replicas it should have.

    Of an autoscaled revision, ``replicas`` is what its autoscaler has set, held to ``least`` and ``most``: the bounds
    of the spec, or those of a rollout.
    """

    revision: Revision
    role: Role
    replicas: int
    autoscaled: bool = False
    least: int = 0
    most: int = 0


@dataclass(frozen=True)
class Plan:
    """What should be, for one model.

    ``revisions`` is newest first; ``wanted`` is the revision that the spec asks for, ``target`` the one that is to be
    stable in the end: the same, unless that was rejected. ``discarded`` names those to delete; ``action`` answers the
    manual action, if one is asked for. ``orders`` is what every ready pod of a revision is to be told of its split, by
    revision; ``again`` is after how many seconds to look again though nothing is heard, None if that is not needed.
    ``rollout`` is what the status shows, None where none is under way; ``judgements`` what its checks say, and
    ``worst`` are the copies whose outputs differed most.
    """

    revisions: tuple[Planned, ...]
    wanted: str
    stable: str | None
    discarded: tuple[str, ...] = ()
    action: LastAction | None = None
    target: str | None = None
    orders: Mapping[str, SplitOrder] = field(default_factory=dict)
    again: float | None = None
    rollout: RolloutStatus | None = None
    judgements: tuple[Judgement, ...] = ()
    worst: tuple[Worst, ...] = ()

    @property
    def serving(self) -> str:
        """The revision that the entry Service leads to: before the first promotion, the one that is asked for."""
        return self.stable or self.wanted

    @property
    def candidate(self) -> str | None:
        """The revision that is on its way to be stable; None if there is none."""
        target = self.target or self.wanted
        return None if target == self.stable else target

    @property
    def rejected(self) -> tuple[Planned, ...]:
        """The revisions that were taken back, newest rejection first."""
        found = [planned for planned in self.revisions if planned.revision.rejected]
        return tuple(sorted(found, key=_rejected_at, reverse=True))

    def serving_first(self) -> tuple[Planned, ...]:
        """Return the revisions in the order in which they matter to users: serving, coming, retired."""
        return tuple(sorted(self.revisions, key=lambda planned: ORDER.index(planned.role)))

    def planned(self, name: str) -> Planned:
        """Return the plan of one revision."""
        return next(planned for planned in self.revisions if planned.revision.name == name)


def replaces(observed: Observed, made: Plan) -> bool:
    """Return whether a plan leads clients away from the revision that they reach now."""
    return observed.entry is not None and observed.entry != made.serving


def holds_entry(observed: Observed, made: Plan) -> bool:
    """Return whether the entry has to stay where it is for now, and with it the pods that it leads to.

    What it is to lead to was ready when it was promoted, but may not be any more: its pods died, or somebody edited the
    entry. The plan is carried out without the switch until there are as many ready pods as are reached now, or needed.
    """
    if observed.entry is None or not replaces(observed, made):
        return False
    needed = made.planned(made.serving).replicas
    return observed.ready(made.serving) < min(needed, observed.ready(observed.entry))


def answering(observed: Observed, made: Plan) -> str:
    """Return the revision that answers clients: the serving one, or that to which the entry is held."""
    return observed.entry if observed.entry and holds_entry(observed, made) else made.serving


def _rejected_at(planned: Planned) -> str:
    return planned.revision.rejected.at if planned.revision.rejected else ""
