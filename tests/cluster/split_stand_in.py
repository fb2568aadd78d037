"""What a pod that has no server says and takes of its split, in the words of docs/contract.md. Pure.

Generations count as they do in the server. What the pod would have counted is said by its annotations; without any it
is as if there were plenty of traffic, and nothing to say against the candidate.
"""

import json
import time
from dataclasses import dataclass, field
from typing import Any, Final

from .evidence_stand_in import Seen, memory

ARMS: Final = "test.onnx-operator.dev/arms"
"""The pod annotation with the counters of a split with a weight, as JSON: `{"candidate": {"errors": 3}}`."""

BREAKER: Final = "test.onnx-operator.dev/breaker"
"""The pod annotation with the reason for which the breaker opens as soon as there is a weight."""

SPLIT: Final = "test.onnx-operator.dev/split"
"""The pod annotation that says how the pod is told: Deaf (answers, applies nothing), Mute (hangs up), Slow (by 5 s)."""

SEES: Final = "test.onnx-operator.dev/sees"
"""The pod annotation that says what evidence the pod has of the candidate, if not that of a good one.

Nothing (there is no traffic), Errors, Slow, Wrong, Moved (as a retrained model's), NaN or Stuck outputs; Old is a
server that knows neither of evidence nor of copies. Of a candidate's own pod Leaks says that its memory grows, and
Golden that it fails the model's own test data.
"""

NEEDED: Final = {"generation", "revision", "weight", "candidates"}
FIELDS_OF_OLD: Final = NEEDED | {"stickyBy", "previewHeader", "handOver"}
FIELDS: Final = FIELDS_OF_OLD | {"course", "shadow"}
KEPT: Final = 200

Object = dict[str, Any]


@dataclass
class Split:
    """The split of one server. `orders` are the bodies taken, newest last, each with when (seconds of the epoch)."""

    pod_uid: str
    boot_id: str
    order: Object = field(default_factory=lambda: {"generation": 0, "revision": None, "weight": 0, "candidates": []})
    orders: list[Object] = field(default_factory=list)
    failed_at: float | None = None
    seen: Seen = field(default_factory=Seen)

    def take(self, order: object, annotations: Object) -> tuple[int, Object]:
        """Take an order; return the HTTP status and the body of the answer."""
        fields = FIELDS_OF_OLD if annotations.get(SEES) == "Old" else FIELDS
        if not isinstance(order, dict) or not NEEDED <= order.keys() <= fields:
            return 400, {"error": f"fields are {sorted(NEEDED)}, and may be {sorted(fields)}"}
        if not isinstance(order["generation"], int) or order["generation"] < 1 or not 0 <= order["weight"] <= 100:
            return 400, {"error": "generation: at least 1; weight: 0 to 100"}
        if order["revision"] is None and (order["weight"] or order["candidates"] or order.get("shadow")):
            return 400, {"error": "weight, candidates and shadow need a revision"}
        if order["generation"] < self.order["generation"]:
            return 409, {**self.document(annotations), "error": f"generation {self.order['generation']} is applied"}
        if annotations.get(SPLIT) != "Deaf":
            self.order = order
            self.orders = [*self.orders[-KEPT:], {"at": time.time(), **order}]
            self.seen.order(order)
        return 200, self.document(annotations)

    def document(self, annotations: Object) -> Object:
        """Return the state document."""
        applied = self.order["weight"] if self.order["candidates"] else 0
        counted = json.loads(annotations.get(ARMS, "{}")) if applied else {}
        plenty = annotations.get(SEES) != "Nothing"
        usual = 10 * applied if plenty else 0
        candidate = {"requests": usual, "answered": usual, "errors": 0, **counted.get("candidate", {})}
        broken = annotations.get(BREAKER, "") if applied else ""
        if self.failed_at is None and (candidate["errors"] or broken):
            self.failed_at = time.time()
        kinds = dict.fromkeys(("refused", "reset", "serverError", "clientError", "late", "overloaded"), 0)
        said = {
            "podUid": self.pod_uid,
            "bootId": self.boot_id,
            **{name: self.order[name] for name in ("generation", "revision", "weight")},
            "appliedWeight": 0 if broken else applied,
            "handOver": self.order.get("handOver", False),
            "candidates": [
                {"port": 8000, **address, "inFlight": 0, "reachable": True} for address in self.order["candidates"]
            ],
            "breaker": {"open": bool(broken), "reason": broken},
            "openConnections": 0,
            "arms": {
                "stable": {"requests": 10 * (100 - applied) if usual else 0, "errors": 0, **counted.get("stable", {})},
                "candidate": {**candidate, "failures": {**kinds, "serverError": candidate["errors"]}},
            },
            "preview": {"requests": 0},
        }
        if annotations.get(SEES) == "Old":
            return said
        return {
            **said,
            **self.seen.describe(annotations.get(SEES, ""), counted),
            "memory": memory(annotations.get(SEES)),
        }
