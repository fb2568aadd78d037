"""Tries everything that can happen, in every order, and lets everybody do their work from each cluster that comes.

What leads to the same cluster is tried once.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from onnx_operator.decide.plan import Plan
from onnx_operator.decide.roles import asks, plan
from onnx_operator.desired.manifests import manifests
from onnx_operator.names import ANNOTATION_FROZEN, live_config_name
from tests.unit.operator.exploration.cluster import PLENTY, Look, SmallCluster, clients, kubelets
from tests.unit.operator.exploration.events import EVENTS, Event
from tests.unit.operator.exploration.holds import checked
from tests.unit.operator.situations import digest

Object = dict[str, Any]

# A look may see what the one before it did (a pod has applied its order), and go on: from lost facts to a step's time
# in four looks. Then there is nothing to do.
STANDSTILL = 6


class Exploration:
    """Tries everything. ``seen`` are the clusters that were, with what may be said against the candidate in them.

    ``room`` is for how many pods there is room in the end; by some strategies it ends well even where that is little.
    ``served`` are the objects that each spec is served from, once
    it is at rest.
    """

    def __init__(self, room: int = PLENTY) -> None:
        self.room = room
        self.seen: dict[tuple[str, bool, int], int] = {}
        self.ended: set[tuple[str, bool]] = set()
        self.served: dict[tuple[str, str, str | None], str] = {}
        self.looks = 0

    def explore(
        self,
        cluster: SmallCluster,
        depth: int,
        events: Mapping[str, Event] = EVENTS,
        told: tuple[str, ...] = (),
        fault: bool = False,
    ) -> None:
        """Try all events that follow a cluster, to a depth; ``told`` are those that led to it.

        Raises:
            AssertionError: something does not hold; it says after which events.
        """
        key = (cluster.key(), fault, len(events))
        if self.seen.get(key, -1) >= depth:
            return
        self.seen[key] = depth
        try:
            self.end(cluster, fault)
        except AssertionError as error:
            raise AssertionError(f"after {', '.join(told)}: {error}") from error
        if depth:
            for name, event in events.items():
                try:
                    after = event.change(cluster)
                except AssertionError as error:
                    raise AssertionError(f"after {', '.join((*told, name))}: {error}") from error
                self.explore(after, depth - 1, events, (*told, name), fault or event.fault)

    def end(self, cluster: SmallCluster, fault: bool) -> None:
        """Everybody does their work: it comes to rest, in the right end."""
        if (cluster.key(), fault) in self.ended:
            return
        self.stands(cluster)
        deaf, path = cluster.mute, []
        cluster = self.mended(cluster)
        for count in range(150):
            key = (cluster.key(), fault)
            if key in self.ended:
                break
            path.append(key)
            look = self.look(cluster)
            cluster, made = look.after, look.made
            up = all(p.stage == "ready" for _, there in cluster.pods for p in there)
            if up and made.again is None and made == plan(cluster.observed()):
                self.rests(look, fault, deaf)
                break
            if made.rollout and made.rollout.phase == "Paused":
                cluster = replace(cluster, action=f"resume@{made.candidate}#{count}")
            if any(r.rollout and r.rollout.stayed_small for r in cluster.revisions):
                cluster = replace(cluster, room=PLENTY)  # a place was lent in vain: more room is all that helps
            cluster = clients(kubelets(cluster).later(5))
        else:
            raise AssertionError("it does not come to rest")
        self.ended.update(path)

    def look(self, cluster: SmallCluster) -> Look:
        self.looks += 1
        return checked(cluster.looked_at())

    def stands(self, cluster: SmallCluster) -> None:
        """3: looks with nothing in between have soon nothing left to write; a suspended model has no pods then."""
        for _ in range(STANDSTILL):
            look = self.look(cluster)
            if look.after == cluster:
                break
            cluster = look.after
        else:
            raise AssertionError("3: it is written again and again, though nothing happens")
        if cluster.asked.state == "Suspended" and not cluster.entry_stays:
            left = [p.stage for _, there in cluster.pods for p in there]
            assert set(left) <= {"going"}, f"it is suspended, and has pods: {left}"

    def mended(self, cluster: SmallCluster) -> SmallCluster:
        """Return the cluster after what only people can mend: its bucket, its network, its room, its state."""
        # What a revision is pinned to, or will be, is in the bucket again.
        pinned = {r.name for r in cluster.revisions if r.digest == digest("b")}
        unpinned = {r.name for r in cluster.revisions if r.digest is None}
        fetched = {name for name in unpinned if any(p.content == "b" for p in cluster.there(name))}
        content = tuple((name, "b") for name in sorted(pinned | fetched))
        scaling = cluster.asked.scaling
        least = min(self.room, scaling.minReplicas)
        cluster = cluster.spec_with(scaling=scaling.model_copy(update={"minReplicas": least}))
        mended = replace(cluster, mute=False, room=self.room, entry_stays=False, content=content)
        return kubelets(_fetched_again(mended.spec_with(state="Active")))

    def rests(self, look: Look, fault: bool, deaf: bool) -> None:
        cluster, made = look.after, look.made
        wanted = made.planned(made.wanted).revision
        assert made.stable == made.wanted or wanted.rejected, "it is neither there nor taken back"
        may_give_up = cluster.asked.rollout.analysis.whenInconclusive == "Abort"
        gave_up = may_give_up and wanted.rejected is not None and wanted.rejected.reason == "Inconclusive"
        assert fault or gave_up or not wanted.rejected, f"taken back without a reason: {wanted.rejected}"
        assert cluster.entry == made.stable
        size = cluster.asked.scaling.minReplicas
        if cluster.asked.scaling.automatic:
            size = made.planned(made.stable or "").replicas
        there = {name: [p.stage for p in pods] for name, pods in cluster.pods if pods}
        assert there == {made.stable: ["ready"] * size}, f"others have pods left, or it has not all: {there}"
        assert self.look(cluster).after == cluster, "3: at rest, and it writes"
        assert asks(cluster.observed()) == frozenset()
        assert made.orders == {}
        for small in cluster.there(made.stable):
            # Who could not be told finds out by itself: nobody answers it there.
            heard = not (deaf or small.missed)
            assert not (heard and small.told and small.told.weight), "it forwards to what is gone"
        for planned in made.revisions:
            facts = planned.revision.rollout
            assert planned.revision.name == made.stable or facts is None or facts.over
        self.serves_from_the_same(look, made)

    def serves_from_the_same(self, look: Look, made: Plan) -> None:
        """4, 6: what is promoted is served from the same objects, whatever its history; the model is none of ours."""
        objects = list(manifests(look.seen, made))
        assert not any(m["kind"] == "ONNXModel" for m in objects), "6: the model itself is written"
        names = {look.seen.name, made.serving, live_config_name(made.serving)}
        serving = [m for m in objects if m["metadata"]["name"] in names and m["kind"] != "ControllerRevision"]
        for manifest in serving:
            # It tells the revision's number, too: how many there were before.
            manifest["metadata"].get("annotations", {}).pop(ANNOTATION_FROZEN, None)
        said = json.dumps(serving, sort_keys=True)
        what = (look.after.asked.model_dump_json(), made.serving, made.planned(made.serving).revision.digest)
        before = self.served.setdefault(what, said)
        assert before == said, f"4: {made.serving} is served from other objects than after another history"


def _fetched_again(cluster: SmallCluster) -> SmallCluster:
    """Return the cluster after the kubelets try once more what pods of the stable revision could not fetch."""
    stable = plan(cluster.observed()).stable
    pods = tuple(
        (name, tuple(replace(p, stage="new") if name == stable and p.stage == "bad" else p for p in there))
        for name, there in cluster.pods
    )
    return replace(cluster, pods=pods)
