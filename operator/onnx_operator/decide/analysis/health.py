"""Are the candidate's outputs broken, whatever they ought to be: not finite, or always the same? By copies."""

from dataclasses import dataclass, replace

from onnx_operator.decide import reasons
from onnx_operator.decide.analysis import budget
from onnx_operator.decide.analysis.figures import percent, share_of
from onnx_operator.decide.analysis.sequential import against_at_most, highest, rejects
from onnx_operator.decide.judgement import Judgement
from onnx_operator.evidence import Evidence, Output

# The share of copies with NaN or infinities where the stable revision has none.
NON_FINITE = 0.01
# The share of copies in which the stable revision's output changed and the candidate's did not. Labels are often the
# same again, so of these nearly all have to be stuck.
STUCK = 0.5
STUCK_LABELS = 0.9


def health(evidence: Evidence, needed: int) -> Judgement:
    """Return the verdict on all outputs, those that are not compared, too; of ``needed`` copies a Pass."""
    # Clients may ask for some outputs only: for what none of them asks nobody can wait.
    copies = min((seen for output in evidence.outputs if (seen := output.samples + output.unlike)), default=0)
    found = [part for output in evidence.outputs for part in _parts(output)]
    error = budget.HEALTH / max(1, len(found))
    worst = max(found, key=lambda part: part.level, default=None)
    if worst is None:
        return Judgement("health", "Unknown", message=f"0 of {needed} copies", samples=0, needed=needed, holds=True)
    judgement = Judgement(
        "health",
        "Pass",
        value=f"{percent(worst.rate)} {worst.short} ({worst.name})",
        samples=copies,
        needed=needed,
        interval=f"at most {percent(highest(worst.tries, worst.hits, error))}",
        level=worst.level,
    )
    if failed := next((part for part in found if part.refuted(error)), None):
        return replace(judgement, verdict="Fail", reason=reasons.OUTPUTS_BROKEN, message=f"{failed.said}.")
    if copies < needed:
        return replace(judgement, verdict="Unknown", message=f"{copies} of {needed} copies", holds=True)
    if worst.level > 1:
        waits = f"{worst.said}; up to {percent(worst.most)} are tolerated"
        return replace(judgement, verdict="Unknown", message=waits, holds=True)
    return judgement


@dataclass(frozen=True)
class _Part:
    """One way in which an output may be broken: in ``hits`` of ``tries`` copies, and up to ``most`` is tolerated."""

    name: str
    short: str
    long: str
    tries: int
    hits: int
    most: float

    @property
    def rate(self) -> float:
        return self.hits / self.tries if self.tries else 0.0

    @property
    def level(self) -> float:
        return share_of(self.rate, self.most)

    @property
    def said(self) -> str:
        return f'output "{self.name}" {self.long.format(f"{self.hits} of {self.tries} copies")}'

    def refuted(self, error: float) -> bool:
        return self.level > 1 and rejects(against_at_most(self.tries, self.hits, self.most), error)


def _parts(output: Output) -> tuple[_Part, _Part]:
    copies = output.samples + output.unlike
    broken = "has NaN or infinities in {}, where the stable revision's has none"
    stays = "stays the same in {} in which the stable revision's changed"
    limit = STUCK_LABELS if output.kind == "exact" else STUCK
    return (
        _Part(output.name, "not finite", broken, copies, min(copies, output.non_finite), NON_FINITE),
        _Part(output.name, "stuck", stays, output.changed, min(output.changed, output.stuck), limit),
    )
