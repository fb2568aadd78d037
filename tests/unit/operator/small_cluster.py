"""A cluster small enough to try all that can happen in it: revisions, their pods, and what each pod was told.

Pure: an event makes another cluster of one. The operator's part is ``plan``; what it decides is carried out here in the
order in which the real one does it, as far as it gets before it is killed.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from onnx_operator import names
from onnx_operator.api.spec import Spec
from onnx_operator.decide.invariants import violations
from onnx_operator.decide.plan import Plan
from onnx_operator.decide.roles import asks, plan
from onnx_operator.decide.times import seconds_since
from onnx_operator.evidence import Evidence, Output
from onnx_operator.observed import Observed, Revision
from onnx_operator.rollout import Arm, Copies, RolloutFacts, SplitOrder, SplitState
from tests.unit.operator.situations import (
    DEFAULTS,
    NOW,
    SIGNATURE,
    UID,
    container,
    failed,
    fetched,
    pod,
    spec,
    terminated,
)

Object = dict[str, Any]


@dataclass(frozen=True)
class SmallPod:
    """A pod. ``stage`` is new, ready, unready, bad (it cannot fetch its model) or pending (no node takes it).

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

    def shown(self) -> Object:
        if self.stage == "pending":
            condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "no GPU."}
            return pod(self.uid, conditions=(condition,))
        if self.stage == "bad":
            return pod(self.uid, init=(container("fetch", failed("ModelNotFound")),))
        if self.stage == "new":
            return pod(self.uid)
        ready = self.stage == "ready"
        last = terminated(139) if self.restarts else None
        server = container("server", {"running": {}}, ready=ready, restarts=self.restarts, last=last)
        conditions = ({"type": "Ready", "status": "True"},) if ready else ()
        return pod(self.uid, init=(fetched(),), containers=(server,), conditions=conditions)

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
        made = replace(self, told=order, requests=self.requests if same else 0, errors=self.errors if same else 0)
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
            f"uid-{self.uid}", "boot", told.generation, told.revision, told.weight,
            told.weight if told.candidates else 0, told.hand_over, told.candidates, "", 0,
            Arm(1000, 0), Arm(self.requests, self.errors, self.requests - self.errors, {"serverError": self.errors}),
            shadow=shadow, evidence=self.evidence(),
        )  # fmt: skip


