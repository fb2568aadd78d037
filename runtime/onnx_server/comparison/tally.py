"""The sums of one output's comparisons, as docs/contract.md names them."""

from dataclasses import dataclass

from onnx_server.comparison.agreement import Verdict
from onnx_server.comparison.difference import Difference
from onnx_server.comparison.kind import Kind


@dataclass(frozen=True)
class Seen:
    """What one copy said of one output. `kind` is known after it, and None as long as it may be scores yet."""

    difference: Difference
    verdict: Verdict
    changed: bool
    stuck: bool
    kind: Kind | None


@dataclass
class Tally:
    """Sums over copies. Not safe between threads."""

    kind: Kind | None
    samples: int = 0
    learning: int = 0
    unsure: int = 0
    unlike: int = 0
    agreed: int = 0
    equal: int = 0
    non_finite: int = 0
    changed: int = 0
    stuck: int = 0
    elements: int = 0
    outside: int = 0
    largest: float = 0.0
    mean: float = 0.0
    cosine: float = 0.0
    cosines: int = 0
    top1: int = 0
    top_k: int = 0
    self_samples: int = 0
    self_equal: int = 0

    def add(self, seen: Seen) -> None:
        """Note one more copy."""
        difference, verdict = seen.difference, seen.verdict
        self.samples += 1
        self.equal += difference.equal
        self.non_finite += difference.broken
        self.changed += seen.changed
        self.stuck += seen.stuck
        self.elements += difference.elements
        self.outside += difference.outside
        self.largest = max(self.largest, difference.largest)
        # A running mean does not overflow where a sum would.
        self.mean += (difference.mean - self.mean) / self.samples
        if difference.cosine is not None:
            self.cosines += 1
            self.cosine += (difference.cosine - self.cosine) / self.cosines
        self.learning += verdict.agreed is None
        # Once differences can be judged, those that could not be say nothing any more.
        self.unsure = self.unsure + (verdict.agreed is None) if verdict.unsure else 0
        self.agreed += verdict.agreed is True
        self.top1 += verdict.top1 is True
        self.top_k += verdict.top_k is True
        if self.kind is None and seen.kind == "scores":
            # Whether the highest scores are the same needed no learning: what was judged meanwhile counts.
            self.agreed, self.learning, self.unsure = self.top1, 0, 0
        self.kind = seen.kind

    def add_self(self, equal: bool) -> None:
        """Note one more copy that the stable version ran twice."""
        self.self_samples += 1
        self.self_equal += equal

    def describe(self, itself: tuple[int, int]) -> dict[str, object]:
        """Return the fields of docs/contract.md, but for the output's name, datatype and noise.

        `itself`: how many runs of the stable version's own were judged, and how many of them agree.
        """
        judged, agreed = itself
        some, scores = self.samples > 0, self.kind == "scores"
        return {
            "kind": self.kind or "values",
            "samples": self.samples,
            "learning": self.learning,
            "unsure": self.unsure,
            "unlike": self.unlike,
            "agreed": self.agreed,
            "equal": self.equal,
            "nonFinite": self.non_finite,
            "changed": self.changed,
            "stuck": self.stuck,
            "elements": self.elements,
            "outside": self.outside,
            "maxAbsoluteError": self.largest if some else None,
            "meanAbsoluteError": self.mean if some else None,
            "cosine": self.cosine if self.cosines else None,
            "top1": self.top1 if scores else None,
            "topK": self.top_k if scores else None,
            "self": {"samples": self.self_samples, "equal": self.self_equal, "judged": judged, "agreed": agreed},
        }
