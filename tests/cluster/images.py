"""Builds the shipped images, each once for a state of what goes into it, and hands out archives of images."""

import hashlib
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from . import base_image, buildah, oci_archive, programs
from .errors import ClusterError, CommandFailedError
from .lock import only_one
from .paths import TREE, cache_dir
from .progress import note, step

IGNORED: Final = frozenset({"__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache", "build", "dist"})
MEGABYTE: Final = 1_000_000


@dataclass(frozen=True)
class Shipped:
    """An image that we ship: its name, its Dockerfile, and the files that decide what is in it."""

    name: str
    dockerfile: Path
    sources: tuple[Path, ...]
    version_file: Path

    @property
    def reference(self) -> str:
        """The name by which pods on the local cluster ask for it."""
        return f"localhost/{self.name}:dev"

    @property
    def version(self) -> str:
        """The version of the program in it, for the image's label."""
        found = re.search(r'^(?:__)?version(?:__)? = "(.+)"', self.version_file.read_text(), re.MULTILINE)
        if found is None:
            raise ClusterError(f"{self.version_file} holds no version")
        return found[1]


CONSTRAINTS: Final = TREE / "constraints.txt"
IGNORE_FILE: Final = TREE / ".dockerignore"
OPERATOR: Final = Shipped(
    "onnx-operator/operator",
    TREE / "operator" / "Dockerfile",
    (TREE / "operator", CONSTRAINTS, IGNORE_FILE),
    TREE / "operator" / "pyproject.toml",
)
SERVER: Final = Shipped(
    "onnx-operator/server",
    TREE / "runtime" / "Dockerfile",
    (TREE / "runtime", CONSTRAINTS, IGNORE_FILE),
    TREE / "runtime" / "onnx_server" / "__init__.py",
)
SHIPPED: Final = (OPERATOR, SERVER)


@dataclass(frozen=True)
class Built:
    """A built image: its reference, its archive, and its size as a registry would store it, in bytes."""

    reference: str
    archive: Path
    size: int


def build_all() -> list[Built]:
    """Build every shipped image whose sources changed; print the sizes."""
    programs.check(programs.IMAGES)
    with only_one(cache_dir() / "images", "building images"):
        base = os.environ.get("BASE_IMAGE") or base_image.ensure()
        return [build(image, base) for image in SHIPPED]


def build(image: Shipped, base: str) -> Built:
    """Build one image on `base` unless the cache has it for these very sources."""
    folder = cache_dir() / "images"
    stem = image.name.replace("/", "-")
    archive_file = folder / f"{stem}-{key(image, base)}.tar"
    if not archive_file.exists():
        arguments = {"BASE_IMAGE": base, **flavour(), "VERSION": image.version, "REVISION": revision()}
        with step(f"building {image.reference}"):
            # The stage that installs gets a name of its own, so that the next build finds its layers after `prune`.
            buildah.build(f"localhost/{image.name}-build:dev", image.dockerfile, TREE, arguments, stage="build")
            buildah.build(image.reference, image.dockerfile, TREE, arguments)
            buildah.save(image.reference, archive_file)
            buildah.prune()
        for old in folder.glob(f"{stem}-*.tar"):
            if old != archive_file:
                old.unlink()
    built = Built(image.reference, archive_file, sum(found.size for found in oci_archive.read(archive_file)))
    note(f"{built.reference}: {built.size / MEGABYTE:.0f} MB compressed")
    return built


def key(image: Shipped, base: str) -> str:
    """Return what names a build: it changes with every file that goes into it, and with the base."""
    digest = hashlib.sha256(f"{base}\0{flavour()}".encode())
    for source in image.sources:
        for path in sorted(source.rglob("*")) if source.is_dir() else [source]:
            if path.is_file() and not IGNORED.intersection(path.parts):
                digest.update(f"\0{path.relative_to(TREE)}\0{path.stat().st_mode & 0o111}\0".encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def flavour() -> dict[str, str]:
    """Return the build argument that `$ONNXRUNTIME` asks for, such as `onnxruntime-gpu[cuda,cudnn]`."""
    chosen = os.environ.get("ONNXRUNTIME")
    return {"ONNXRUNTIME": chosen} if chosen else {}


def revision() -> str:
    """Return the git commit of the tree, for the image's label; `unknown` outside of a repository."""
    done = subprocess.run(["git", "rev-parse", "HEAD"], cwd=TREE, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else "unknown"


def push(registry: str) -> dict[str, str]:
    """Build the shipped images and push them to `registry` (host and path); return each name's pushed reference.

    This is for `CLUSTER=current`: a cluster that is not ours pulls from a registry. Credentials are buildah's own.
    """
    pushed = {}
    build_all()
    for image in SHIPPED:
        target = f"{registry.rstrip('/')}/{image.name}:dev"
        with step(f"pushing {target}"):
            buildah.buildah("push", "--quiet", image.reference, f"docker://{target}", what=f"pushing {target}")
        pushed[image.name] = target
    return pushed


@contextmanager
def archive(image: str) -> Iterator[Path]:
    """Yield an archive of an image: a path is one already; a shipped image's latest build; else buildah's storage."""
    if Path(image).is_file():
        yield Path(image)
        return
    for shipped in SHIPPED:
        if image in (shipped.reference, shipped.reference.removeprefix("localhost/")):
            found = list((cache_dir() / "images").glob(f"{shipped.name.replace('/', '-')}-*.tar"))
            if not found:
                raise ClusterError(f"{image} is not built yet: python -m tests.cluster images")
            yield max(found, key=lambda path: path.stat().st_mtime)
            return
    with TemporaryDirectory(dir=cache_dir()) as folder:
        saved = Path(folder, "image.tar")
        try:
            buildah.save(image, saved)
        except CommandFailedError as error:
            raise ClusterError(
                f"there is no image {image!r}: not a file, not a shipped image, and not in the cache's storage. "
                f"Give the path of an archive (buildah push NAME oci-archive:PATH, or docker save)\n{error}"
            ) from error
        yield saved
