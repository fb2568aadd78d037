"""What a pod that has no server says it has seen of both revisions, in the words of docs/contract.md. Pure.

It is what a course of plenty of traffic would have left, and the same however often it is asked.
"""

from dataclasses import dataclass
from typing import Any

Object = dict[str, Any]

MIB = 1024 * 1024
OUTPUT = "y"
"""The name of the only output."""

REQUESTS, PAIRS, COPIES = 2000, 400, 1000


@dataclass
class Seen:
    """What was seen since the course began: were requests forwarded, and were they copied?"""

    revision: str | None = None
    course: str = ""
    percent: int = 0
    forwarded: bool = False
    copied: bool = False

    def order(self, order: Object) -> None:
        """Take note of an order."""
        course = order.get("course", "")
        if (order["revision"], course) != (self.revision, self.course):
            self.revision, self.course, self.forwarded, self.copied = order["revision"], course, False, False
        self.percent = (order.get("shadow") or {}).get("percent", 0)
        reached = bool(order["candidates"])
        self.forwarded = self.forwarded or (reached and order["weight"] > 0)
        self.copied = self.copied or (reached and self.percent > 0)

    def describe(self, sees: str, counted: Object) -> Object:
        """Return `shadow` and `evidence`; `sees` is the annotation of that name, `counted` that of the arms."""
        copies = COPIES if self.copied and sees != "Nothing" else 0
        given = REQUESTS if (self.forwarded or copies) and sees != "Nothing" else 0
        stable = {"requests": 4 * given, "errors": 0}
        candidate = {"requests": given, "errors": given // 10 if sees == "Errors" else 0, "late": 0}
        for arm, said in (("stable", stable), ("candidate", candidate)):
            said |= {name: count for name, count in counted.get(arm, {}).items() if name in said}
        pairs = {"180" if sees == "Slow" else "97": PAIRS} if given else {}
        return {
            "shadow": shadow(self.percent, copies) if self.percent else None,
            "evidence": {
                "course": self.course,
                "stable": stable,
                "candidate": candidate,
                "compute": pairs,
                "work": pairs if copies else {},
                "outputs": [output(sees, copies)] if copies else [],
                "worst": [],
            },
        }


def shadow(percent: int, copies: int) -> Object:
    """Return `shadow` of the state document."""
    dropped = dict.fromkeys(("inFlight", "bytes", "overloaded", "unreachable"), 0)
    counts = {"sampled": copies, "underWay": 0, "compared": copies, "failed": 0, "replayed": 0}
    return {"percent": percent, **counts, "dropped": dropped}


def output(sees: str, samples: int) -> Object:
    """Return the comparison of the only output."""
    agreed = {"Wrong": samples // 10, "NaN": 0}.get(sees, samples - 5)
    equal = {"Wrong": 0, "NaN": 0, "Moved": samples // 5}.get(sees, samples)
    return {
        "name": OUTPUT,
        "datatype": "FP32",
        "kind": "scores",
        "samples": samples,
        "learning": 0,
        "unsure": 0,
        "unlike": 0,
        "agreed": agreed,
        "equal": equal,
        "nonFinite": samples if sees == "NaN" else 0,
        "changed": samples - 1,
        "stuck": samples - 1 if sees == "Stuck" else 0,
        "elements": 10 * samples,
        "outside": 10 * (samples - equal),
        "maxAbsoluteError": 0.1,
        "meanAbsoluteError": 0.01,
        "cosine": 0.99,
        "top1": agreed,
        "topK": samples,
        "self": dict.fromkeys(("samples", "equal", "judged", "agreed"), samples // 10),
        "noise": 0.0,
    }


def memory(sees: str | None) -> Object:
    """Return `memory` of the state document: after warm-up it stays, or it grows with every request."""
    growth = 64 * 1024 if sees == "Leaks" else 0
    samples = [[256 * place, 100 * MIB + growth * 256 * place] for place in range(32)]
    return {"bytes": samples[-1][1], "limitBytes": 4096 * MIB, "samples": samples}
