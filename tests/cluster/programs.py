"""The programs that the machine has to have, and the packages that bring them."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

from .commands import run
from .errors import ClusterError, CommandFailedError, MissingProgramsError
from .progress import step

CNI_PLUGINS: Final = Path("/usr/lib/cni")
SBIN: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
GO_VERSION: Final = (1, 26)

NODE: Final[dict[str, str]] = {
    "etcd": "etcd-server",
    "containerd": "containerd",
    "ctr": "containerd",
    "runc": "runc",
    "iptables": "iptables",
    "ip6tables": "iptables",
    "conntrack": "conntrack",
    "ip": "iproute2",
    "mount": "mount",
    "unshare": "util-linux",
    "nsenter": "util-linux",
}
"""Programs that a running node needs, and their Debian and Ubuntu packages."""

IMAGES: Final[dict[str, str]] = {
    "buildah": "buildah",
    "debootstrap": "debootstrap",
    "busybox": "busybox-static",
    "unshare": "util-linux",
}
"""Programs that building images needs."""


def search_path() -> str:
    """Return a PATH that also covers the directories of system programs."""
    return f"{os.environ.get('PATH', '')}:{SBIN}".lstrip(":")


def find(name: str) -> Path:
    """Return where a program is; raise `MissingProgramsError` with the remedy when it is nowhere."""
    found = shutil.which(name, path=search_path())
    if found is None:
        raise MissingProgramsError(message({name: (NODE | IMAGES).get(name, name)}))
    return Path(found)


def missing(*needs: dict[str, str]) -> dict[str, str]:
    """Return those of the programs that the machine lacks, with their packages; CNI plugins count as one."""
    wanted = {name: package for need in needs for name, package in need.items()}
    absent = {name: package for name, package in wanted.items() if shutil.which(name, path=search_path()) is None}
    if NODE in needs and not (CNI_PLUGINS / "ptp").exists():
        absent["CNI plugins"] = "containernetworking-plugins"
    return absent


def message(absent: dict[str, str]) -> str:
    """Say in one message what is missing and which command installs it."""
    packages = " ".join(sorted(set(absent.values())))
    return f"missing on this machine: {', '.join(absent)}; install: make setup (apt-get install {packages})"


def check(*needs: dict[str, str]) -> None:
    """Raise `MissingProgramsError` unless the machine has them all."""
    if absent := missing(*needs):
        raise MissingProgramsError(message(absent))


def go() -> Path:
    """Return Go's program; raise `MissingProgramsError` when it is absent or too old to build the tools."""
    wanted = ".".join(map(str, GO_VERSION))
    found = shutil.which("go", path=f"{search_path()}:/usr/local/go/bin")
    remedy = f"install Go {wanted} or newer (https://go.dev/doc/install) and put it on the PATH"
    if found is None:
        raise MissingProgramsError(f"missing on this machine: go; {remedy}")
    # Without a toolchain switch: a go that would have to download another one first is too old here.
    version = run([found, "env", "GOVERSION"], environment={"GOTOOLCHAIN": "local"}, cwd=Path("/")).strip()
    numbers = re.match(r"go(\d+)\.(\d+)", version)
    if numbers is None or (int(numbers[1]), int(numbers[2])) < GO_VERSION:
        raise MissingProgramsError(f"{found} is {version}, too old to build the cluster's tools; {remedy}")
    return Path(found)


def install() -> None:
    """Install what the cluster needs and the machine lacks, and see that Go is there."""
    provide(missing(NODE, IMAGES))
    go()


def provide(absent: dict[str, str]) -> None:
    """Install the packages of absent programs with apt, as root; daemons that they bring are not started."""
    if absent:
        packages = sorted(set(absent.values()))
        if shutil.which("apt-get") is None:
            raise ClusterError(f"no apt-get here: install {', '.join(absent)} by other means")
        if os.geteuid() != 0:
            raise ClusterError(f"needs root: sudo apt-get install {' '.join(packages)}")
        with step(f"installing {' '.join(packages)}"):
            _apt_install(packages)


def _apt_install(packages: list[str]) -> None:
    # Debian starts a package's daemon at once unless this file says no. One that is there already is left alone.
    policy = Path("/usr/sbin/policy-rc.d")
    ours = not policy.exists()
    if ours:
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
    try:
        apt = ["apt-get", "-o", "DPkg::Lock::Timeout=300", "-y", "--no-install-recommends"]
        quiet = {"DEBIAN_FRONTEND": "noninteractive"}
        try:
            run([*apt, "install", *packages], environment=quiet, what="apt-get install")
        except (CommandFailedError, subprocess.SubprocessError):  # most often the package lists are missing or old
            run([*apt[:-1], "update"], environment=quiet, what="apt-get update")
            run([*apt, "install", *packages], environment=quiet, what="apt-get install")
    finally:
        if ours:
            policy.unlink()
