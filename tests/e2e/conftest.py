"""One cluster a session, with the chart installed from the shipped images; a namespace and a bucket a test."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from _pytest.terminal import TerminalReporter

from tests import cluster as local
from tests.e2e import stage
from tests.e2e.kubectl import Kubectl, Object
from tests.e2e.models import Store
from tests.e2e.release import Release
from tests.e2e.scenario import Scenario
from tests.e2e.scenario_table import HEADERS, JUDGED, JUDGED_HEADERS, ROWS, table

ROOT = Path(__file__).parents[2]
KEEP = bool(os.environ.get("KEEP_CLUSTER"))


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """Print what the rollouts under load came to."""
    if ROWS:
        terminalreporter.section("rollouts under load of clients that never retry")
        for line in table(HEADERS, ROWS):
            terminalreporter.write_line(line)
    if JUDGED:
        terminalreporter.section("versions judged under load of clients that never retry and know what is right")
        for line in table(JUDGED_HEADERS, JUDGED):
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def cluster() -> Iterator[local.Cluster]:
    """The cluster; KEEP_CLUSTER=1 takes one that is up, and leaves it up, for quick rounds while developing."""
    if not KEEP and _is_up():
        pytest.fail(
            "a local cluster is up already (of `make demo`?): take it down with `make demo-down`, or set "
            "KEEP_CLUSTER=1 to run the tests on it and leave it up",
            pytrace=False,
        )
    running = local.up()
    try:
        yield running
    finally:
        if not KEEP:
            local.down()


def _is_up() -> bool:
    try:
        local.current()
    except local.NotRunningError:
        return False
    return True


@pytest.fixture(scope="session")
def references(cluster: local.Cluster) -> dict[str, str]:
    """The shipped images on the node: ``operator`` and ``server`` to their references, ``build`` to their contents."""
    return stage.load_images(cluster)


@pytest.fixture(scope="session")
def release(cluster: local.Cluster, references: dict[str, str]) -> Release:
    """The chart's release, installed or not."""
    return Release(cluster.kubeconfig, stage.OPERATOR_NAMESPACE, references)


@pytest.fixture(scope="session")
def operator(cluster: local.Cluster, release: Release) -> Kubectl:
    """The operator, installed by helm and ready, where only restricted pods may run; as kubectl for its namespace."""
    try:
        return stage.install(cluster, release)
    except stage.StageError as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture(scope="session")
def store_server(cluster: local.Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A real S3 server on the node's address: its folder of buckets, and its URL."""
    with stage.store_server(cluster, tmp_path_factory.mktemp("buckets")) as server:
        yield server


@pytest.fixture
def store(store_server: tuple[Path, str]) -> Store:
    """A bucket of one's own."""
    return stage.bucket(*store_server)


@pytest.fixture
def kubectl(operator: Kubectl, store: Store, request: pytest.FixtureRequest) -> Iterator[Kubectl]:
    """kubectl for a namespace of one's own, which holds the bucket's Secret ``store``."""
    mine = stage.namespace(operator, store)
    yield mine
    if KEEP and request.session.testsfailed:
        print(f"kept: namespace {mine.namespace}")
        return
    mine("delete", "namespace", mine.namespace, "--wait=false")


@pytest.fixture
def scenario(cluster: local.Cluster, kubectl: Kubectl, store: Store, tmp_path: Path) -> Iterator[Scenario]:
    """A rollout under load, to be begun; its clients and all that looks at it end with the test."""
    with stage.scenario(cluster, kubectl, store, tmp_path) as begun:
        yield begun


def operator_writes(cluster: local.Cluster) -> list[Object]:
    """Return the write requests of the operator that the API server's audit log has, oldest first."""
    events = [json.loads(line) for line in cluster.audit_log.read_text().splitlines()]
    return [
        event
        for event in events
        if str(event.get("userAgent", "")).startswith("onnx-operator/") and event["stage"] == "ResponseComplete"
    ]
