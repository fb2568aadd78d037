"""The profiles that a server records: one at a time, on a thread of its own. The last one is kept."""

import contextlib
import logging
import shutil
import tempfile
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

from onnx_server.engine.profiling import Profile, Profiler, Recording
from onnx_server.failures import Failure
from onnx_server.protocol.errors import RequestError

log = logging.getLogger(__name__)

MAX_REQUESTS, MAX_SECONDS = 1000, 300
_CLOSE_SECONDS = 2.0


class Stage(StrEnum):
    """LOADING (the second session) → RECORDING → DONE, or FAILED with a message."""

    LOADING = "Loading"
    RECORDING = "Recording"
    DONE = "Done"
    FAILED = "Failed"


@dataclass(eq=False)
class Job:
    """One profile that was asked for."""

    model: str
    version: str
    requests: int
    seconds: float
    directory: Path
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    stage: Stage = Stage.LOADING
    message: str = ""
    recording: Recording | None = None
    profile: Profile | None = None

    def describe(self) -> dict[str, object]:
        """Return the document of `GET /v1/profile/ID`."""
        return {
            "id": self.id,
            "model": self.model,
            "version": self.version,
            "state": self.stage.value,
            "message": self.message,
            "requests": self.requests,
            "seconds": self.seconds,
            "recorded": self.recording.recorded if self.recording else 0,
            "profile": self.profile.summary.describe() if self.profile else None,
            "trace": f"/v1/profile/{self.id}/trace" if self.profile and self.profile.trace.exists() else None,
        }


class Profiles:
    """The last profile and its thread. Files are below the temporary directory, and gone when the process ends."""

    def __init__(self) -> None:
        self._job: Job | None = None
        self._thread: threading.Thread | None = None

    def start(self, profiler: Profiler, model: str, version: str, requests: int, seconds: float) -> Job:
        """Begin a profile; the one before is forgotten. Raises RequestError 409 while one is recorded."""
        if self._thread is not None and self._thread.is_alive() and self._job is not None:
            message = f"the profile {self._job.id} is {self._job.stage.value.lower()}: one at a time, try again later"
            raise RequestError(409, message)
        self._forget()
        job = Job(model, version, requests, seconds, Path(tempfile.mkdtemp(prefix="onnx-server-profile-")))
        self._job = job
        # A daemon: ONNX Runtime cannot be interrupted while it loads.
        self._thread = threading.Thread(target=_record, args=(job, profiler), name="profile", daemon=True)
        self._thread.start()
        return job

    def find(self, job_id: str) -> Job:
        """Return the profile. Raises RequestError 404."""
        if self._job is None or self._job.id != job_id:
            raise RequestError(404, f"there is no profile '{job_id}': the server keeps the last one that was asked for")
        return self._job

    def take_trace(self, job_id: str) -> BinaryIO:
        """Return the trace's file, open and removed already. Raises RequestError 404, also if it was taken before."""
        job = self.find(job_id)
        if job.profile is None:
            raise RequestError(404, f"there is no trace of the profile '{job_id}': it is {job.stage.value.lower()}")
        try:
            file = job.profile.trace.open("rb")
            job.profile.trace.unlink()
        except FileNotFoundError:
            message = f"the trace of the profile '{job_id}' was fetched before, which removed it"
            raise RequestError(404, message) from None
        return file

    def close(self) -> bool:
        """End what is recorded and remove all files. Return whether ONNX Runtime still loads, on a thread of ours."""
        thread, job = self._thread, self._job
        if thread is not None and job is not None:
            if job.recording is not None:
                job.recording.stop()
            thread.join(_CLOSE_SECONDS)
        self._forget()
        return thread is not None and thread.is_alive()

    def _forget(self) -> None:
        if self._job is not None:
            shutil.rmtree(self._job.directory, ignore_errors=True)
        self._job = None


def _record(job: Job, profiler: Profiler) -> None:
    def begun(recording: Recording) -> None:
        job.recording = recording
        job.stage = Stage.RECORDING

    with _typed(job):
        job.profile = profiler.record(job.directory, job.requests, job.seconds, begun)
        job.stage = Stage.DONE


@contextlib.contextmanager
def _typed(job: Job) -> Iterator[None]:
    try:
        yield
    except Failure as failure:
        job.message, job.stage = failure.message, Stage.FAILED
    except Exception as error:
        log.exception("a profile failed")
        job.message, job.stage = f"{type(error).__name__}: {error}", Stage.FAILED
