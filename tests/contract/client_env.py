"""Environments for clients whose dependencies cannot share ours: made at first use, kept in the cache of the tests."""

import hashlib
import shutil
import sys
from pathlib import Path

from tests.cluster.commands import run
from tests.cluster.lock import only_one
from tests.cluster.paths import cache_dir


def client_venv(requirements: Path) -> Path:
    """Return the virtual environment that has exactly the pinned, hashed `requirements`; its programs are in bin/.

    Another content, or another Python, gets another environment. Raises CommandFailedError if it cannot be made.
    """
    what = f"{sys.version}\n{requirements.read_text()}"
    home = cache_dir() / "clients" / f"{requirements.stem}-{hashlib.sha256(what.encode()).hexdigest()[:12]}"
    done = home / "installed"
    with only_one(cache_dir() / "clients", "making an environment for a client"):
        if not done.exists():
            shutil.rmtree(home, ignore_errors=True)
            uv = [sys.executable, "-m", "uv"]
            run([*uv, "venv", "--quiet", "--python", sys.executable, home])
            install = [*uv, "pip", "install", "--quiet", "--require-hashes", "--requirement", requirements]
            run([*install, "--python", home / "bin" / "python"])
            done.touch()
    return home
