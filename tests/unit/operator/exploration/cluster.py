"""A cluster small enough to try all that can happen in it: revisions, their pods, and what each pod was told.

Pure: an event makes another cluster of one. The operator's part is ``plan``; what it decides is carried out here in the
order in which the real one writes it, as far as it gets before it is killed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from onnx_operator import names
from onnx_operator.api.spec import Spec
from onnx_operator.decide.invariants import violations
from onnx_operator.decide.plan import Plan, Planned
from onnx_operator.decide.roles import asks, holds_entry, plan
from onnx_operator.decide.times import seconds_since
from onnx_operator.observed import Observed, Revision
from onnx_operator.rollout import RolloutFacts, SplitOrder
from tests.unit.operator.exploration.pod import SmallPod
from tests.unit.operator.situations import DEFAULTS, NOW, SIGNATURE, UID, digest, spec

Object = dict[str, Any]

PLENTY = 100
"""Room for all pods that anybody may ask for."""

# After these writes the operator may be killed, in the order in which it makes them.
WRITES = ("one fact", "facts", "entry", "one order", "orders", "one scale", "scales")


@dataclass(frozen=True)
class Look:
    """One look of the operator: the cluster before it, what it saw and planned, and the cluster as it left it."""

    before: "SmallCluster"
    seen: Observed
    made: Plan
    after: "SmallCluster"


@dataclass(frozen=True)
class SmallCluster:
    """Everything there is.

    ``mute``: pods neither answer nor hear the operator; ``room``: for so many pods; ``entry_stays``: the API
    server refuses to switch the entry. ``content`` says which bytes are in the bucket under a revision's URI, where
    these are not those of the beginning; ``left`` when the entry left a revision whose pods still run.
    """

    asked: Spec
    revisions: tuple[Revision, ...] = ()
    replicas: tuple[tuple[str, int], ...] = ()
    pods: tuple[tuple[str, tuple[SmallPod, ...]], ...] = ()
    entry: str | None = None
    now: datetime = NOW
    action: str | None = None
    mute: bool = False
    room: int = PLENTY
    entry_stays: bool = False
    content: tuple[tuple[str, str], ...] = ()
    left: tuple[tuple[str, datetime], ...] = ()
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

    def looked_at(self, until: str = "scales") -> Look:
        """Let the operator look once; it is killed right after these writes (``WRITES``), the last ones or before."""
        seen = self.observed()
        made = plan(seen)
        assert violations(seen, made) == []
        if self.asked.state == "Unmanaged":
            return Look(self, seen, made, self)
        after, allowed = self, WRITES.index(until)
        held = holds_entry(seen, made)
        stays = held or (self.entry_stays and self.entry is not None and self.entry != made.serving)
        for write in WRITES[: allowed + 1]:
            match write:
                case "one fact":
                    after = after.recorded(made.serving_first()[:1])
                case "facts":
                    after = after.recorded(made.revisions)
                case "entry" if not stays:
                    after = after.led_to(made.serving)
                case "one order" | "orders" if not self.mute:
                    due = {n: o for n, o in made.orders.items() if after.entry == made.serving or not o.hand_over}
                    after = after.told(due, only_one=write == "one order")
                case "one scale" | "scales":
                    after = after.sized(made, stays, only_one=write == "one scale")
        return Look(self, seen, made, after)

    def reconciled(self, until: str = "scales") -> tuple["SmallCluster", Plan]:
        look = self.looked_at(until)
        return look.after, look.made

    def recorded(self, planned: tuple[Planned, ...]) -> "SmallCluster":
        """Write the facts of revisions; what is not planned any more is still there."""
        news = {p.revision.name: p.revision for p in planned}
        kept = [news.pop(r.name, r) for r in self.revisions]
        made = sorted((*news.values(), *kept), key=lambda revision: revision.number, reverse=True)
        return replace(self, revisions=tuple(made))

    def led_to(self, name: str) -> "SmallCluster":
        """Switch the entry, and remember since when it does not lead to what it led to before."""
        if name == self.entry:
            return self
        left = {of: at for of, at in self.left if of != name}
        if self.entry:
            left[self.entry] = self.now
        return replace(self, entry=name, left=tuple(left.items()))

    def told(self, orders: Mapping[str, SplitOrder], only_one: bool) -> "SmallCluster":
        """Give the orders to the ready pods of their revisions, or to one pod in all."""
        made = self
        for name, order in orders.items():
            for small in made.there(name):
                if small.stage != "ready":
                    made = made.changed(name, lambda p, of=small: replace(p, missed=True) if p.uid == of.uid else p)
                    continue
                made = made.changed(name, lambda p, of=small, to=order: p.told_of(to) if p.uid == of.uid else p)
                if only_one:
                    return made
        return made

    def sized(self, made: Plan, stays: bool, only_one: bool) -> "SmallCluster":
        """Scale, first up and then down, and drop what is beyond the history; or carry out the first change only."""
        after = self
        for planned in sorted(made.revisions, key=lambda planned: planned.replicas, reverse=True):
            if planned.role in {"Retired", "Rejected"} and stays:
                continue
            after = after.scaled(planned.revision.name, planned.replicas)
            if only_one and after != self:
                return after
        return after if stays or only_one else after.without(made.discarded)

    def without(self, discarded: tuple[str, ...]) -> "SmallCluster":
        """Delete revisions, with all that is theirs."""
        return replace(
            self,
            revisions=tuple(r for r in self.revisions if r.name not in discarded),
            replicas=tuple((name, count) for name, count in self.replicas if name not in discarded),
            pods=tuple((name, there) for name, there in self.pods if name not in discarded),
            left=tuple((name, at) for name, at in self.left if name not in discarded),
        )

    def there(self, name: str | None) -> tuple[SmallPod, ...]:
        return dict(self.pods).get(name or "", ())

    @property
    def free(self) -> int:
        """For how many more pods there is room."""
        return self.room - sum(p.stage != "pending" for _, there in self.pods for p in there)

    def ready(self, name: str | None) -> int:
        return sum(p.stage == "ready" for p in self.there(name))

    def changed(self, name: str, change: Callable[..., SmallPod]) -> "SmallCluster":
        made = tuple((of, tuple(change(p) for p in there) if of == name else there) for of, there in self.pods)
        return replace(self, pods=made)

    def scaled(self, name: str, count: int) -> "SmallCluster":
        going = tuple(p for p in self.there(name) if p.stage == "going")
        there, born, free = tuple(p for p in self.there(name) if p not in going), self.born, self.free
        if dict(self.replicas).get(name, 0) == count and len(there) == count:
            return self
        for _ in range(count - len(there)):
            born += 1
            there = (*there, SmallPod(f"{name}-{born}", "new" if free > 0 else "pending"))
            free -= 1
        # The controller takes those first that are not ready; what no kubelet knows is gone at once.
        there = tuple(sorted(there, key=lambda p: p.stage != "ready"))
        going += tuple(replace(p, stage="going") for p in there[count:] if p.stage != "pending")
        replicas = {**dict(self.replicas), name: count}
        pods = {**dict(self.pods), name: there[:count] + going}
        return replace(self, replicas=tuple(replicas.items()), pods=tuple(pods.items()), born=born)

    def later(self, seconds: float) -> "SmallCluster":
        return replace(self, now=self.now + timedelta(seconds=seconds))

    def spec_with(self, **changes: Any) -> "SmallCluster":
        """Change fields of the spec."""
        return replace(self, asked=self.asked.model_copy(update=changes))

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
                r.digest,
                r.rejected and (r.rejected.reason, r.rejected.back_to),
                self._relative(r.rollout, numbers),
            )
            for r in self.revisions
        ]
        pods = [
            (name, [(p.stage, p.content, p.missed, p.restarts, self._counts(p), self._told(p, numbers)) for p in there])
            for name, there in self.pods
        ]
        asked = self.asked
        rest = (
            (asked.state, asked.model.uri, asked.routing.provider, asked.scaling.minReplicas),
            self.replicas,
            self.entry,
            self.action,
            (self.mute, self.room, self.entry_stays),
            self.content,
            [(name, min((self.now - at).total_seconds(), 100)) for name, at in self.left],
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
        current = all(any(a.pod_uid == f"uid-{p.uid}" for p in self.there(told.revision)) for a in told.candidates)
        shadow, course = told.shadow and told.shadow.percent, self._is_current(told)
        order = (numbers.index(told.generation), told.revision, told.weight, told.hand_over, shadow, course)
        return {"order": order, "candidates": len(told.candidates), "current": current}

    def _is_current(self, told: SplitOrder) -> bool:
        """Return whether an order is of the rollout that its revision is in now."""
        return any(
            r.name == told.revision and r.rollout and r.rollout.started_at == told.course for r in self.revisions
        )


def serving(size: int, rollout: Object, uri: str = "s3://m/1", **more: Any) -> SmallCluster:
    """Return a cluster in which a first revision serves."""
    cluster = SmallCluster(spec(uri, size, rollout=rollout, **more))
    for _ in range(4):
        cluster, _ = cluster.reconciled()
        cluster = kubelets(cluster)
    return cluster


def clients(cluster: SmallCluster, failed: int = 0, wrong: int = 0) -> SmallCluster:
    """Every pod behind the entry gets 1,000 requests; of those that the candidate sees, some fail or are wrong."""
    return cluster.changed(cluster.entry or "", lambda p: p.asked(1000, failed, wrong) if p.stage == "ready" else p)


def kubelets(cluster: SmallCluster) -> SmallCluster:
    """Every pod that can comes up, and what is going goes.

    A pod fetches what is in the bucket, if that is what its revision is pinned to.
    """
    left = tuple((name, tuple(p for p in there if p.stage != "going")) for name, there in cluster.pods)
    cluster = replace(cluster, pods=left)
    free = cluster.free
    for name, there in cluster.pods:
        waiting = [p.uid for p in there if p.stage == "pending"][: max(0, free)]
        free -= len(waiting)
        content = dict(cluster.content).get(name, "a")
        pinned = next((r.digest for r in cluster.revisions if r.name == name), None)
        fetches = pinned in {None, digest(content)}

        def up(p: SmallPod, waiting: list[str] = waiting, content: str = content, fetches: bool = fetches) -> SmallPod:
            if p.stage == "unready":
                return replace(p, stage="ready")
            if p.stage in {"new", "changed"} or p.uid in waiting:
                return replace(p, stage="ready", content=content) if fetches else replace(p, stage="changed")
            return p

        cluster = cluster.changed(name, up)
    return cluster
