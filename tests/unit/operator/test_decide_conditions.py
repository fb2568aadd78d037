from dataclasses import replace
from typing import Any

import pytest

from onnx_operator.decide import reasons
from onnx_operator.decide.conditions import conditions
from onnx_operator.decide.roles import plan
from onnx_operator.decide.trouble import Trouble
from onnx_operator.observed import Observed
from tests.unit.operator.situations import (
    EARLIER,
    container,
    deployment,
    failed,
    fetching_pod,
    loading_pod,
    name_of,
    observed,
    pod,
    ready_pod,
    revision,
    spec,
)

Object = dict[str, Any]

V1, V2 = (f"s3://models/digits/{n}/" for n in (1, 2))
OLD, NEW = name_of(spec(V1)), name_of(spec(V2))
NOT_FOUND = pod(init=(container("fetch", failed("ModelNotFound")),))
NO_NODE = pod(conditions=({"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "full."},))


def first(*pods: Object, replicas: int = 1, **more: Any) -> Observed:
    asked = spec(V1, replicas, **more)
    return observed(asked, revision(asked), pods={OLD: pods})


def serving(*pods: Object, replicas: int = 1, deployed: Object | None = None, **more: Any) -> Observed:
    asked = spec(V1, replicas, **more)
    owned = {("Deployment", OLD): deployed} if deployed else {}
    return observed(asked, revision(asked, 1, EARLIER), pods={OLD: pods}, owned=owned)


def updating(*pods: Object, replicas: int = 1) -> Observed:
    asked = spec(V2, replicas)
    stable, candidate = revision(spec(V1, replicas), 1, EARLIER), revision(asked, 2)
    return observed(asked, stable, candidate, pods={OLD: (ready_pod("old"),) * replicas, NEW: pods})


QUOTA = {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota"}
GOING = ready_pod("going", deletionTimestamp="2026-11-01T12:00:00Z")
REFUSED = Trouble(reasons.REFUSED, "the API server refused it")
WAITS = Trouble(reasons.WAITING_FOR_DELETION, "first something has to go", stuck=False)

# situation: (what is seen, what the API server refused), Ready, Reconciling, Stalled; each "status Reason"
TABLE: dict[str, tuple[Observed, Trouble | None, str, str, str]] = {
    "no pods yet": (first(), None, "False WaitingForPods", "True WaitingForPods", "False NoFailure"),
    "fetching": (first(fetching_pod()), None, "False FetchingModel", "True FetchingModel", "False NoFailure"),
    "loading": (first(loading_pod()), None, "False LoadingModel", "True LoadingModel", "False NoFailure"),
    "no model": (first(NOT_FOUND), None, "False ModelNotFound", "False ModelNotFound", "True ModelNotFound"),
    "no node": (first(NO_NODE), None, "False Unschedulable", "True Unschedulable", "False NoFailure"),
    "first pod of two": (
        first(ready_pod("p"), loading_pod("q"), replicas=2),
        None, "True Answering", "True WaitingForPods", "False NoFailure",
    ),
    "serves": (serving(ready_pod()), None, "True Answering", "False Reconciled", "False NoFailure"),
    "one pod too many": (
        serving(ready_pod("p"), ready_pod("q")), None, "True Answering", "True WaitingForPods", "False NoFailure",
    ),
    "all pods gone": (serving(), None, "False WaitingForPods", "True WaitingForPods", "False NoFailure"),
    "pods refused": (
        serving(deployed=deployment(1, QUOTA)), None, "False PodsRefused", "False PodsRefused", "True PodsRefused",
    ),
    "one of two in trouble": (
        serving(ready_pod("p"), NOT_FOUND, replicas=2),
        None, "True Answering", "False ModelNotFound", "True ModelNotFound",
    ),
    "update comes up": (
        updating(loading_pod("n", "b")), None, "True Answering", "True RollingOut", "False NoFailure",
    ),
    "update is bad": (updating(NOT_FOUND), None, "True Answering", "False ModelNotFound", "True ModelNotFound"),
    "update finds no node": (
        updating(NO_NODE), None, "True Answering", "True CapacityPending", "False NoFailure",
    ),
    "refused": (
        serving(ready_pod()), REFUSED, "True Answering", "False RefusedByAPIServer", "True RefusedByAPIServer",
    ),
    "waits for a deletion": (
        first(), WAITS, "False WaitingForDeletion", "True WaitingForDeletion", "False NoFailure",
    ),
    "suspending": (
        serving(GOING, state="Suspended"), None, "False Suspending", "True Suspending", "False NoFailure",
    ),
    "suspended": (serving(state="Suspended"), None, "False Suspended", "False Suspended", "False NoFailure"),
    "unmanaged": (
        serving(ready_pod(), state="Unmanaged"), None, "True Answering", "False Unmanaged", "False NoFailure",
    ),
    "unmanaged and down": (serving(state="Unmanaged"), None, "False Unmanaged", "False Unmanaged", "False NoFailure"),
}  # fmt: skip


@pytest.mark.parametrize(("seen", "refused", "ready", "reconciling", "stalled"), TABLE.values(), ids=TABLE)
def test_conditions(seen: Observed, refused: Trouble | None, ready: str, reconciling: str, stalled: str) -> None:
    made = conditions(seen, plan(seen), refused)
    shown = {verdict.type: f"{verdict.status} {verdict.reason}" for verdict in made}
    assert shown == {"Ready": ready, "Reconciling": reconciling, "Stalled": stalled}
    assert all(verdict.message for verdict in made)


@pytest.mark.parametrize(("seen", "refused"), [row[:2] for row in TABLE.values()], ids=TABLE)
def test_a_model_is_never_both_on_its_way_and_stuck(seen: Observed, refused: Trouble | None) -> None:
    _, reconciling, stalled = conditions(seen, plan(seen), refused)
    assert not (reconciling.status and stalled.status)


def test_a_retired_revisions_last_pods_are_told_of() -> None:
    asked = spec(V2)
    old, new = revision(spec(V1), 1, EARLIER), revision(asked, 2, "2026-11-01T11:30:00.000000Z")
    seen = observed(asked, old, new, pods={new.name: (ready_pod(),), old.name: (GOING,)})
    _, reconciling, _ = conditions(seen, plan(seen), None)
    assert (reconciling.status, reconciling.reason) == (True, reasons.RETIRING)
    done = replace(seen, pods={new.name: (ready_pod(),)})
    assert conditions(done, plan(done), None)[1].reason == reasons.RECONCILED


def test_a_bad_update_says_which_revision_is_bad_and_which_serves() -> None:
    seen = updating(NOT_FOUND)
    stalled = conditions(seen, plan(seen), None)[2]
    assert stalled.message == f"{NEW}: in words. {OLD} goes on serving."


def test_ready_is_about_the_pods_that_the_entry_leads_to() -> None:
    seen = updating(ready_pod("n", "b"), replicas=2)
    down = replace(seen, pods={**seen.pods, OLD: ()})
    ready = conditions(down, plan(down), None)[0]
    assert not ready.status, "one ready pod of the candidate answers nobody"
