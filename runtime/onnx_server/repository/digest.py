"""The digest of a model: what `sha256sum` says of a file, or of the listing that it prints for a directory.

It is part of the contract with the operator (docs/contract.md), and anybody can compute it with standard tools.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path

RECORD_NAME = ".onnx-server-fetch.json"
STAGING_NAME = ".onnx-server-fetch.partial"


def of_file(path: Path) -> str:
    """Return the SHA-256 of the file's bytes, 64 hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def of_listing(files: Mapping[str, str]) -> str:
    """Return the SHA-256 (64 hex digits) of a directory's listing.

    `files` maps each relative path, parts joined by `/`, to the hex SHA-256 of its bytes. The listing is
    `<hex>␠␠<path>` a line, sorted by the bytes of the path, with names escaped as `sha256sum` escapes them.
    """
    listing = b"".join(_line(path.encode("utf-8", "surrogateescape"), files[path]) for path in _sorted(files))
    return hashlib.sha256(listing).hexdigest()


def of_directory(directory: Path) -> str:
    """Return the hex digest of all files below `directory`, less what `fetch` itself keeps there."""
    return of_listing({path: of_file(directory / path) for path in files_below(directory)})


def files_below(directory: Path) -> list[str]:
    """Return the relative paths of all regular files below `directory` (as `find -type f`), less fetch's own."""
    return [
        path.relative_to(directory).as_posix()
        for path in directory.rglob("*")
        if path.is_file() and not path.is_symlink() and path.relative_to(directory).parts[0] not in _OWN
    ]


_OWN = (RECORD_NAME, STAGING_NAME)


def _sorted(files: Mapping[str, str]) -> list[str]:
    return sorted(files, key=lambda path: path.encode("utf-8", "surrogateescape"))


def _line(path: bytes, hexdigest: str) -> bytes:
    escaped = path.replace(b"\\", b"\\\\").replace(b"\n", b"\\n").replace(b"\r", b"\\r")
    return (b"\\" if escaped != path else b"") + hexdigest.encode() + b"  " + escaped + b"\n"
