"""A pod of the small cluster: how far it is, what it was told, and what it has counted."""

from dataclasses import dataclass, replace
from typing import Any

from onnx_operator.evidence import Evidence, Output
from onnx_operator.rollout import Arm, Copies, SplitOrder, SplitState
from tests.unit.operator.situations import container, failed, fetched, pod, terminated

Object = dict[str, Any]


@dataclass(frozen=True)
class SmallPod:
    """A pod, and how far it is.

    ``stage`` is made (the scheduler has said nothing yet), pending (no node takes it), new (a node has), ready,
    unready, bad (it cannot fetch its model), changed (what it fetched is not what its revision is pinned to) or going
    (it has its place still). ``content`` is what it fetched, "" before it did; ``missed`` whether it was not ready when
    it was to be told something.

    ``requests`` and ``errors`` are what it forwarded by its order; since the course began it has seen ``seen``
    requests answered by the candidate, of which ``failed`` with an error, and compared ``copies``, of which ``wrong``
    were.
    """

    uid: str
    stage: str = "new"
    restarts: int = 0
    told: SplitOrder | None = None
    requests: int = 0
    errors: int = 0
    seen: int = 0
    failed: int = 0
    copies: int = 0
    wrong: int = 0
    content: str = ""
    missed: bool = False

    def shown(self) -> Object:
        if self.stage == "pending":
            condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "no GPU."}
            return pod(self.uid, conditions=(condition,))
        if self.stage == "made":
            return pod(self.uid)
        taken = {"type": "PodScheduled", "status": "True"}
        if self.stage == "bad":
            return pod(self.uid, init=(container("fetch", failed("ModelNotFound")),), conditions=(taken,))
        if self.stage == "changed":
            return pod(self.uid, init=(container("fetch", failed("ContentChanged")),), conditions=(taken,))
        if self.stage == "new":
            return pod(self.uid, conditions=(taken,))
        if self.stage == "going":
            return pod(self.uid, deletionTimestamp="2026-11-01T12:00:00Z", conditions=(taken,))
        ready = self.stage == "ready"
        last = terminated(139) if self.restarts else None
        server = container("server", {"running": {}}, ready=ready, restarts=self.restarts, last=last)
        conditions = (taken, {"type": "Ready", "status": "True"}) if ready else (taken,)
        return pod(self.uid, init=(fetched(self.content or "a"),), containers=(server,), conditions=conditions)

    def told_of(self, order: SplitOrder) -> "SmallPod":
        """Return the pod after an order; it keeps to a later one that it knows, and counts anew by a new one."""
        before = self.told.generation if self.told else 0
        if order.generation < before:
            return self
        same = order.generation == before
        if same and self.told and order.revision:  # one that stops everything may be repeated
            said = (self.told.revision, self.told.weight, self.told.hand_over, self.told.shadow)
            wanted = (order.revision, order.weight, order.hand_over, order.shadow)
            assert said == wanted, "another order by the same generation"
        made = replace(
            self, told=order, missed=False, requests=self.requests if same else 0, errors=self.errors if same else 0
        )
        if self.told and (self.told.revision, self.told.course) == (order.revision, order.course):
            return made
        return replace(made, seen=0, failed=0, copies=0, wrong=0)

    def asked(self, requests: int, failed: int = 0, wrong: int = 0) -> "SmallPod":
        """Return the pod after requests: the candidate gets those, or copies of them, that the order says it gets."""
        told = self.told
        if told is None or not told.candidates or not (told.weight or told.shadow):
            return self
        forwarded = requests if told.weight else 0
        copied = requests if told.shadow else 0
        return replace(
            self, requests=self.requests + forwarded, errors=self.errors + (failed if told.weight else 0),
            seen=self.seen + requests, failed=self.failed + failed,
            copies=self.copies + copied, wrong=self.wrong + (wrong if told.shadow else 0),
        )  # fmt: skip

    def evidence(self) -> Evidence:
        course = self.told.course if self.told else ""
        right, of_it = self.copies - self.wrong, max(0, self.copies - 1)
        output = Output(
            "y", "FP32", "scores", samples=self.copies, agreed=right, equal=right, changed=of_it, top1=right
        )
        pairs = {97: self.seen} if self.seen else {}
        return Evidence(
            course, 10 * self.seen, 0, self.seen, self.failed, copies=self.copies, compute=pairs, work=pairs,
            outputs=(output,) if self.copies else (),
        )  # fmt: skip

    def split(self) -> SplitState:
        told = self.told or SplitOrder(0, None, 0)
        shadow = Copies(told.shadow.percent, compared=self.copies) if told.shadow else None
        return SplitState(
            f"uid-{self.uid}", f"boot-{self.restarts}", told.generation, told.revision, told.weight,
            told.weight if told.candidates else 0, told.hand_over, told.candidates, "", 0,
            Arm(1000, 0), Arm(self.requests, self.errors, self.requests - self.errors, {"serverError": self.errors}),
            shadow=shadow, evidence=self.evidence(),
        )  # fmt: skip
