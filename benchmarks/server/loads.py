"""What a load tool measured. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Load:
    """Answers a second, and quantiles of a request's time in milliseconds."""

    per_second: float
    p50: float
    p99: float

    def shown(self) -> dict[str, float]:
        """Return it as results keep it."""
        return {"perSecond": round(self.per_second, 1), "p50": round(self.p50, 3), "p99": round(self.p99, 3)}
