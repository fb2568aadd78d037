"""What a load tool measured. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.quantiles import quantile


@dataclass(frozen=True)
class Load:
    """How many answers came, and a second; quantiles of a request's time in milliseconds, 0 if no answer came."""

    answers: int
    per_second: float
    p50: float
    p99: float

    @classmethod
    def of(cls, times: Sequence[float], seconds: float) -> "Load":
        """Return the load of requests that took these times (ms)."""
        p50, p99 = (quantile(times, share) if times else 0.0 for share in (0.5, 0.99))
        return cls(len(times), len(times) / seconds, p50, p99)

    def shown(self) -> dict[str, float]:
        """Return it as results keep it, without quantiles if no answer came."""
        times = {"p50": round(self.p50, 3), "p99": round(self.p99, 3)} if self.answers else {}
        return {"perSecond": round(self.per_second, 1), **times}
