"""What a scenario needs around it, for tests and benchmarks: images on the node, the chart, a store, a namespace."""

import socket
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests import cluster as local
from tests.cluster import images, tools
from tests.e2e.kubectl import Kubectl
from tests.e2e.models import Store
from tests.e2e.node_history import Watched, recording
from tests.e2e.release import Release
from tests.e2e.scenario import Scenario

OPERATOR_NAMESPACE = "onnx-operator"
STORE_PORT = 17070
PREFIX = "test-"
"""Of the namespaces and buckets that are made here."""


class StageError(Exception):
    """Something that every scenario needs is not there; the message says why."""


def load_images(cluster: local.Cluster) -> dict[str, str]:
    """Build the shipped images and load them into the node.

    Returns ``operator`` and ``server`` to their references, and ``build`` to what names their contents.
    """
    loaded = {"build": ""}
    for built in images.build_all():
        cluster.load(built.archive)
        loaded[built.reference.rpartition("/")[2].partition(":")[0]] = built.reference
        loaded["build"] += built.archive.stem.rpartition("-")[2]
    return loaded


def install(cluster: local.Cluster, release: Release) -> Kubectl:
    """Install the chart where only restricted pods may run; return kubectl for the operator's namespace."""
    kubectl = Kubectl(cluster.kubectl, cluster.kubeconfig, OPERATOR_NAMESPACE)
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    metadata = {"name": OPERATOR_NAMESPACE, "labels": labels}
    kubectl.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
    done = release.install()
    if done.returncode != 0:
        pods = kubectl("describe", "pods")
        logs = kubectl("logs", "deployment/onnx-operator", "--tail=50")
        raise StageError(f"helm install: {done.stderr}\n{pods}\n{logs}")
    return kubectl


@contextmanager
def store_server(cluster: local.Cluster, folder: Path) -> Iterator[tuple[Path, str]]:
    """A real S3 server on the node's address while the block runs: its folder of buckets, and its URL."""
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


def bucket(folder: Path, url: str) -> Store:
    """Return a bucket of one's own."""
    environment = {
        "AWS_ACCESS_KEY_ID": "tester",
        "AWS_SECRET_ACCESS_KEY": "tester-secret",
        "AWS_ENDPOINT_URL": url,
        "AWS_REGION": "us-east-1",
    }
    return Store(folder, f"{PREFIX}{uuid.uuid4().hex[:12]}", environment)


def namespace(operator: Kubectl, store: Store) -> Kubectl:
    """Make a namespace that holds the bucket's Secret ``store``; return kubectl for it."""
    name = f"{PREFIX}{uuid.uuid4().hex[:8]}"
    mine = operator.within(name)
    mine("create", "namespace", name)
    mine.apply(store.secret())
    return mine


@contextmanager
def scenario(cluster: local.Cluster, kubectl: Kubectl, store: Store, folder: Path) -> Iterator[Scenario]:
    """A rollout under load, to be begun; its clients and all that looks at it end with the block."""
    with ExitStack() as ending:
        history = ending.enter_context(recording(cluster))
        yield Scenario(kubectl, store, Watched(history, kubectl.namespace), folder, ending)


def _wait_for(host: str, port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(100):
        if process.poll() is not None:
            raise StageError(f"the S3 server ended: {log.read_text()[-2000:]}")
        try:
            socket.create_connection((host, port), 0.2).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise StageError("the S3 server does not answer")
