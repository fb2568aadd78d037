"""Makes a base image from the distribution's packages, for machines that reach no image registry.

It stands in for `python:3.12-slim`: a minimal system with Python (3.11 or newer), venv and CA certificates.
"""

import hashlib
import os
import platform
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp
from typing import Final

from . import buildah
from .commands import run
from .errors import ClusterError
from .paths import cache_dir
from .programs import find
from .progress import step

REPOSITORY: Final = "localhost/onnx-operator/base"
PACKAGES: Final = ("python3", "python3-venv", "ca-certificates")
FALLBACK: Final = "bookworm"
SCRIPTS: Final = Path("/usr/share/debootstrap/scripts")

STRIPPED: Final = (
    "usr/share/doc",
    "usr/share/man",
    "usr/share/info",
    "usr/share/locale",
    "usr/share/lintian",
    "usr/share/i18n",
    "var/cache/apt",
    "var/lib/apt/lists",
    "var/log",
    "debootstrap",
)
"""What no program in a container reads."""


def release() -> tuple[str, str]:
    """Return this machine's distribution and its code name (`debian`, `bookworm`), or Debian's where unknown."""
    fields = platform.freedesktop_os_release()
    name, code = fields.get("ID", ""), fields.get("VERSION_CODENAME", "")
    return (name, code) if name in ("debian", "ubuntu") and (SCRIPTS / code).exists() else ("debian", FALLBACK)


def ensure() -> str:
    """Return the base image's reference in the cache's storage; it is made first where it is not there."""
    distribution, code = release()
    recipe = "\0".join([distribution, code, *PACKAGES, *STRIPPED, platform.machine()])
    reference = f"{REPOSITORY}:{code}-{hashlib.sha256(recipe.encode()).hexdigest()[:12]}"
    if not buildah.exists(reference):
        with step(f"making the base image from {distribution} {code} (once; about a minute)"), _workplace() as place:
            _make(reference, distribution, code, place)
    return reference


def _make(reference: str, distribution: str, code: str, place: Path) -> None:
    root = place / "root"
    # debootstrap mounts /proc in the new root; in a namespace of its own nothing stays mounted if it is killed.
    contained: list[str | Path] = [find("unshare"), "--mount", "--propagation", "slave"]
    components = "main,universe" if distribution == "ubuntu" else "main"
    options = ["--variant=minbase", f"--include={','.join(PACKAGES)}", f"--components={components}"]
    mirror = [os.environ["DEBOOTSTRAP_MIRROR"]] if "DEBOOTSTRAP_MIRROR" in os.environ else []
    run([*contained, find("debootstrap"), *options, code, root, *mirror], what="debootstrap")
    for name in STRIPPED:
        shutil.rmtree(root / name, ignore_errors=True)
    for folder in ("var/log", "var/cache/apt/archives/partial", "var/lib/apt/lists/partial"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    _check_python(root)
    run(
        [
            "tar",
            "--create",
            "--one-file-system",
            "--numeric-owner",
            "--directory",
            root,
            "--file",
            place / "root.tar",
            ".",
        ]
    )
    shutil.rmtree(root)
    dockerfile = place / "Dockerfile"
    dockerfile.write_text(
        "FROM scratch\nADD root.tar /\n"
        "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8\n"
        'CMD ["python3"]\n'
    )
    buildah.build(reference, dockerfile, place, {})


def _check_python(root: Path) -> None:
    versions = [int(path.name.removeprefix("python3.")) for path in (root / "usr/lib").glob("python3.*")]
    if max(versions, default=0) < 11:
        raise ClusterError("this distribution's Python is older than 3.11; build the images on a newer one")


@contextmanager
def _workplace() -> Iterator[Path]:
    # In the cache, because a root file system does not fit into every /tmp.
    parent = cache_dir() / "buildah"
    parent.mkdir(parents=True, exist_ok=True)
    for stale in parent.glob("base-*"):
        shutil.rmtree(stale)
    place = Path(mkdtemp(prefix="base-", dir=parent))
    try:
        yield place
    finally:
        shutil.rmtree(place)
