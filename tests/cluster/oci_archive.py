"""Reads OCI archives, writes small ones of one layer, and lays a layer over others, without a builder."""

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

REFERENCE: Final = "org.opencontainers.image.ref.name"
INDEX: Final = "application/vnd.oci.image.index.v1+json"
MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
CONFIG: Final = "application/vnd.oci.image.config.v1+json"
LAYER: Final = "application/vnd.oci.image.layer.v1.tar+gzip"


@dataclass(frozen=True)
class Image:
    """One image of an archive: its name, its manifest's digest, and the bytes of its layers, compressed."""

    name: str
    digest: str
    size: int


def read(archive: Path) -> list[Image]:
    """Return an OCI archive's images; none when the file is another kind of archive."""
    try:
        with tarfile.open(archive) as tar:
            index = _load(tar, "index.json")
            return [_image(tar, entry) for entry in index["manifests"]]
    except (KeyError, tarfile.TarError):
        return []


def _image(tar: tarfile.TarFile, entry: dict[str, Any]) -> Image:
    manifest = _load(tar, _blob(entry["digest"]))
    size = sum(layer["size"] for layer in manifest["layers"])
    return Image(entry.get("annotations", {}).get(REFERENCE, ""), entry["digest"], size)


def _load(tar: tarfile.TarFile, name: str) -> Any:
    return json.loads(_read(tar, name))


def _read(tar: tarfile.TarFile, name: str) -> bytes:
    file = tar.extractfile(name)
    if file is None:
        raise KeyError(name)
    return file.read()


def _blob(digest: str) -> str:
    return f"blobs/{digest.replace(':', '/')}"


def write(
    archive: Path,
    name: str,
    *,
    programs: Mapping[str, Path],
    texts: Mapping[str, str],
    links: Mapping[str, str],
    entrypoint: Sequence[str],
    architecture: str,
) -> None:
    """Write an image of one layer: `programs` (path in the image: source), `texts` (path: content) and `links`."""
    config = {
        "architecture": architecture,
        "os": "linux",
        "config": {"Entrypoint": list(entrypoint), "Env": ["PATH=/bin"]},
        "rootfs": {"type": "layers", "diff_ids": []},
    }
    manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "layers": []}
    _store(archive, name, manifest, config, {}, _layer(programs, texts, links))


def derive(base: Path, archive: Path, name: str, texts: Mapping[str, str]) -> None:
    """Write the image of the archive `base` with one more layer, under another name: `texts` is path to content."""
    with tarfile.open(base) as tar:
        (entry,) = _load(tar, "index.json")["manifests"]
        manifest = _load(tar, _blob(entry["digest"]))
        config = _load(tar, _blob(manifest["config"]["digest"]))
        layers = {_blob(layer["digest"]): _read(tar, _blob(layer["digest"])) for layer in manifest["layers"]}
    config.pop("history", None)  # it would have to tell of the new layer
    _store(archive, name, manifest, config, layers, _layer({}, texts, {}))


def _store(
    archive: Path, name: str, manifest: dict[str, Any], config: dict[str, Any], layers: dict[str, bytes], plain: bytes
) -> None:
    """Write an image whose manifest and config tell of `layers`, with `plain` as one more on top of them."""
    layer = gzip.compress(plain, mtime=0)
    rootfs = {**config["rootfs"], "diff_ids": [*config["rootfs"]["diff_ids"], _digest(plain)]}
    config_bytes = json.dumps({**config, "rootfs": rootfs}).encode()
    described = {
        "config": _descriptor(CONFIG, config_bytes),
        "layers": [*manifest["layers"], _descriptor(LAYER, layer)],
    }
    manifest_bytes = json.dumps({**manifest, **described}).encode()
    entry = {**_descriptor(MANIFEST, manifest_bytes), "annotations": {REFERENCE: name}}
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]}
    blobs = layers | {_blob(_digest(blob)): blob for blob in (layer, config_bytes, manifest_bytes)}
    documents = {"oci-layout": b'{"imageLayoutVersion": "1.0.0"}', "index.json": json.dumps(index).encode()}
    partial = archive.with_name(f"{archive.name}.partial")
    archive.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(partial, "w") as tar:
        for path, content in (documents | blobs).items():
            tar.addfile(_member(path, len(content), 0o644), io.BytesIO(content))
    partial.rename(archive)


def _layer(programs: Mapping[str, Path], texts: Mapping[str, str], links: Mapping[str, str]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for path, source in programs.items():
            content = source.read_bytes()
            tar.addfile(_member(path, len(content), 0o755), io.BytesIO(content))
        for path, text in texts.items():
            tar.addfile(_member(path, len(text.encode()), 0o644), io.BytesIO(text.encode()))
        for path, target in links.items():
            link = _member(path, 0, 0o777)
            link.type, link.linkname = tarfile.SYMTYPE, target
            tar.addfile(link)
    return buffer.getvalue()


def _member(path: str, size: int, mode: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(path)
    member.size, member.mode = size, mode
    return member


def _descriptor(media_type: str, content: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": _digest(content), "size": len(content)}


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
