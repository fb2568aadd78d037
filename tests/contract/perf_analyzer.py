"""`perf_analyzer`, unmodified: brought once from the package index into the cache, by version and hash.

Newer wheels of tritonclient do not ship it any more. It is a program for Linux on x86-64.
"""

import ctypes.util
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.paths import cache_dir

REQUIREMENTS = Path(__file__).with_name("perf-analyzer.txt")
LIBRARY = "libb64-0d"


@dataclass(frozen=True)
class PerfAnalyzer:
    """The program, and where the libraries are that it is linked to."""

    root: Path

    def run(self, *arguments: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """Run it; both outputs are in `stdout`."""
        libraries = [self.root / "nvidia/cuda_runtime/lib", *self.root.glob("usr/lib/*")]
        return subprocess.run(
            [str(self.root / "bin/perf_analyzer"), *arguments],
            env={**os.environ, "LD_LIBRARY_PATH": ":".join(map(str, libraries))},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
            check=False,
        )


def runs_here() -> bool:
    return sys.platform == "linux" and platform.machine() == "x86_64"


def install() -> PerfAnalyzer:
    """Return it from the cache, where it is brought first if need be."""
    key = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:12]
    root = cache_dir() / f"perf-analyzer-{key}"
    if not root.is_dir():
        root.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=root.parent) as temporary:
            made = Path(temporary) / "made"
            options = ("--quiet", "--no-deps", "--require-hashes", "--target", str(made), "--requirement", REQUIREMENTS)
            subprocess.run([sys.executable, "-m", "pip", "install", *options], check=True)
            if ctypes.util.find_library("b64") is None:
                _bring_library(made)
            # Another run may have been quicker.
            if not root.is_dir():
                made.rename(root)
    return PerfAnalyzer(root)


def _bring_library(root: Path) -> None:
    """Unpack Debian's package of the library, which is not on the package index; that needs no root."""
    if shutil.which("apt-get") is None:
        raise AssertionError(f"perf_analyzer wants libb64.so.0d: install it (Debian: {LIBRARY})")
    subprocess.run(["apt-get", "download", "--quiet", LIBRARY], cwd=root, check=True, stderr=subprocess.DEVNULL)
    for package in root.glob("*.deb"):
        subprocess.run(["dpkg-deb", "--extract", package, root], check=True)
        package.unlink()
