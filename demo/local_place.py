"""The local cluster, started by the demo: pods, services and host reach each other directly."""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.cluster import NODE_ADDRESS, images, programs, tools
from tests.cluster.paths import TREE, RunDir, cache_dir

from . import s3_server
from .client import Endpoint
from .errors import DemoError
from .names import LOCAL_DOWN, MODEL, NAMESPACE
from .narration import Narrator
from .place import PLUGINS, Images
from .shell import Shell
from .store import Store


def _python() -> str:
    """Return this Python, by its path below the repository's root where it is there."""
    here = Path(sys.executable)
    return str(here.relative_to(TREE)) if here.is_relative_to(TREE) else str(here)


PROGRAM: Final = (_python(), "-m", "tests.cluster")


class LocalPlace:
    """A cluster of one node on this machine; see tests/cluster."""

    down_line = LOCAL_DOWN

    def environment(self) -> Mapping[str, str]:
        """Return the cluster's kubeconfig, and a PATH with the kubectl, its plugin and the helm that the demo uses."""
        folders = [str(tools.folder("kubernetes")), str(tools.folder("helm"))]
        return {
            "KUBECONFIG": str(RunDir().kubeconfig),
            "PATH": os.pathsep.join([*folders, os.environ.get("PATH", "/usr/bin:/bin"), PLUGINS]),
        }

    def up(self, narrator: Narrator, shell: Shell) -> None:
        """Start the cluster unless it runs; the first time, its programs are built from source."""
        if os.geteuid() != 0:
            raise DemoError("A node needs root (containers, mounts, routes): sudo make demo")
        programs.check(programs.NODE, programs.IMAGES)
        narrator.say(
            "A real control plane and node: etcd, API server, scheduler, containerd, kubelet, kube-proxy, DNS."
        )
        for module in ("kubernetes", "helm", "versitygw"):
            tools.build(module)
        shell.follow(*PROGRAM, "up")
        shell.run("kubectl", "get", "nodes", "-o", "wide")

    def images(self, narrator: Narrator, shell: Shell) -> Images:
        """Build the two images where their sources changed, and load them into the node's containerd."""
        narrator.say("The two images that we ship: the operator, and the model server that runs in the pods.")
        shell.follow(*PROGRAM, "images")
        names = [shipped.reference for shipped in images.SHIPPED]
        shell.follow(*PROGRAM, "load", *names)
        operator, server = (name.rpartition(":")[0] for name in names)
        return Images(operator, server, tag="dev", build=_build(images.OPERATOR))

    def store(self, narrator: Narrator) -> Store:
        """Start an S3 server beside the cluster, on the node's address."""
        store = s3_server.ensure()
        narrator.say(f"An S3 server (versitygw) listens on {NODE_ADDRESS}:{s3_server.PORT}, for pods and host alike.")
        return store

    @contextmanager
    def endpoint(self, shell: Shell) -> Iterator[Endpoint]:
        """Yield the entry Service's own address: this machine is the node."""
        command = (
            "kubectl",
            "get",
            "service",
            MODEL,
            "-n",
            NAMESPACE,
            "-o",
            "jsonpath={.spec.clusterIP}:{.spec.ports[0].port}",
        )
        yield Endpoint(shell.run(*command).strip(), MODEL)


def _build(image: images.Shipped) -> str:
    """Return what names the latest build of an image."""
    folder = cache_dir() / "images"
    builds = sorted(folder.glob(f"{image.name.replace('/', '-')}-*.tar"), key=lambda path: path.stat().st_mtime)
    if not builds:
        raise DemoError(f"{image.reference} was not built.", "python -m tests.cluster images")
    return builds[-1].stem.rpartition("-")[2]
