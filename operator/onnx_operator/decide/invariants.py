"""What must hold of every plan before anything of it is written: the last look at our own mistakes.

A violation is a bug of the operator's. Nothing is written then, so that what serves goes on serving.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from onnx_operator.decide.plan import Plan
from onnx_operator.observed import Observed


@dataclass(frozen=True)
class Violation:
    """One broken rule; ``name`` is a constant (docs/operations.md lists them), ``message`` a sentence."""

    name: str
    message: str


def violations(observed: Observed, plan: Plan) -> list[Violation]:
    """Return the rules that a plan breaks; one that is not carried out breaks none."""
    if observed.spec.state == "Unmanaged":
        return []
    return [found for check in CHECKS for found in check(observed, plan)]


def _serving_has_pods(observed: Observed, plan: Plan) -> Iterator[Violation]:
    """The serving revision has pods, unless the model is suspended."""
    if observed.spec.state == "Active" and plan.planned(plan.serving).replicas < 1:
        yield Violation("ServingHasPods", f"{plan.serving} serves and would be scaled to 0")


def _frozen(observed: Observed, plan: Plan) -> Iterator[Violation]:
    """What a revision froze never changes."""
    before = {revision.name: revision.data for revision in observed.revisions}
    for planned in plan.revisions:
        name = planned.revision.name
        if name in before and before[name] != planned.revision.data:
            yield Violation("FrozenRevision", f"{name} would be made of something else")


def _pinned(observed: Observed, plan: Plan) -> Iterator[Violation]:
    """The bytes of a revision, once pinned, never change."""
    before = {revision.name: revision.digest for revision in observed.revisions if revision.digest}
    for planned in plan.revisions:
        name, digest = planned.revision.name, planned.revision.digest
        if name in before and before[name] != digest:
            yield Violation("PinnedDigest", f"{name} would be pinned to {digest} instead of {before[name]}")


def _serving_is_kept(observed: Observed, plan: Plan) -> Iterator[Violation]:
    """Neither what serves nor what clients reach now is discarded."""
    for name in {plan.serving, observed.entry} & set(plan.discarded):
        yield Violation("ServingIsKept", f"{name} serves and would be deleted")


CHECKS: tuple[Callable[[Observed, Plan], Iterator[Violation]], ...] = (
    _serving_has_pods,
    _frozen,
    _pinned,
    _serving_is_kept,
)
