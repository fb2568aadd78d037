"""One cluster a session, with the chart installed from the shipped images; a namespace and a bucket a test."""

import json
import os
import socket
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from _pytest.terminal import TerminalReporter

from tests import cluster as local
from tests.cluster import images, tools
from tests.e2e.kubectl import Kubectl, Object
from tests.e2e.models import Store
from tests.e2e.node_history import Watched, recording
from tests.e2e.release import Release
from tests.e2e.scenario import Scenario
from tests.e2e.scenario_table import ROWS, table

ROOT = Path(__file__).parents[2]
OPERATOR_NAMESPACE = "onnx-operator"
STORE_PORT = 17070
KEEP = bool(os.environ.get("KEEP_CLUSTER"))


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """Print what the rollouts under load came to."""
    if ROWS:
        terminalreporter.section("rollouts under load of clients that never retry")
        for line in table(ROWS):
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
    loaded = {"build": ""}
    for built in images.build_all():
        cluster.load(built.archive)
        loaded[built.reference.rpartition("/")[2].partition(":")[0]] = built.reference
        loaded["build"] += built.archive.stem.rpartition("-")[2]
    return loaded


@pytest.fixture(scope="session")
def release(cluster: local.Cluster, references: dict[str, str]) -> Release:
    """The chart's release, installed or not."""
    return Release(cluster.kubeconfig, OPERATOR_NAMESPACE, references)


@pytest.fixture(scope="session")
def operator(cluster: local.Cluster, release: Release) -> Kubectl:
    """The operator, installed by helm and ready, where only restricted pods may run; as kubectl for its namespace."""
    kubectl = Kubectl(cluster.kubectl, cluster.kubeconfig, OPERATOR_NAMESPACE)
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    metadata = {"name": OPERATOR_NAMESPACE, "labels": labels}
    kubectl.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
    done = release.install()
    if done.returncode != 0:
        pods = kubectl("describe", "pods")
        logs = kubectl("logs", "deployment/onnx-operator", "--tail=50")
        pytest.fail(f"helm install: {done.stderr}\n{pods}\n{logs}", pytrace=False)
    return kubectl


@pytest.fixture(scope="session")
def store_server(cluster: local.Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A real S3 server on the node's address: its folder of buckets, and its URL."""
    folder = tmp_path_factory.mktemp("buckets")
    address = f"{cluster.node_address}:{STORE_PORT}"
    log = folder.with_suffix(".log").open("wb")
    command = [str(tools.binary("versitygw")), "--access", "tester", "--secret", "tester-secret", "--port", address]
    process = subprocess.Popen([*command, "posix", str(folder)], stdout=log, stderr=log)
    try:
        _wait_for(cluster.node_address, STORE_PORT, process, Path(log.name))
        yield folder, f"http://{address}"
    finally:
        process.terminate()
        process.wait(10)
        log.close()


def _wait_for(host: str, port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(100):
        if process.poll() is not None:
            pytest.fail(f"the S3 server ended: {log.read_text()[-2000:]}", pytrace=False)
        try:
            socket.create_connection((host, port), 0.2).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    pytest.fail("the S3 server does not answer", pytrace=False)


@pytest.fixture
def store(store_server: tuple[Path, str]) -> Store:
    """A bucket of one's own."""
    folder, url = store_server
    environment = {
        "AWS_ACCESS_KEY_ID": "tester",
        "AWS_SECRET_ACCESS_KEY": "tester-secret",
        "AWS_ENDPOINT_URL": url,
        "AWS_REGION": "us-east-1",
    }
    return Store(folder, f"test-{uuid.uuid4().hex[:12]}", environment)


@pytest.fixture
def kubectl(operator: Kubectl, store: Store, request: pytest.FixtureRequest) -> Iterator[Kubectl]:
    """kubectl for a namespace of one's own, which holds the bucket's Secret ``store``."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    mine = operator.within(name)
    mine("create", "namespace", name)
    mine.apply(store.secret())
    yield mine
    if KEEP and request.session.testsfailed:
        print(f"kept: namespace {name}")
        return
    mine("delete", "namespace", name, "--wait=false")


@pytest.fixture
def scenario(cluster: local.Cluster, kubectl: Kubectl, store: Store, tmp_path: Path) -> Iterator[Scenario]:
    """A rollout under load, to be begun; its clients and all that looks at it end with the test."""
    with ExitStack() as ending:
        history = ending.enter_context(recording(cluster))
        yield Scenario(kubectl, store, Watched(history, kubectl.namespace), tmp_path, ending)


def operator_writes(cluster: local.Cluster) -> list[Object]:
    """Return the write requests of the operator that the API server's audit log has, oldest first."""
    events = [json.loads(line) for line in cluster.audit_log.read_text().splitlines()]
    return [
        event
        for event in events
        if str(event.get("userAgent", "")).startswith("onnx-operator/") and event["stage"] == "ResponseComplete"
    ]
