"""Brings images into the node's containerd, and ends containers of its."""

from pathlib import Path
from typing import Final

from . import oci_archive
from .commands import run as run_program
from .errors import ClusterError
from .paths import RunDir
from .programs import find

NAMESPACE: Final = "k8s.io"


def load(run: RunDir, archive: Path) -> list[str]:
    """Import an OCI or Docker archive for the kubelet to use; return the names of its images.

    An archive whose images are there already, byte for byte, is not imported again.
    """
    wanted = {image.name: image.digest for image in oci_archive.read(archive)}
    have = images(run)
    if not wanted or any(have.get(name) != digest for name, digest in wanted.items()):
        ctr(run, "images", "import", str(archive))
    return sorted(wanted) or sorted(set(images(run)) - set(have))


def images(run: RunDir) -> dict[str, str]:
    """Return the names and digests of the images that the node has."""
    lines = ctr(run, "images", "ls").splitlines()[1:]
    return {words[0]: words[2] for words in (line.split() for line in lines) if len(words) > 2}


def kill(run: RunDir, container: str) -> None:
    """Kill what runs in a container; the kubelet is not told."""
    ctr(run, "tasks", "kill", "--signal", "SIGKILL", container)


def ctr(run: RunDir, *arguments: str) -> str:
    """Run containerd's client against the node's containerd, in the kubelet's namespace."""
    if not run.containerd_socket.exists():
        raise ClusterError("containerd does not run; start the cluster: python -m tests.cluster up")
    command: list[str | Path] = [find("ctr"), "--address", run.containerd_socket, "--namespace", NAMESPACE, *arguments]
    return run_program(command, what=f"ctr {' '.join(arguments[:2])}")
