"""All that can happen to a rollout, in every order, to a bounded depth: what must hold does, and it ends as it should.

Each situation of a rollout is a beginning. From there every sequence of events is tried; what leads to the same cluster
is tried once. From every cluster that comes of it, once everybody does their work, the end must be the right one.
``exploration.holds`` says what must hold of each look, ``exploration.search`` what must be at rest.
"""

import functools
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from onnx_operator.decide.roles import plan
from tests.unit.operator.exploration.cluster import PLENTY, SmallCluster, clients, kubelets, serving
from tests.unit.operator.exploration.events import EVENTS, OFTEN, V1, V2, V3, annotated, asked, look
from tests.unit.operator.exploration.holds import checked
from tests.unit.operator.exploration.search import Exploration

Object = dict[str, Any]

CANARY: Object = {"steps": [{"weight": 25}, {"pause": {}}], "stepSeconds": 10, "scaleDownDelaySeconds": 20}

# So many events after one another are tried, in every order: of those that happen often, and of all.
DEPTH, DEPTH_OF_ALL = 3, 2


@functools.cache
def beginnings() -> dict[str, SmallCluster]:
    """Return the cluster as it is when each phase of a rollout has just begun, and within it."""
    cluster = asked("s3://m/2")(serving(2, CANARY))
    found: dict[str, SmallCluster] = {"asked": cluster}
    for _ in range(40):
        seen = checked(cluster.looked_at())
        cluster, made = seen.after, seen.made
        state = made.rollout
        name = (
            f"{state.phase} {state.progress} {state.weight}" if state else ("preflight" if made.candidate else "rest")
        )
        found.setdefault(name, cluster)
        found.setdefault("preflight", cluster)
        cluster = clients(kubelets(cluster).later(3))
        found.setdefault(f"{name}, later", cluster)
        if state and state.phase == "Paused":
            cluster = annotated("resume", V2)(cluster)
    broken = look(clients(look(look(found["Progressing 1/3 25"].later(1))), failed=200))
    found["taken back"] = broken
    third = look(look(asked("s3://m/3")(found["HandingOver 3/3 100"])))
    found["third version comes while the first one is warm"] = third
    found["two are warm"] = look(annotated("promote", V3)(look(kubelets(third))))
    assert plan(broken.observed()).planned(V2).revision.rejected
    return found


def test_the_beginnings_are_all_the_phases() -> None:
    phases = {name.split()[0] for name in beginnings()}
    assert phases >= {"asked", "preflight", "Progressing", "Paused", "HandingOver", "rest", "taken"}


CANARIES = Exploration()


@pytest.mark.parametrize("name", beginnings())
def test_whatever_happens_in_a_phase_it_ends_as_it_should(name: str) -> None:
    CANARIES.explore(beginnings()[name], DEPTH, OFTEN, fault=name == "taken back")
    CANARIES.explore(beginnings()[name], DEPTH_OF_ALL, EVENTS, fault=name == "taken back")


BLUE_GREEN: Object = {
    "strategy": "BlueGreen",
    "steps": [{"pause": {"durationSeconds": 10}}],
    "scaleDownDelaySeconds": 20,
}
AT_ONCE: Object = {"strategy": "BlueGreen", "scaleDownDelaySeconds": 0}
RECREATE: Object = {"strategy": "Recreate", "scaleDownDelaySeconds": 20}
LENDING: Object = {**CANARY, "capacity": {"whenNoCapacity": "ShrinkStable"}}


SHADOWED: Object = {"strategy": "BlueGreen", "steps": [{"shadow": {"percent": 50}}], "stepSeconds": 10}


def copying(when_inconclusive: str) -> Object:
    """Return a canary that copies requests first, and waits 10 seconds longer for what copies say."""
    analysis = {"maxWaitSeconds": 10, "whenInconclusive": when_inconclusive}
    return {**CANARY, "steps": [{"shadow": {}}, {"weight": 25}, {"pause": {}}], "analysis": analysis}


STRATEGIES: dict[str, Object] = {
    "canary": CANARY,
    "pause": BLUE_GREEN,
    "at once": AT_ONCE,
    "recreate": RECREATE,
    "lend": LENDING,
    "lend, with room for one more": LENDING,
    "blue-green shadow": SHADOWED,
    "inconclusive: pause": copying("Pause"),
    "inconclusive: promote": copying("Promote"),
    "inconclusive: abort": copying("Abort"),
    "no history": {**CANARY, "revisionHistoryLimit": 0},
    "autoscaled": CANARY,
}
ROOM = {"recreate": 2, "lend": 2, "lend, with room for one more": 5}
SIZE = {"lend, with room for one more": 4}
AUTOSCALED: Object = {"minReplicas": 2, "maxReplicas": 4, "target": {"cpuPercent": 50}}


def asking(name: str, size: int, room: int) -> SmallCluster:
    """Return a cluster in which so many pods serve, and a second version was asked for."""
    more: Object = {"scaling": AUTOSCALED} if name == "autoscaled" else {}
    return replace(asked("s3://m/2")(serving(size, STRATEGIES[name], **more)), room=room)


@pytest.mark.parametrize("name", [name for name in STRATEGIES if name != "canary"])
def test_whatever_happens_by_another_strategy_it_ends_as_it_should(name: str) -> None:
    room = ROOM.get(name, PLENTY)
    exploration, cluster = Exploration(room), asking(name, SIZE.get(name, 2), room)
    # Where copies and waiting make many situations, only what happens often is tried.
    events = OFTEN if name.startswith("inconclusive") else EVENTS
    for _ in range(8):
        exploration.explore(cluster, DEPTH_OF_ALL, events)
        cluster = look(clients(kubelets(cluster))).later(3)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    name=st.sampled_from(sorted(STRATEGIES)),
    size=st.integers(1, 5),
    spare=st.integers(0, 2),
    told=st.lists(st.sampled_from(sorted(EVENTS)) | st.just("a look"), min_size=10, max_size=40),
)
def test_however_long_a_history_is_it_ends_as_it_should(name: str, size: int, spare: int, told: list[str]) -> None:
    # Where one pod is all there is, only Recreate gets on without a second place.
    room = max(size + spare, 1 if name == "recreate" else 2) if name in ROOM else PLENTY
    cluster, fault = asking(name, size, room), False
    for event in told:
        cluster, fault = EVENTS[event].change(cluster), fault or EVENTS[event].fault
    Exploration(room).end(cluster, fault)


@pytest.mark.parametrize(("then", "ends"), [("Pause", "Paused"), ("Promote", "stable"), ("Abort", "Inconclusive")])
def test_without_any_request_it_ends_as_was_asked_for(then: str, ends: str) -> None:
    """Nobody asks anything: the operator, the kubelets and the clock alone."""
    cluster = asked("s3://m/2")(serving(2, copying(then)))
    for _ in range(30):
        seen = checked(cluster.looked_at())
        cluster, made = seen.after, seen.made
        cluster = kubelets(cluster).later(5)
        if then == "Promote" and made.rollout and made.rollout.pausedBy == "Step":
            cluster = annotated("resume", V2)(cluster)
    wanted = made.planned(V2).revision
    if ends == "Paused":
        assert made.rollout is not None
        assert (made.rollout.phase, made.rollout.pausedBy, made.rollout.step) == ("Paused", "Inconclusive", 1)
    elif ends == "stable":
        assert made.stable == V2
    else:
        assert wanted.rejected is not None
        assert (wanted.rejected.reason, made.stable) == (ends, V1)
