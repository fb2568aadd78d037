"""The machine and the versions that results belong to, in words that name no host."""

import os
import platform
import re
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tests.cluster import plane, tools
from tests.cluster.paths import TREE


def describe() -> dict[str, Any]:
    """Return what the machine says of itself, and the versions of what ran on it."""
    return {
        "cpu": _first(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text()),
        "cores": len(os.sched_getaffinity(0)),
        "memoryGiB": round(int(_first(r"MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text())) / 1024**2, 1),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "etcd": _first(r"etcd Version: (\S+)", _output(str(plane.binary("etcd")), "--version")),
        "kubernetes": tools.version("kubernetes"),
        "kwok": tools.version("kwok"),
        "kopf": version("kopf"),
        "aiohttp": version("aiohttp"),
        "kubernetesClient": version("kubernetes"),
    }


def commit() -> str:
    """Return the commit that is measured; one that was changed says so."""
    return _output("git", "-C", str(TREE), "describe", "--always", "--dirty", "--abbrev=10").strip()


def now() -> str:
    """Return the time, RFC 3339 in UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def _first(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    return found[1].strip() if found else "unknown"
