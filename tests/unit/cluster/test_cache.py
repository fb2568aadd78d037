"""The cache's keys change with what decides the content, and with nothing else."""

import tarfile
from pathlib import Path

import pytest

from tests.cluster import images, oci_archive, tools
from tests.cluster.errors import ClusterError
from tests.cluster.paths import cache_dir


def test_the_cache_is_where_it_is_asked_to_be(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.delenv("ONNX_OPERATOR_CACHE", raising=False)
    assert cache_dir() == tmp_path / "xdg" / "onnx-operator"
    monkeypatch.setenv("ONNX_OPERATOR_CACHE", str(tmp_path / "own"))
    assert cache_dir() == tmp_path / "own"


@pytest.mark.parametrize("module", tools.MODULES)
def test_a_build_is_named_by_version_and_go(module: str) -> None:
    key = tools.key(module, "go1.26.1")
    assert key.startswith(f"{module}-{tools.version(module)}-")
    assert key == tools.key(module, "go1.26.1")
    assert key != tools.key(module, "go1.26.2")


@pytest.mark.parametrize("module", tools.MODULES)
def test_each_program_has_a_tool_line(module: str) -> None:
    text = (tools.SOURCES / module / "go.mod").read_text()
    assert all(f"/{name}\n" in text for name in tools.MODULES[module])


def test_kubernetes_shows_its_version() -> None:
    assert "version.gitVersion=v1.34.4" in tools.linker_flags("kubernetes")
    assert "version.gitMinor=34" in tools.linker_flags("kubernetes")


def test_an_unknown_tool_is_named_with_the_known_ones() -> None:
    with pytest.raises(ClusterError, match=r"no tool is called 'kubctl'; there are .*kubectl"):
        tools.binary("kubctl")


def test_an_images_key_changes_with_its_base_and_flavour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ONNXRUNTIME", raising=False)
    key = images.key(images.SERVER, "base:1")
    assert key == images.key(images.SERVER, "base:1")
    assert key != images.key(images.SERVER, "base:2")
    monkeypatch.setenv("ONNXRUNTIME", "onnxruntime-gpu[cuda,cudnn]")
    assert key != images.key(images.SERVER, "base:1")


def test_the_images_know_their_versions() -> None:
    assert all(image.version.count(".") == 2 for image in images.SHIPPED)


def test_an_archive_says_what_is_in_it(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_bytes(b"x" * 1000)
    archive = tmp_path / "image.tar"
    oci_archive.write(
        archive,
        "localhost/some:dev",
        programs={"bin/program": program},
        texts={"etc/some": "text"},
        links={"bin/link": "program"},
        entrypoint=["/bin/program"],
        architecture="amd64",
    )
    (image,) = oci_archive.read(archive)
    assert image.name == "localhost/some:dev"
    assert image.digest.startswith("sha256:")
    assert 0 < image.size < 1000
    assert oci_archive.read(program) == []


def test_a_derived_image_has_the_layers_of_its_base_and_one_more(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_bytes(b"x" * 100)
    base, derived = tmp_path / "base.tar", tmp_path / "derived.tar"
    oci_archive.write(
        base,
        "localhost/tool:dev",
        programs={"bin/tool": program},
        texts={"etc/name": "base\n"},
        links={},
        entrypoint=["/bin/tool"],
        architecture="amd64",
    )
    oci_archive.derive(base, derived, "localhost/tool:another", {"etc/name": "derived\n"})
    (before,), (after,) = oci_archive.read(base), oci_archive.read(derived)
    assert after.name == "localhost/tool:another"
    assert after.size > before.size
    with tarfile.open(base) as old, tarfile.open(derived) as new:
        kept = {name for name in old.getnames() if name.startswith("blobs/")} & set(new.getnames())
        layers = [blob for blob in new.getnames() if blob.startswith("blobs/") and _is_layer(new, blob)]
        contents = [_files(new, blob) for blob in layers]
    assert len(kept) == 1
    assert contents == [{"bin/tool": b"x" * 100, "etc/name": b"base\n"}, {"etc/name": b"derived\n"}]


def _is_layer(archive: tarfile.TarFile, blob: str) -> bool:
    file = archive.extractfile(blob)
    return file is not None and file.read(2) == b"\x1f\x8b"


def _files(archive: tarfile.TarFile, blob: str) -> dict[str, bytes]:
    with tarfile.open(fileobj=archive.extractfile(blob), mode="r:gz") as layer:
        files = {member.name: layer.extractfile(member) for member in layer}
        return {name: file.read() for name, file in files.items() if file}
