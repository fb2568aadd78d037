"""One control plane a session, with the chart's rights for the operator; a namespace and operators a test."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from _pytest.terminal import TerminalReporter

from tests.cluster.plane import ControlPlane, control_plane
from tests.integration import operator_process
from tests.integration.audit import Audit
from tests.integration.installation import OPERATOR_NAMESPACE, forget_lease, grant, make_namespace
from tests.integration.namespace import Namespace
from tests.integration.operator_process import OperatorProcess, StartOperator


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """Say how many cases the sweeps ran: a number that shrinks unnoticed would be worth little."""
    counted = [report for report in terminalreporter.getreports("passed") if report.user_properties]
    if counted:
        terminalreporter.section("what was swept")
    for report in counted:
        counts = ", ".join(f"{name}: {value}" for name, value in report.user_properties)
        terminalreporter.write_line(f"{report.nodeid.partition('::')[2]} {counts}")


@pytest.fixture(scope="session")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """The control plane of this session: a real API server; node and pods are played by KWOK."""
    with control_plane(tmp_path_factory.mktemp("plane")) as running:
        yield running


@pytest.fixture(scope="session")
def kubeconfig(plane: ControlPlane) -> Path:
    """The operator's kubeconfig: a ServiceAccount with the rights that the chart gives, and no more."""
    return grant(plane)


@pytest.fixture
def audit(plane: ControlPlane) -> Audit:
    """The API server's audit log."""
    return Audit(plane)


@pytest.fixture
def namespace(plane: ControlPlane) -> Iterator[Namespace]:
    """A namespace of one's own."""
    made = make_namespace(plane)
    yield made
    plane.rest.delete(f"/api/v1/namespaces/{made.name}")


@pytest.fixture
def start_operator(
    plane: ControlPlane, kubeconfig: Path, namespace: Namespace, tmp_path: Path
) -> Iterator[StartOperator]:
    """Starts operators for this test's namespace, with more options if wished; all are killed at the end."""
    started: list[OperatorProcess] = []

    def start(*options: str) -> OperatorProcess:
        log = tmp_path / f"operator-{len(started)}.log"
        mine = ("--namespaces", namespace.name, "--own-namespace", OPERATOR_NAMESPACE)
        started.append(operator_process.start(kubeconfig, log, *mine, *options))
        return started[-1]

    yield start
    for process in started:
        process.kill()
    forget_lease(plane)


@pytest.fixture
def operator(start_operator: StartOperator) -> Iterator[OperatorProcess]:
    """A leading operator for this test's namespace; unless the test ends it, it must not end before the test does."""
    process = start_operator()
    process.wait_leading()
    yield process
    if not process.ended:
        process.check()
