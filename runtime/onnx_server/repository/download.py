"""Bring the files of a model to a directory: streamed, hashed on the way, bounded in bytes and in silence."""

import errno
import hashlib
import logging
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from onnx_server.failures import Failure, Reason
from onnx_server.repository.source import InterruptedContentError, Item, Source

log = logging.getLogger(__name__)

_PROGRESS_SECONDS = 5.0
# At a file, each with the store client's own retries.
_ATTEMPTS = 3


@dataclass
class Downloaded:
    """What came: hex SHA-256 by relative path, and bytes in all."""

    files: dict[str, str] = field(default_factory=dict)
    bytes: int = 0


class Download:
    """One download into `target`, an empty directory. `shown` is the model's URI for messages."""

    def __init__(
        self,
        source: Source,
        target: Path,
        shown: str,
        *,
        max_bytes: int | None,
        timeout: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source = source
        self._target = target
        self._shown = shown
        self._max_bytes = max_bytes
        self._timeout = timeout
        self._clock = clock
        self._last_report = clock()
        self._announced: int | None = None
        self._result = Downloaded()

    async def run(self) -> Downloaded:
        """Fetch all files. Raises Failure, typed; what was written until then stays in `target`."""
        try:
            items = sorted(await self._source.items(), key=lambda item: item.path)
            self._check_announced(items)
            for item in items:
                self._result.files[item.path] = await self._fetch(item)
        except TimeoutError as error:
            message = (
                f"{self._shown} gave no data for {self._timeout:g} s after {self._result.bytes} bytes: "
                "check the network, or allow more time"
            )
            raise Failure(Reason.FETCH_TIMEOUT, message) from error
        except OSError as error:
            raise self._disk_failure(error) from error
        return self._result

    async def _fetch(self, item: Item) -> str:
        path = self._safe_path(item)
        path.parent.mkdir(parents=True, exist_ok=True)
        for attempt in range(1, _ATTEMPTS + 1):
            before = self._result.bytes
            try:
                return await self._write(item, path)
            except InterruptedContentError as interruption:
                if attempt == _ATTEMPTS:
                    raise Failure(Reason.STORE_UNREACHABLE, str(interruption)) from interruption
                log.warning("interrupted, once more", extra={"file": item.path, "why": str(interruption)})
                # From the start: nothing says that the rest would be of the same content.
                self._result.bytes = before
        raise AssertionError("the last attempt returns or raises")

    async def _write(self, item: Item, path: Path) -> str:
        hashed = hashlib.sha256()
        with path.open("wb") as file:
            async for chunk in self._source.chunks(item):
                hashed.update(chunk)
                file.write(chunk)
                self._count(len(chunk))
        return hashed.hexdigest()

    def _safe_path(self, item: Item) -> Path:
        relative = PurePosixPath(item.path)
        if relative.is_absolute() or ".." in relative.parts or any(ord(c) < 0x20 for c in item.path):
            raise Failure(Reason.INVALID_URI, f"{self._shown} holds a file whose name cannot be used: {item.path!r}")
        return self._target / relative

    def _check_announced(self, items: list[Item]) -> None:
        if any(item.size is None for item in items):
            return
        self._announced = sum(item.size or 0 for item in items)
        self._check_size(self._announced)
        free = shutil.disk_usage(self._target).free
        if self._announced > free:
            message = (
                f"{self._shown} has {self._announced} bytes, and the volume has {free} bytes left: give it a larger one"
            )
            raise Failure(Reason.MODEL_TOO_LARGE, message)

    def _check_size(self, size: int) -> None:
        if self._max_bytes is not None and size > self._max_bytes:
            message = f"{self._shown} has {size} bytes or more, and {self._max_bytes} are allowed (--max-bytes)"
            raise Failure(Reason.MODEL_TOO_LARGE, message)

    def _count(self, size: int) -> None:
        self._result.bytes += size
        self._check_size(self._result.bytes)
        now = self._clock()
        if now - self._last_report >= _PROGRESS_SECONDS:
            self._last_report = now
            log.info("fetching", extra={"bytes": self._result.bytes, "of": self._announced})

    def _disk_failure(self, error: OSError) -> Failure:
        if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
            message = f"the volume is full after {self._result.bytes} bytes of {self._shown}: give it a larger one"
            return Failure(Reason.MODEL_TOO_LARGE, message)
        where = error.filename or self._target
        return Failure(Reason.STORE_UNREACHABLE, f"cannot write {where}: {error.strerror}")
