"""Whatever goes wrong with any one call or watch event, a model comes to the same end; pods are played by KWOK.

Every case is a namespace of its own, all before one operator and one API server, behind a proxy that makes the n-th
call of that namespace, or the n-th event about it, go wrong. Each test prints how many cases ran.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cluster.plane import ControlPlane, control_plane
from tests.integration.fault_sweep import FAULTS, WAYS, Case, FaultSweep
from tests.integration.history import History, recorded
from tests.integration.installation import grant
from tests.integration.proxy import proxied
from tests.integration.scenarios import SCENARIOS
from tests.integration.succession import Reign, Succession

SWEPT = ("create", "roll out", "abort", "drift")
EVERY = {"roll out": 5, "abort": 5}
"""Of the long scenarios every fifth case runs, so that each fault is met at every fifth call, and each way at every
fifth event; all of them with SWEEP=all, which takes many minutes more."""

LATELY = 10.0
"""Seconds that a status may be behind, with hundreds of models in the queue."""

BUSY = ("--workers", "24", "--lease-duration", "15")
"""Many calls may wait for an answer at a time; and the Lease is the shipped one, for a machine that is busy, too."""

pytestmark = pytest.mark.timeout(1200)


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A control plane for this module alone: nobody has to clear its hundreds of namespaces away."""
    with control_plane(tmp_path_factory.mktemp("crowded")) as running:
        yield running


@pytest.fixture(scope="module")
def history(crowded: ControlPlane) -> Iterator[History]:
    """All that happens on it."""
    with recorded(crowded) as history:
        yield history


@pytest.fixture(scope="module")
def user(crowded: ControlPlane) -> Path:
    """The operator's kubeconfig."""
    return grant(crowded)


@pytest.fixture
def reign(crowded: ControlPlane, user: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Reign]:
    """The one operator of a test; it must not end before the test does."""
    with proxied(crowded, user, tmp_path) as proxy:
        succession = Succession(crowded, proxy, tmp_path, request.param)
        reign = succession.follow()
        reign.entrance.remember_lists()
        yield reign
        reign.process.check()
        succession.close()


@pytest.mark.parametrize("reign", [BUSY], indirect=True, ids=[""])
@pytest.mark.parametrize("name", SWEPT)
def test_any_fault_of_any_call_leads_to_the_same_end_with_pods_played_by_kwok(
    name: str, crowded: ControlPlane, reign: Reign, history: History, record_property: Callable[[str, object], None]
) -> None:
    sweep = FaultSweep(SCENARIOS[name], crowded, reign.entrance, history)
    probe = sweep.probe()
    cases = _some(name, list(sweep.call_cases(probe)))
    assert {case.what.partition(" at call ")[0] for case in cases} >= FAULTS.keys()
    _run(sweep, cases, probe.end, f"{name}: {len(probe.calls)} calls", record_property)


@pytest.mark.parametrize("reign", [(*BUSY, "--resync", "5")], indirect=True, ids=[""])
@pytest.mark.parametrize("name", SWEPT)
def test_any_watch_event_lost_doubled_or_late_leads_to_the_same_end_with_pods_played_by_kwok(
    name: str, crowded: ControlPlane, reign: Reign, history: History, record_property: Callable[[str, object], None]
) -> None:
    sweep = FaultSweep(SCENARIOS[name], crowded, reign.entrance, history)
    probe = sweep.probe()
    cases = _some(name, list(sweep.event_cases(probe)))
    assert {case.what.partition(" event ")[0] for case in cases} >= set(WAYS)
    _run(sweep, cases, probe.end, f"{name}: {probe.events} events", record_property)


def _some(name: str, cases: list[Case]) -> list[Case]:
    return cases if os.environ.get("SWEEP") == "all" else cases[:: EVERY.get(name, 1)]


def _run(
    sweep: FaultSweep,
    cases: list[Case],
    end: dict[str, dict[str, object]],
    what: str,
    record_property: Callable[[str, object], None],
) -> None:
    sweep.run(cases, end, LATELY)
    print(f"{what}, {len(sweep.ran)} cases ran; of {len(cases)} prepared, {len(sweep.missed)} ended before their fault")
    record_property("cases", len(sweep.ran))
    assert sweep.wrong == []
    assert len(sweep.ran) > 0.7 * len(cases)