@dataclass(frozen=True)
class SmallCluster:
    """Everything there is. ``mute``: pods neither answer nor hear the operator; ``full``: there is room for two."""

    asked: Spec
    revisions: tuple[Revision, ...] = ()
    replicas: tuple[tuple[str, int], ...] = ()
    pods: tuple[tuple[str, tuple[SmallPod, ...]], ...] = ()
    entry: str | None = None
    now: datetime = NOW
    action: str | None = None
    mute: bool = False
    full: bool = False
    born: int = 0
    signatures: tuple[tuple[str, Any], ...] = field(default=(), compare=False)

    def observed(self) -> Observed:
        owned: dict[tuple[str, str], Object] = {
            ("Deployment", name): {"spec": {"replicas": count}, "status": {}, "metadata": {"name": name}}
            for name, count in self.replicas
        }
        if self.entry:
            selector = names.revision_selector("digits", self.entry)
            owned["Service", "digits"] = {"spec": {"selector": selector}, "metadata": {"name": "digits"}}
        pods = {name: tuple(p.shown() for p in there) for name, there in self.pods}
        known = dict(self.signatures)
        says = {name: known.get(name, SIGNATURE) for name, there in self.pods if any(p.stage == "ready" for p in there)}
        reported = {name: {"signature": signature} for name, signature in says.items() if signature}
        seen = Observed(
            namespace="team", name="digits", uid=UID, generation=1, spec=self.asked, status={}, now=self.now,
            defaults=DEFAULTS, operator_keys="{}", action=self.action, revisions=self.revisions, owned=owned,
            pods=pods, reported=reported,
        )  # fmt: skip
        asked = asks(seen)
        splits = {
            f"uid-{p.uid}": None if self.mute else p.split()
            for name, there in self.pods if name in asked for p in there if p.stage == "ready"
        }  # fmt: skip
        return replace(seen, splits=splits)

    def reconciled(self, until: str = "scales") -> tuple["SmallCluster", Plan]:
        """Let the operator look once; it is killed after ``facts`` or after ``orders``, or is not."""
        seen = self.observed()
        made = plan(seen)
        assert violations(seen, made) == []
        after = replace(self, revisions=tuple(planned.revision for planned in made.revisions))
        if until == "facts":
            return after, made
        after = replace(after, entry=made.serving)
        if not self.mute:
            for name, order in made.orders.items():
                after = after.changed(name, lambda p, order=order: p.told_of(order) if p.stage == "ready" else p)
        if until == "orders":
            return after, made
        for planned in made.revisions:
            after = after.scaled(planned.revision.name, planned.replicas)
        return after, made

    def there(self, name: str) -> tuple[SmallPod, ...]:
        return dict(self.pods).get(name, ())

    def changed(self, name: str, change: Callable[..., SmallPod]) -> "SmallCluster":
        made = tuple((of, tuple(change(p) for p in there) if of == name else there) for of, there in self.pods)
        return replace(self, pods=made)

    def scaled(self, name: str, count: int) -> "SmallCluster":
        there, born = self.there(name), self.born
        if name not in dict(self.replicas) and count == 0:
            return self
        for _ in range(count - len(there)):
            born += 1
            there = (*there, SmallPod(f"{name}-{born}", "pending" if self.full else "new"))
        # The controller takes those first that are not ready.
        there = tuple(sorted(there, key=lambda p: p.stage != "ready"))[:count]
        replicas = {**dict(self.replicas), name: count}
        pods = {**dict(self.pods), name: there}
        return replace(self, replicas=tuple(replicas.items()), pods=tuple(pods.items()), born=born)

    def later(self, seconds: float) -> "SmallCluster":
        return replace(self, now=self.now + timedelta(seconds=seconds))

    def key(self) -> str:
        """Return what makes two clusters the same: times and generations count by distance, numbers of pods not."""
        numbers = sorted(
            {p.told.generation for _, there in self.pods for p in there if p.told}
            | {r.rollout.generation for r in self.revisions if r.rollout}
        )
        facts = [
            (
                r.name,
                r.promoted_at,
                bool(r.digest),
                r.rejected and r.rejected.reason,
                self._relative(r.rollout, numbers),
            )
            for r in self.revisions
        ]
        pods = [
            (name, [(p.stage, p.restarts, self._counts(p), self._told(p, numbers)) for p in there])
            for name, there in self.pods
        ]
        rest = (
            self.asked.model.uri,
            self.asked.routing.provider,
            self.replicas,
            self.entry,
            self.action,
            self.mute,
            self.full,
        )
        return repr((facts, pods, rest))

    @staticmethod
    def _counts(small: SmallPod) -> tuple[object, ...]:
        """Return what it has counted, as far as that can make a difference."""
        asked = min(small.seen, 1000), min(small.copies, 1000)
        return (*asked, min(small.requests, 1000), bool(small.errors), bool(small.failed), bool(small.wrong))

    def _relative(self, facts: RolloutFacts | None, numbers: list[int]) -> Object | None:
        if facts is None:
            return None
        made = facts.to_json()
        del made["rollout"]
        for name, value in made.items():
            if name.endswith(("_at", "_since")) and value:
                made[name] = min(int(seconds_since(value, self.now)), 100)
        return made | {"generation": numbers.index(facts.generation)}

    def _told(self, small: SmallPod, numbers: list[int]) -> Object | None:
        told = small.told
        if told is None:
            return None
        current = all(
            any(a.pod_uid == f"uid-{p.uid}" for p in self.there(told.revision or "")) for a in told.candidates
        )
        shadow, course = told.shadow and told.shadow.percent, self._is_current(told)
        order = (numbers.index(told.generation), told.revision, told.weight, told.hand_over, shadow, course)
        return {"order": order, "candidates": len(told.candidates), "current": current}

    def _is_current(self, told: SplitOrder) -> bool:
        """Return whether an order is of the rollout that its revision is in now."""
        return any(
            r.name == told.revision and r.rollout and r.rollout.started_at == told.course for r in self.revisions
        )


def serving(size: int, rollout: Object, uri: str = "s3://m/1") -> SmallCluster:
    """Return a cluster in which a first revision serves."""
    cluster = SmallCluster(spec(uri, size, rollout=rollout))
    for _ in range(4):
        cluster, _ = cluster.reconciled()
        cluster = kubelets(cluster)
    return cluster


def clients(cluster: SmallCluster, failed: int = 0, wrong: int = 0) -> SmallCluster:
    """Every pod behind the entry gets 1,000 requests; of those that the candidate sees, some fail or are wrong."""
    return cluster.changed(cluster.entry or "", lambda p: p.asked(1000, failed, wrong) if p.stage == "ready" else p)


def kubelets(cluster: SmallCluster) -> SmallCluster:
    """Every pod that can comes up."""
    room = 2 - sum(p.stage != "pending" for _, there in cluster.pods for p in there) if cluster.full else 100
    for name, there in cluster.pods:
        waiting = [p.uid for p in there if p.stage == "pending"][: max(0, room)]
        room -= len(waiting)

        def up(p: SmallPod, waiting: list[str] = waiting) -> SmallPod:
            return replace(p, stage="ready") if p.stage in {"new", "unready"} or p.uid in waiting else p

        cluster = cluster.changed(name, up)
    return cluster
