"""Installs what the benchmark runs: load tools by apt, other servers and clients into environments of their own."""

import hashlib
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.server.places import cache
from tests.cluster import programs
from tests.cluster.commands import run
from tests.cluster.progress import step

TOOLS: Final = {"wrk": "wrk", "h2load": "nghttp2-client", "taskset": "util-linux"}
"""Programs, and their Debian packages."""
SOURCES: Final = Path(__file__).parent / "environments"
COMPLETE: Final = "complete"


def install_tools() -> None:
    """Install the load tools that the machine lacks."""
    programs.provide(programs.missing(TOOLS))


@dataclass(frozen=True)
class Environment:
    """What `environments/NAME.txt` pins, for the Python that runs this; it lies in the cache under a key over both."""

    name: str

    @property
    def folder(self) -> Path:
        """Where it lies, made or not."""
        digest = hashlib.sha256((SOURCES / f"{self.name}.txt").read_bytes())
        digest.update(f"{sys.base_prefix} {sys.version}".encode())
        return cache() / f"{self.name}-{digest.hexdigest()[:12]}"

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "bin/python"

    def install(self) -> None:
        """Make it unless it is there; the caller sees to it that one process does so at a time."""
        if (self.folder / COMPLETE).exists():
            return
        shutil.rmtree(self.folder, ignore_errors=True)
        uv = [sys.executable, "-m", "uv"]
        with step(f"installing {self.name} in an environment of its own (once; a minute)"):
            run([*uv, "venv", "--quiet", "--python", base_python(), self.folder], what="uv venv")
            pins = SOURCES / f"{self.name}.txt"
            run(
                [*uv, "pip", "install", "--quiet", "--python", self.python, "--requirement", pins],
                what="uv pip install",
            )
        (self.folder / COMPLETE).touch()

    def version(self, package: str) -> str:
        """Return the version of a package in it."""
        asked = f"import importlib.metadata as m; print(m.version({package!r}))"
        return subprocess.run([self.python, "-c", asked], capture_output=True, text=True, check=True).stdout.strip()


def base_python() -> str:
    """Return the interpreter that this environment was made of."""
    return str(Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info.minor}")


def python_libraries() -> str:
    """Return the folder of the interpreter's shared library, which a program that embeds Python has to find."""
    return str(sysconfig.get_config_var("LIBDIR"))


def program(name: str) -> str:
    """Return the path of a program that runs in an environment of its own."""
    return str(SOURCES / name)
