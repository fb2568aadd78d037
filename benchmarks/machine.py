"""The machine that results belong to, and when and of which commit they are, in words that name no host."""

import os
import platform
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.cluster.paths import TREE


def describe() -> dict[str, Any]:
    """Return what the machine says of itself, and the Python that measures."""
    return {
        "cpu": first(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text()),
        "cores": os.cpu_count(),
        "memoryGiB": round(int(first(r"MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text())) / 1024**2, 1),
        "kernel": platform.release(),
        "python": platform.python_version(),
    }


def commit() -> str:
    """Return the commit that is measured; one that was changed says so."""
    return output("git", "-C", str(TREE), "describe", "--always", "--dirty", "--abbrev=10").strip()


def now() -> str:
    """Return the time, RFC 3339 in UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def output(*command: str) -> str:
    """Return what a program printed."""
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def first(pattern: str, text: str) -> str:
    """Return the first group of the first match, or `unknown`."""
    found = re.search(pattern, text)
    return found[1].strip() if found else "unknown"
