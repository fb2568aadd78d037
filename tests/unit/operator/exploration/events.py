"""What can happen to a small cluster while a model of it is served or rolled out."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from onnx_operator.decide.roles import plan
from tests.unit.operator.exploration.cluster import WRITES, SmallCluster, clients, kubelets
from tests.unit.operator.exploration.holds import checked
from tests.unit.operator.exploration.pod import SmallPod
from tests.unit.operator.situations import name_of, spec

Change = Callable[[SmallCluster], SmallCluster]

V1, V2, V3 = (name_of(spec(f"s3://m/{n}")) for n in (1, 2, 3))


@dataclass(frozen=True)
class Event:
    """Something that happens. ``fault``: a candidate may be taken back for it."""

    change: Change
    fault: bool = False


def look(cluster: SmallCluster, until: str = "scales") -> SmallCluster:
    """Let the operator look, and hold what it does against all that must hold."""
    return checked(cluster.looked_at(until)).after


def coming(cluster: SmallCluster) -> str | None:
    """Return the revision with pods that the entry does not lead to."""
    return next((name for name, there in cluster.pods if there and name != cluster.entry), None)


def first(
    cluster: SmallCluster, name: str | None, stage: str | None, change: Callable[[SmallPod], SmallPod]
) -> SmallCluster:
    """Change the first pod of a revision that is in a stage."""
    chosen = next((p for p in cluster.there(name) if stage in {None, p.stage}), None)
    return cluster.changed(name or "", lambda p: change(p) if p == chosen else p)


def dies(cluster: SmallCluster, name: str | None) -> SmallCluster:
    """One pod goes, and its controller makes another one."""
    born = cluster.born + 1
    made = first(cluster, name, None, lambda p: SmallPod(f"{name}-{born}"))
    return replace(made, born=born)


def restarts(cluster: SmallCluster, name: str | None) -> SmallCluster:
    """The kubelet kills the server of one pod and starts it anew: it has forgotten what it was told."""

    def anew(p: SmallPod) -> SmallPod:
        return SmallPod(p.uid, "unready", p.restarts + 1, content=p.content)

    return first(cluster, name, "ready", anew)


def staged(stage: str, of: str, name: Callable[[SmallCluster], str | None]) -> Change:
    """Return the change of the first pod ``of`` one stage to another one."""
    return lambda cluster: first(cluster, name(cluster), of, lambda p: replace(p, stage=stage))


def forgotten(cluster: SmallCluster) -> SmallCluster:
    """Somebody deletes the ControllerRevision of what comes; it is read back from its Deployment, without its facts."""
    name = coming(cluster)
    lost = tuple(
        replace(r, rollout=None, rejected=None, promoted_at=None) if r.name == name else r for r in cluster.revisions
    )
    return replace(cluster, revisions=lost)


def overwritten(cluster: SmallCluster) -> SmallCluster:
    """Somebody writes other bytes under the URIs of all versions."""
    return replace(cluster, content=tuple((name, "b") for name in (V1, V2, V3)))


def autoscaled(by: int) -> Change:
    """Return the change that the autoscaler makes to what serves, within the bounds that it has now."""

    def change(cluster: SmallCluster) -> SmallCluster:
        name = cluster.entry or ""
        planned = next((p for p in plan(cluster.observed()).revisions if p.revision.name == name), None)
        if planned is None or not planned.autoscaled:
            return cluster
        count = dict(cluster.replicas).get(name, 0) + by
        return cluster.scaled(name, max(planned.least, min(count, planned.most)))

    return change


def asked(uri: str) -> Change:
    return lambda cluster: cluster.spec_with(model=spec(uri).model)


def sized(replicas: int) -> Change:
    """Return the change of ``minReplicas``."""
    return lambda c: c.spec_with(scaling=c.asked.scaling.model_copy(update={"minReplicas": replicas}))


def rerouted(cluster: SmallCluster) -> SmallCluster:
    """Somebody else is to split from now on, or our pods again."""
    other = {"InServer": "External", "External": "InServer"}[cluster.asked.routing.provider]
    return cluster.spec_with(routing=spec(routing={"provider": other}).routing)


def annotated(action: str, revision: str) -> Change:
    return lambda cluster: replace(cluster, action=f"{action}@{revision}#1")


def entry(cluster: SmallCluster) -> str | None:
    return cluster.entry


def killed_after(write: str) -> Event:
    """Return the event that the operator looks, and is killed after this write."""
    return Event(lambda cluster: look(cluster, write))


KILLS = {f"killed after {write}": killed_after(write) for write in WRITES[:-1]}

EVENTS: dict[str, Event] = {
    "a look": Event(look),
    **KILLS,
    "pods come up": Event(kubelets),
    "3 seconds": Event(lambda c: c.later(3)),
    "12 seconds": Event(lambda c: c.later(12), fault=True),
    "a candidate cannot start": Event(staged("bad", "new", coming), fault=True),
    "a candidate restarts": Event(
        lambda c: first(c, coming(c), "ready", lambda p: replace(p, restarts=p.restarts + 1)), fault=True
    ),
    "a candidate is not ready": Event(staged("unready", "ready", coming), fault=True),
    "a candidate's pod dies": Event(lambda c: dies(c, coming(c))),
    "a stable pod dies": Event(lambda c: dies(c, c.entry)),
    "a stable pod restarts": Event(lambda c: restarts(c, c.entry)),
    "a stable pod is not ready": Event(staged("unready", "ready", entry)),
    "clients ask": Event(clients),
    "requests fail": Event(lambda c: clients(c, failed=200), fault=True),
    "outputs are wrong": Event(lambda c: clients(c, wrong=900), fault=True),
    "pods are deaf": Event(lambda c: replace(c, mute=True), fault=True),
    "the entry is refused": Event(lambda c: replace(c, entry_stays=True)),
    "no room": Event(lambda c: replace(c, room=max(2, c.room - c.free))),
    "the bytes are overwritten": Event(overwritten, fault=True),
    "the facts are lost": Event(forgotten),
    "the spec goes back": Event(asked("s3://m/1")),
    "the second version": Event(asked("s3://m/2")),
    "a third version": Event(asked("s3://m/3")),
    "one replica": Event(sized(1)),
    "three replicas": Event(sized(3)),
    "the autoscaler adds one": Event(autoscaled(1)),
    "the autoscaler takes one": Event(autoscaled(-1)),
    "suspended": Event(lambda c: c.spec_with(state="Suspended")),
    "unmanaged": Event(lambda c: c.spec_with(state="Unmanaged")),
    "active": Event(lambda c: c.spec_with(state="Active")),
    "the provider changes": Event(rerouted),
    "abort": Event(annotated("abort", V2), fault=True),
    "pause": Event(annotated("pause", V2)),
    "resume": Event(annotated("resume", V2)),
    "promote": Event(annotated("promote", V2)),
    "promote the third": Event(annotated("promote", V3)),
    "retry": Event(annotated("retry", V2)),
    "rollback": Event(annotated("rollback", V1), fault=True),
}

# What comes between any two others is tried in shorter sequences: what people and the machine do seldom.
SELDOM = {
    *KILLS.keys() - {"killed after facts", "killed after orders"},
    "a candidate is not ready", "a stable pod restarts", "a stable pod is not ready", "the entry is refused",
    "the bytes are overwritten", "one replica", "three replicas", "the autoscaler adds one",
    "the autoscaler takes one", "suspended", "unmanaged", "active", "promote the third",
}  # fmt: skip
OFTEN = {name: event for name, event in EVENTS.items() if name not in SELDOM}
