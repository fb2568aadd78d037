"""`onnx-server fetch`: bring a model to a directory, verify it, and leave a record of what was verified.

The directory either holds the whole verified model and its record, or neither.
"""

import asyncio
import hashlib
import re
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from onnx_server.failures import Failure, Reason
from onnx_server.repository import digest, modelfile, record, uri
from onnx_server.repository.download import Download, Downloaded
from onnx_server.repository.objects import ObjectSource
from onnx_server.repository.record import FetchRecord
from onnx_server.repository.source import FileSource, Source


@dataclass(frozen=True)
class Fetched:
    """The outcome: the digest (with prefix), number of files, bytes, seconds, and whether no download was needed."""

    digest: str
    files: int
    bytes: int
    seconds: float
    reused: bool

    def message(self) -> dict[str, object]:
        """Return the termination message."""
        return {
            "result": "Fetched",
            "digest": self.digest,
            "files": self.files,
            "bytes": self.bytes,
            "seconds": round(self.seconds, 3),
        }


@dataclass(frozen=True)
class Expected:
    """What the model must hash to: `declared` 64 hex digits, `pinned` with prefix; None where nothing is asked."""

    declared: str | None
    pinned: str | None

    def accepts(self, actual: str) -> bool:
        """Whether `actual` (with prefix) is all that is expected."""
        return self.declared in {None, actual.removeprefix(record.PREFIX)} and self.pinned in {None, actual}

    def check(self, actual: str, shown: str) -> None:
        """Raise Failure DigestMismatch or ContentChanged unless `actual` (with prefix) is what is expected."""
        if self.declared is not None and actual != record.PREFIX + self.declared:
            message = f"{shown} has the digest {actual}, declared was sha256 {self.declared}: correct one of them"
            raise Failure(Reason.DIGEST_MISMATCH, message)
        if self.pinned is not None and actual != self.pinned:
            message = (
                f"{shown} has the digest {actual}, but this revision serves {self.pinned}: "
                "put the old content back, or give the new one its own URI"
            )
            raise Failure(Reason.CONTENT_CHANGED, message)


def fetch(
    model_uri: str,
    directory: Path,
    *,
    sha256: str | None,
    live: Path | None,
    max_bytes: int | None,
    timeout: float,
) -> Fetched:
    """Fetch `model_uri` into `directory`; `live` is the directory that may hold the pinned digest.

    Files that an earlier run verified are hashed again and kept. Raises Failure with the reasons of docs/contract.md.
    """
    started = time.monotonic()
    source_uri = uri.parse(model_uri)
    expected = Expected(_declared(sha256), _pinned(live))
    fingerprint = hashlib.sha256(model_uri.encode()).hexdigest()

    kept = record.read(directory)
    usable = kept is not None and kept.uri_sha256 == fingerprint and expected.accepts(kept.digest)
    if kept is not None and usable and _still_there(directory, kept):
        return Fetched(kept.digest, len(kept.files), kept.bytes, time.monotonic() - started, reused=True)

    staging = directory / digest.STAGING_NAME
    try:
        _clear(directory, kept, staging)
        source: Source = FileSource(source_uri) if source_uri.kind == "file" else ObjectSource(source_uri, timeout)
        download = Download(source, staging, source_uri.shown, max_bytes=max_bytes, timeout=timeout)
        downloaded = asyncio.run(download.run())
        actual = record.digest_of(downloaded.files, single=not source_uri.directory)
        expected.check(actual, source_uri.shown)
        model = modelfile.choose(downloaded.files, source_uri.shown)
        modelfile.read_header(staging / model, source_uri.shown + (model if source_uri.directory else ""))
        new = FetchRecord(
            uri_sha256=fingerprint,
            digest=actual,
            single=not source_uri.directory,
            model=model,
            files=downloaded.files,
            bytes=downloaded.bytes,
        )
        _publish(staging, directory, downloaded, new)
    except OSError as error:
        message = f"cannot write {error.filename or directory}: {error.strerror}"
        raise Failure(Reason.STORE_UNREACHABLE, message) from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return Fetched(actual, len(new.files), new.bytes, time.monotonic() - started, reused=False)


def _declared(sha256: str | None) -> str | None:
    if sha256 is None:
        return None
    if not re.fullmatch(r"[0-9a-fA-F]{64}", sha256):
        message = f"the declared sha256 must be 64 hex digits, got {sha256!r}"
        raise Failure(Reason.DIGEST_MISMATCH, message)
    return sha256.lower()


def _pinned(live: Path | None) -> str | None:
    """Return the digest in the live directory; a missing file or directory means that nothing is pinned yet."""
    if live is None:
        return None
    try:
        return (live / "digest").read_text().strip() or None
    except (FileNotFoundError, NotADirectoryError):
        return None


def _still_there(directory: Path, kept: FetchRecord) -> bool:
    try:
        files = {path: digest.of_file(directory / path) for path in kept.files}
    except OSError:
        return False
    return files == kept.files and kept.digest == kept.verified_digest


def _clear(directory: Path, kept: FetchRecord | None, staging: Path) -> None:
    """Remove what an earlier run left: its partial download, and its files with their record (the record first)."""
    shutil.rmtree(staging, ignore_errors=True)
    if kept is not None:
        (directory / digest.RECORD_NAME).unlink()
        for path in kept.files:
            (directory / path).unlink(missing_ok=True)
    staging.mkdir(parents=True)


def _publish(staging: Path, directory: Path, downloaded: Downloaded, new: FetchRecord) -> None:
    for path in downloaded.files:
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (staging / path).replace(directory / path)
    record.write(directory, new)
