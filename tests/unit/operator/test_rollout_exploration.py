"""All that can happen to a rollout, in every order, to a bounded depth: what must hold does, and it ends as it should.

Each situation of a rollout is a beginning. From there every sequence of events is tried; what leads to the same cluster
is tried once. From every cluster that comes of it, once everybody does their work, the end must be the right one.
``exploration.holds`` says what must hold of each look, ``exploration.search`` what must be at rest.
"""

import functools
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from onnx_operator.decide.roles import plan
from tests.unit.operator.exploration.cluster import SmallCluster, clients, kubelets, serving
from tests.unit.operator.exploration.events import EVENTS, V1, V2, annotated, asked, look
from tests.unit.operator.exploration.holds import checked
from tests.unit.operator.exploration.search import Exploration

Object = dict[str, Any]

CANARY: Object = {"steps": [{"weight": 25}, {"pause": {}}], "stepSeconds": 10, "scaleDownDelaySeconds": 20}

# So many events after one another are tried, in every order.
DEPTH = 3


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
    assert plan(broken.observed()).planned(V2).revision.rejected
    return found


def test_the_beginnings_are_all_the_phases() -> None:
    phases = {name.split()[0] for name in beginnings()}
    assert phases >= {"asked", "preflight", "Progressing", "Paused", "HandingOver", "rest", "taken"}


CANARIES = Exploration()


@pytest.mark.parametrize("name", beginnings())
def test_whatever_happens_in_a_phase_it_ends_as_it_should(name: str) -> None:
    CANARIES.explore(beginnings()[name], DEPTH, fault=name == "taken back")


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.sampled_from(sorted(EVENTS)) | st.just("a look"), min_size=10, max_size=40))
def test_however_long_a_history_is_it_ends_as_it_should(told: list[str]) -> None:
    cluster, fault = asked("s3://m/2")(serving(2, CANARY)), False
    for name in told:
        cluster, fault = EVENTS[name].change(cluster), fault or EVENTS[name].fault
    CANARIES.end(cluster, fault)


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
    "pause": BLUE_GREEN,
    "at once": AT_ONCE,
    "recreate": RECREATE,
    "lend": LENDING,
    "blue-green shadow": SHADOWED,
    "inconclusive: pause": copying("Pause"),
    "inconclusive: promote": copying("Promote"),
    "inconclusive: abort": copying("Abort"),
}


@pytest.mark.parametrize("rollout", STRATEGIES.values(), ids=STRATEGIES)
def test_whatever_happens_by_another_strategy_it_ends_as_it_should(rollout: Object) -> None:
    full = rollout in (RECREATE, LENDING)
    exploration, cluster = Exploration(full), replace(asked("s3://m/2")(serving(2, rollout)), full=full)
    for _ in range(8):
        exploration.explore(cluster, DEPTH - 1)
        cluster = look(clients(kubelets(cluster))).later(3)


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
