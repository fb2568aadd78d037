"""The shipped images as a registry gets them: small, not of root, named, and without what installs or builds."""

import fnmatch
import json
import tarfile
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from tests.cluster import images
from tests.cluster.images import Built

LABEL = "org.opencontainers.image."
TITLES = {"onnx-operator/server": "onnx-server", "onnx-operator/operator": "onnx-operator"}
LIMIT = 200_000_000
"""Bytes of the server's layers as a registry stores them, compressed."""

UNWANTED = tuple(
    f"*/{name}"
    for name in (
        *("pip", "pip-*", "bin/pip*", "setuptools", "setuptools-*", "ensurepip"),
        *("bin/cc", "bin/gcc", "bin/gcc-*", "bin/*-gcc", "bin/*-gcc-*"),
    )
)
"""Paths of what installs packages or builds programs."""


@pytest.fixture(scope="module", params=images.SHIPPED, ids=lambda image: image.name)
def built(request: pytest.FixtureRequest) -> Built:
    """Each of the shipped images."""
    (found,) = [image for image in images.build_all() if image.reference == request.param.reference]
    return found


def test_the_server_image_is_slim() -> None:
    (server,) = [image for image in images.build_all() if image.reference == images.SERVER.reference]
    assert 0 < server.size <= LIMIT


def test_an_image_runs_as_a_numeric_user_and_says_what_it_is(built: Built) -> None:
    with tarfile.open(built.archive) as archive:
        config = _blob(archive, _manifest(archive)["config"])["config"]
    assert config["User"] == "10001:10001"
    (shipped,) = [image for image in images.SHIPPED if image.reference == built.reference]
    assert config["Labels"][f"{LABEL}title"] == TITLES[shipped.name]
    assert config["Labels"][f"{LABEL}version"] == shipped.version
    assert config["Labels"][f"{LABEL}licenses"] == "Apache-2.0"


def test_an_image_holds_nothing_that_installs_or_builds(built: Built) -> None:
    paths = _paths(built.archive)
    assert any(PurePosixPath(path).name.startswith("python3") for path in paths), "the layers were read"
    assert sorted(path for path in paths if any(fnmatch.fnmatchcase(f"/{path}", name) for name in UNWANTED)) == []


def test_a_layer_hides_what_it_deletes() -> None:
    lower = {"usr", "usr/bin", "usr/bin/pip", "usr/lib", "usr/lib/ensurepip", "usr/lib/ensurepip/main.py", "opt"}
    assert _laid_over(lower, ["usr/bin/.wh.pip", "usr/bin/python3"]) == lower - {"usr/bin/pip"} | {"usr/bin/python3"}
    assert _laid_over(lower, ["usr/lib/.wh.ensurepip"]) == {"usr", "usr/bin", "usr/bin/pip", "usr/lib", "opt"}
    assert _laid_over(lower, ["usr/.wh..wh..opq", "usr/new"]) == {"usr", "usr/new", "opt"}


def _paths(archive_file: Path) -> set[str]:
    """Return the paths that a container of the image sees."""
    paths: set[str] = set()
    with tarfile.open(archive_file) as archive:
        for layer in _manifest(archive)["layers"]:
            with tarfile.open(fileobj=archive.extractfile(_path(layer)), mode="r:*") as tar:
                paths = _laid_over(paths, [member.name.removeprefix("./").strip("/") for member in tar])
    return paths


def _laid_over(paths: set[str], layer: list[str]) -> set[str]:
    """Return what is there after a layer of these names is laid over what was there."""
    deleted, added = set(), set()
    for name in layer:
        path = PurePosixPath(name)
        if path.name == ".wh..wh..opq":
            deleted |= {f"{path.parent}/"}
        elif path.name.startswith(".wh."):
            gone = str(path.parent / path.name.removeprefix(".wh."))
            deleted |= {f"{gone}/"}
            paths = paths - {gone}
        else:
            added.add(name)
    kept = {path for path in paths if not any(f"{parent}/" in deleted for parent in PurePosixPath(path).parents)}
    return kept | added


def _manifest(archive: tarfile.TarFile) -> dict[str, Any]:
    index = archive.extractfile("index.json")
    assert index is not None
    (entry,) = json.load(index)["manifests"]
    return _blob(archive, entry)


def _blob(archive: tarfile.TarFile, descriptor: dict[str, Any]) -> dict[str, Any]:
    file = archive.extractfile(_path(descriptor))
    assert file is not None
    found: dict[str, Any] = json.load(file)
    return found


def _path(descriptor: dict[str, Any]) -> str:
    return f"blobs/{descriptor['digest'].replace(':', '/')}"
