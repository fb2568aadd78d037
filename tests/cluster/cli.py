"""The command line: `python -m tests.cluster COMMAND`."""

import argparse
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from . import cluster, images, programs, tools
from .errors import ClusterError
from .paths import RunDir, cache_dir
from .plane import control_plane
from .progress import note

DESCRIPTION = """\
A real Kubernetes cluster of one node on this machine, for tests and for `make demo`: etcd, API server, controllers,
scheduler, containerd, kubelet, kube-proxy and CoreDNS, built from source once and kept in a cache.
Needs root, about 1 GB of memory, and nothing from outside while it runs; pods cannot reach beyond the machine."""

EPILOG = """\
Typical use:
  sudo make setup                                   install what is missing
  sudo python -m tests.cluster up                   node Ready in seconds (minutes at the first time)
  sudo python -m tests.cluster images               build the images that we ship
  sudo python -m tests.cluster load localhost/onnx-operator/server:dev
  export KUBECONFIG=$(python -m tests.cluster kubeconfig)
  sudo python -m tests.cluster down                 leave nothing but the cache

Environment: ONNX_OPERATOR_CACHE (the cache's directory; now {cache}),
BASE_IMAGE (for `images`: a base other than the one made here), DEBOOTSTRAP_MIRROR (where packages for it come from),
ONNXRUNTIME (for `images`: onnxruntime, or onnxruntime-gpu[cuda,cudnn])."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return 0 when it did what it says, 1 when not (2: wrong usage, by argparse)."""
    chosen = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = chosen.command
    try:
        return command(chosen)
    except ClusterError as error:
        note(f"error: {error}")
        return 1
    except PermissionError as error:
        note(f"error: {error}: the cluster is root's; run this with sudo")
        return 1
    except KeyboardInterrupt:
        note("interrupted; clean up what was begun: python -m tests.cluster down")
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.cluster",
        description=DESCRIPTION,
        epilog=EPILOG.format(cache=cache_dir()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, command: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        added.set_defaults(command=command)
        return added

    add("up", _up, "start the cluster; a healthy one that runs already is left alone")
    add("down", _down, "take the cluster down, also after a killed `up` or `down`, and leave nothing but the cache")
    add("status", _status, "show the daemons and the node; the exit code is 0 only when all is well")
    load = add("load", _load, "make images usable by pods (imagePullPolicy: Never or IfNotPresent)")
    load.add_argument(
        "image", nargs="+", metavar="IMAGE", help="a shipped image's name, an archive's path, or a name in the cache"
    )
    add("kubeconfig", _kubeconfig, "print the path of the administrator's kubeconfig")
    add("images", _images, "build the images that we ship, where their sources changed, and print their sizes")
    add("tools", _tools, "build the Go programs that the cache lacks (kubectl, helm, ...) and print their folders")
    add(
        "control-plane",
        _control_plane,
        "run a control plane without machines until interrupted, beside any other: needs no root, KWOK plays the pods",
    )
    add("setup", _setup, "install the programs that this machine lacks (apt, as root)")
    return parser


def _up(_: argparse.Namespace) -> int:
    cluster.up()
    return 0


def _down(_: argparse.Namespace) -> int:
    note("down: nothing is left but the cache" if cluster.down() else "no cluster is up; nothing to do")
    return 0


def _status(_: argparse.Namespace) -> int:
    if not RunDir().root.exists():
        print("no cluster is up")
        return 1
    status = cluster.Cluster().status()
    for name, alive in status.daemons.items():
        print(f"{name:24} {'running' if alive else 'NOT RUNNING'}")
    print(f"{'node':24} {'Ready' if status.node_ready else 'NOT READY'}")
    print(f"{'kubeconfig':24} {RunDir().kubeconfig}\n{'logs':24} {RunDir().logs}")
    for problem in status.problems:
        note(f"problem: {problem}")
    return 1 if status.problems else 0


def _load(chosen: argparse.Namespace) -> int:
    running = cluster.current()
    for image in chosen.image:
        print("\n".join(running.load(image)))
    return 0


def _kubeconfig(_: argparse.Namespace) -> int:
    print(cluster.current().kubeconfig)
    return 0


def _images(_: argparse.Namespace) -> int:
    for built in images.build_all():
        print(f"{built.reference} {built.archive}")
    return 0


def _tools(_: argparse.Namespace) -> int:
    for module in tools.MODULES:
        print(tools.build(module))
    return 0


def _control_plane(_: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory(prefix="control-plane-") as folder, control_plane(Path(folder)) as plane:
        print(f"export KUBECONFIG={plane.kubeconfig}", flush=True)
        note(f"logs: {plane.logs}; Ctrl-C ends it and removes all of it")
        signal.sigwait({signal.SIGINT, signal.SIGTERM})
    return 0


def _setup(_: argparse.Namespace) -> int:
    programs.install()
    note("everything that the cluster and the images need is installed")
    return 0


def run() -> None:
    """Run as a program."""
    sys.exit(main())
