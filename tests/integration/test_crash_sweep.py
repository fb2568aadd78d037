"""The operator killed after each of its writes comes to the same end; a real API server, pods played by KWOK.

For every scenario and every k, the operator is killed (kill -9) when its k-th write has landed and before it is told
so; another one follows. The proxy counts and kills, so k is exact: the audit log is held to it. The invariants are
checked at every state that the API server went through, killed or not.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cluster.plane import ControlPlane
from tests.integration.crash_sweep import CrashSweep
from tests.integration.history import recorded
from tests.integration.proxy import proxied
from tests.integration.scenarios import SCENARIOS
from tests.integration.succession import Succession

WRITES_AT_LEAST = 2
"""Any scenario needs so many: what it asks for, and a status."""

pytestmark = pytest.mark.timeout(1200)


@pytest.fixture
def succession(plane: ControlPlane, kubeconfig: Path, tmp_path: Path) -> Iterator[Succession]:
    """Operators that follow each other, behind a proxy."""
    with proxied(plane, kubeconfig, tmp_path) as proxy:
        made = Succession(plane, proxy, tmp_path, heirs=True)
        yield made
        made.close()


@pytest.mark.parametrize("name", SCENARIOS)
def test_an_operator_killed_after_any_write_comes_to_the_same_end_with_pods_played_by_kwok(
    name: str, plane: ControlPlane, succession: Succession, record_property: Callable[[str, object], None]
) -> None:
    with recorded(plane) as history:
        sweep = CrashSweep(SCENARIOS[name], plane, succession, history)
        try:
            sweep.run()
        finally:
            sweep.clear()
    kills = len(sweep.killed_after)
    print(f"{name}: killed after each of {kills} writes, and once not")
    record_property("crash_points", kills)
    assert sweep.killed_after == list(range(1, kills + 1))
    assert kills >= WRITES_AT_LEAST
    assert sweep.wrong == []
