"""The real local cluster with the shipped images, the chart and a store: what each round plays on."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests import cluster as local
from tests.e2e import stage
from tests.e2e.judging import Judging
from tests.e2e.kubectl import Kubectl, eventually
from tests.e2e.release import Release


@dataclass(frozen=True)
class Stage:
    """`operator` is kubectl for the operator's namespace, `server` the folder and the URL of the S3 server."""

    cluster: local.Cluster
    operator: Kubectl
    server: tuple[Path, str]
    folder: Path

    @contextmanager
    def judging(self) -> Iterator[Judging]:
        """Yield a namespace and a bucket of one's own, in which a version is to be judged."""
        store = stage.bucket(*self.server)
        kubectl = stage.namespace(self.operator, store)
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        with stage.scenario(self.cluster, kubectl, store, folder) as scenario:
            yield Judging(scenario, folder)
        kubectl("delete", "namespace", kubectl.namespace, "--wait=false")

    def wait_alone(self, judging: Judging) -> None:
        """Wait until what earlier rounds made is gone: the operator looks at it for as long as it goes down."""
        mine = judging.scenario.kubectl.namespace

        def alone() -> bool:
            namespaces = {one["metadata"]["name"] for one in self.operator.list("namespaces")}
            return not any(name.startswith(stage.PREFIX) for name in namespaces - {mine})

        eventually("the namespaces of earlier rounds are gone", alone)


@contextmanager
def built() -> Iterator[Stage]:
    """Bring the cluster up, unless it is, and the chart; take down what was brought up here."""
    was_up = _is_up()
    cluster, folder = local.up(), Path(tempfile.mkdtemp(prefix="bench-rollout-"))
    try:
        release = Release(cluster.kubeconfig, stage.OPERATOR_NAMESPACE, stage.load_images(cluster))
        operator = stage.install(cluster, release)
        (folder / "buckets").mkdir()
        with stage.store_server(cluster, folder / "buckets") as server:
            yield Stage(cluster, operator, server, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if not was_up:
            local.down()


def _is_up() -> bool:
    try:
        local.current()
    except local.NotRunningError:
        return False
    return True
