"""Runs buildah with storage in the cache, in a mount namespace of its own, so that a killed build leaves no mount.

Host settings that a build may need (CA certificates, pip's configuration) are handed through, never written down.
"""

import configparser
import contextlib
import os
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from .commands import run
from .errors import ClusterError
from .paths import cache_dir
from .programs import find, search_path

FIXED: Final = Path("/var/lib/containers")
"""Where buildah keeps a cache of its own, whatever its options say; it gets an empty one that is gone afterwards."""

CERTIFICATES: Final = Path("/etc/ssl/certs")


def buildah(*arguments: str | Path, what: str = "buildah") -> str:
    """Run one buildah command; returns its stdout."""
    if os.geteuid() != 0:
        raise ClusterError("building images needs root: run this with sudo")
    storage, state, tmp = (cache_dir() / "buildah" / name for name in ("storage", "run", "tmp"))
    for folder in (storage, state, tmp):
        folder.mkdir(parents=True, exist_ok=True)
    command: list[str | Path] = [
        find("buildah"),
        "--root",
        storage,
        "--runroot",
        state,
        "--storage-driver",
        "overlay",
        *arguments,
    ]
    # What buildah remembers of its mounts is only true in this namespace, so it forgets it with the namespace.
    mounts = [f"mount -t tmpfs -o mode=700 tmpfs {shlex.quote(str(place))}" for place in (state, FIXED)]
    script = " && ".join([*mounts, f"exec {shlex.join(map(str, command))}"])
    unshare: list[str | Path] = [find("unshare"), "--mount", "--propagation", "slave", "/bin/sh", "-c", script]
    with _present(FIXED):
        return run(unshare, environment={"TMPDIR": str(tmp), "PATH": search_path()}, what=what)


@contextmanager
def _present(folder: Path) -> Iterator[None]:
    made = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield
    finally:
        if made:
            with contextlib.suppress(OSError):  # another build may have removed it, or may use it
                folder.rmdir()


def build(
    reference: str, dockerfile: Path, context: Path, arguments: Mapping[str, str], *, stage: str | None = None
) -> None:
    """Build a Dockerfile, or one stage of it, into the cache's storage under `reference`."""
    with pip_configuration() as pip:
        secret = [f"--secret=id=pip,src={pip}"]
        certificates = [f"--volume={CERTIFICATES}:{CERTIFICATES}:ro"] if CERTIFICATES.is_dir() else []
        buildah(
            "build",
            "--isolation=chroot",
            "--network=host",
            "--layers",
            "--pull=never",
            *secret,
            *certificates,
            *(f"--build-arg={name}={value}" for name, value in arguments.items()),
            f"--tag={reference}",
            f"--file={dockerfile}",
            *([] if stage is None else [f"--target={stage}"]),
            context,
            what=f"buildah build of {dockerfile}",
        )


def prune() -> None:
    """Remove what killed builds left, and layers that no named image needs."""
    buildah("rm", "--all", what="buildah rm --all")
    buildah("rmi", "--prune", what="buildah rmi --prune")


def save(reference: str, archive: Path) -> None:
    """Write an image of the cache's storage to an OCI archive, compressed, under its reference."""
    partial = archive.with_name(f"{archive.name}.partial")
    partial.unlink(missing_ok=True)
    archive.parent.mkdir(parents=True, exist_ok=True)
    buildah("push", "--quiet", reference, f"oci-archive:{partial}:{reference}", what=f"writing {archive.name}")
    partial.rename(archive)


def exists(reference: str) -> bool:
    """Whether the cache's storage has this image."""
    return bool(buildah("images", "--quiet", "--filter", f"reference={reference}").strip())


@contextmanager
def pip_configuration() -> Iterator[Path]:
    """Yield a file with pip's settings of this machine: its configuration files, and over them the environment."""
    merged = configparser.ConfigParser(interpolation=None)
    merged.read(
        [
            "/etc/pip.conf",
            Path.home() / ".pip" / "pip.conf",
            Path.home() / ".config" / "pip" / "pip.conf",
            os.environ.get("PIP_CONFIG_FILE", os.devnull),
        ]
    )
    if not merged.has_section("global"):
        merged.add_section("global")
    for name, value in os.environ.items():
        option = name.removeprefix("PIP_").lower().replace("_", "-")
        if name.startswith("PIP_") and option not in ("config-file", "require-virtualenv"):
            merged.set("global", option, value)
    with TemporaryDirectory() as folder:
        file = Path(folder, "pip.conf")
        with file.open("w") as output:
            merged.write(output)
        yield file
