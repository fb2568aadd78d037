"""Tries everything that can happen, in every order, and lets everybody do their work from each cluster that comes of it.

What leads to the same cluster is tried once.
"""

import json
from dataclasses import replace
from typing import Any

from onnx_operator.decide.plan import Plan
from onnx_operator.decide.roles import asks, plan
from onnx_operator.desired.manifests import manifests
from onnx_operator.names import live_config_name
from tests.unit.operator.exploration.cluster import Look, SmallCluster, clients, kubelets
from tests.unit.operator.exploration.events import EVENTS
from tests.unit.operator.exploration.holds import checked
from tests.unit.operator.situations import digest

Object = dict[str, Any]

# A look may see what the one before it did (a pod has applied its order), and go on; then there is nothing to do.
STANDSTILL = 4


class Exploration:
    """Tries everything. ``seen`` are the clusters that were, with what may be said against the candidate in them.

    ``makes_room``: it ends well even in a full cluster. ``served`` are the objects that each spec is served from, once
    it is at rest.
    """

    def __init__(self, makes_room: bool = False) -> None:
        self.makes_room = makes_room
        self.seen: dict[tuple[str, bool], int] = {}
        self.ended: set[tuple[str, bool]] = set()
        self.served: dict[tuple[str, str, str | None], str] = {}
        self.looks = 0

    def explore(self, cluster: SmallCluster, depth: int, told: tuple[str, ...] = (), fault: bool = False) -> None:
        """Try all events that follow a cluster, to a depth; ``told`` are those that led to it.

        Raises:
            AssertionError: something does not hold; it says after which events.
        """
        key = (cluster.key(), fault)
        if self.seen.get(key, -1) >= depth:
            return
        self.seen[key] = depth
        try:
            self.end(cluster, fault)
        except AssertionError as error:
            raise AssertionError(f"after {', '.join(told)}: {error}") from error
        if depth:
            for name, event in EVENTS.items():
                try:
                    after = event.change(cluster)
                except AssertionError as error:
                    raise AssertionError(f"after {', '.join((*told, name))}: {error}") from error
                self.explore(after, depth - 1, (*told, name), fault or event.fault)

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
            assert not any(there for _, there in cluster.pods), "it is suspended, and has pods"

    def mended(self, cluster: SmallCluster) -> SmallCluster:
        """Return the cluster after what only people can mend: its bucket, its network, its room, its state."""
        pinned = {r.name: r.digest for r in cluster.revisions if r.digest}
        content = tuple(sorted((name, letter) for name in pinned for letter in "b" if digest(letter) == pinned[name]))
        full = cluster.full and self.makes_room
        mended = replace(cluster, mute=False, full=full, entry_stays=False, content=content)
        return kubelets(mended.spec_with(state="Active"))

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
        assert look.after == look.before, "3: at rest, and it writes"
        assert asks(cluster.observed()) == frozenset()
        assert made.orders == {}
        for small in cluster.there(made.stable):
            assert deaf or not (small.told and small.told.weight), "it forwards to what is gone"
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
        said = json.dumps(serving, sort_keys=True)
        what = (look.after.asked.model_dump_json(), made.serving, made.planned(made.serving).revision.digest)
        before = self.served.setdefault(what, said)
        assert before == said, f"4: {made.serving} is served from other objects than after another history"
