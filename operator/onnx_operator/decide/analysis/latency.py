"""Is the candidate slower than the stable revision, by more than is tolerated? By pairs of what is alike."""

from dataclasses import dataclass, replace

from onnx_operator.decide import reasons
from onnx_operator.decide.analysis import budget
from onnx_operator.decide.analysis.pairs import Histogram, against_at_most, interval, median
from onnx_operator.decide.analysis.sequential import rejects
from onnx_operator.decide.judgement import Judgement
from onnx_operator.evidence import Evidence


@dataclass(frozen=True)
class _Part:
    """Pairs of one kind, and what they are of."""

    pairs: Histogram
    limit: int
    error: float
    what: str

    @property
    def count(self) -> int:
        return sum(self.pairs.values())

    @property
    def beyond(self) -> bool:
        """Whether more than half of the pairs are beyond the limit."""
        return 2 * sum(count for percent, count in self.pairs.items() if percent >= self.limit) > self.count

    @property
    def refuted(self) -> bool:
        return self.beyond and rejects(against_at_most(self.pairs, self.limit), self.error)

    @property
    def level(self) -> float:
        """The median's excess as a share of the tolerated one; the middle of a percent stands for it."""
        return round(max(0.0, (median(self.pairs) + 0.5 - 100) / (self.limit - 100)), 3)

    @property
    def range(self) -> str | None:
        low, high = interval(self.pairs, self.error)
        if high is None and not low:
            return None
        return f"{_signed(low)} to {_signed(high)}" if high is not None else f"{_signed(low)} or more"


def latency(evidence: Evidence, tolerance_percent: int, needed: int) -> Judgement:
    """Return the verdict on the candidate's durations; a Pass takes ``needed`` pairs of either kind.

    Of executed batches, or, where these are never alike, of copied requests. Requests alone fail a candidate only if
    its batches do not say that it is fast: what a server does beside executing depends on how busy its node is.
    """
    limit = 100 + tolerance_percent
    batches = _Part(evidence.compute, limit, budget.COMPUTE, "batches")
    requests = _Part(evidence.work, limit, budget.WORK, "requests")
    main = batches if batches.count >= min(needed, requests.count) else requests
    if not main.count:
        return Judgement("latency", "Unknown", message=f"0 of {needed} pairs", samples=0, needed=needed, holds=True)
    enough = [part for part in (batches, requests) if part.count >= needed]
    fast = batches.count >= needed and 2 * batches.level <= 1
    found = Judgement(
        "latency",
        "Pass",
        value=_signed(median(main.pairs)),
        samples=main.count,
        needed=needed,
        interval=main.range,
        level=max(part.level for part in (enough or [main])),
    )
    for part in (batches, requests):
        if part.refuted and not (part is requests and fast):
            message = (
                f"half of {part.count} {part.what} took {_signed(median(part.pairs))} time or more than alike ones of "
                f"the stable revision ({part.range}); at most +{tolerance_percent} % is tolerated."
            )
            return replace(found, verdict="Fail", reason=reasons.CANDIDATE_SLOWER, message=message)
    if not enough:
        return replace(found, verdict="Unknown", message=f"{main.count} of {needed} pairs", holds=True)
    if slow := next((part for part in enough if part.beyond), None):
        message = f"{slow.range} time for {slow.what}, and at most +{tolerance_percent} % is tolerated"
        return replace(found, verdict="Unknown", message=message, holds=True)
    return found


def _signed(percentage: int) -> str:
    return f"{percentage - 100:+d} %" if percentage != 100 else "0 %"
