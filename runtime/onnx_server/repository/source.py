"""What the download needs of a place that holds models, and the simplest such place: the local file system."""

import errno
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from onnx_server.failures import Failure, Reason
from onnx_server.repository.uri import ModelURI

_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class Item:
    """One file to fetch: `key` in the store, `path` relative to the model (parts joined by `/`), size in bytes.

    The size is what the store said beforehand; None where it says so only with the content.
    """

    key: str
    path: str
    size: int | None


class InterruptedContentError(Exception):
    """The content of a file broke off; it may be asked for again. The message says how it broke."""


class Source(Protocol):
    """A place that holds models. Its methods raise Failure, typed, for all that cannot be mended by asking again."""

    async def items(self) -> list[Item]:
        """Return the files of the model, never empty."""

    def chunks(self, item: Item) -> AsyncIterator[bytes]:
        """Yield the content of `item` from its start. Raises InterruptedContentError when it breaks off."""


class FileSource:
    """Files and directories of this machine. Symbolic links to files are followed."""

    def __init__(self, uri: ModelURI) -> None:
        self._uri = uri
        self._root = Path(uri.key)

    async def items(self) -> list[Item]:
        """Return the file, or all files below the directory."""
        try:
            if self._uri.directory:
                found = [
                    Item(str(path), path.relative_to(self._root).as_posix(), path.stat().st_size)
                    for path in self._root.rglob("*")
                    if path.is_file()
                ]
            elif self._root.is_dir():
                message = f"{self._uri.shown} is a directory: end the URI with '/' to mean all files in it"
                raise Failure(Reason.MODEL_NOT_FOUND, message)
            else:
                found = [Item(str(self._root), self._uri.file_name, self._root.stat().st_size)]
        except OSError as error:
            raise self._failure(error) from error
        if not found:
            raise Failure(Reason.MODEL_NOT_FOUND, f"there are no files below {self._uri.shown}")
        return found

    async def chunks(self, item: Item) -> AsyncIterator[bytes]:
        """Yield the file's content. A local read neither hangs nor breaks off in a way that asking again mends."""
        try:
            descriptor = os.open(item.key, os.O_RDONLY)
            with os.fdopen(descriptor, "rb") as file:
                while chunk := file.read(_CHUNK_BYTES):
                    yield chunk
        except OSError as error:
            raise self._failure(error) from error

    def _failure(self, error: OSError) -> Failure:
        if error.errno in {errno.EACCES, errno.EPERM}:
            return Failure(Reason.ACCESS_DENIED, f"{self._uri.shown} may not be read by user {os.getuid()}")
        if error.errno in {errno.ENOENT, errno.ENOTDIR}:
            return Failure(Reason.MODEL_NOT_FOUND, f"there is nothing at {self._uri.shown}: check the path")
        return Failure(Reason.STORE_UNREACHABLE, f"cannot read {self._uri.shown}: {error.strerror}")
