"""Record ONNX Runtime's profile of a model's next runs, by a second session that does them meanwhile.

A session records from its making or never, so a profile needs one of its own, and the memory of one.
"""

import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from onnx_server.engine.model import Model, Runs
from onnx_server.engine.trace import Summary, summarise
from onnx_server.engine.warmup import warm_up
from onnx_server.protocol.datatypes import Tensor
from onnx_server.protocol.errors import ModelFailedError

# ONNX Runtime keeps all events in memory until the end; a model with a long loop makes many in one run.
_GROWTH_BYTES = 256 * 2**20

Open = Callable[[Path], Model]
"""Load the model once more, recording to a file whose path starts with this."""


class Recording:
    """The session that records, one run at a time and at most `runs` of them, on the threads that run the model."""

    def __init__(self, model: Model, runs: int) -> None:
        self.model = model
        self._changed = threading.Condition()
        self._left = runs
        self._running = 0
        self._memory = _resident_bytes()
        self.recorded = 0

    def enter(self) -> bool:
        """Return whether the caller is to run `model`, and then to say leave()."""
        with self._changed:
            if self._left == 0 or self._running:
                return False
            self._left -= 1
            self._running += 1
            return True

    def leave(self) -> None:
        """Say that a run is over."""
        with self._changed:
            self._running -= 1
            self.recorded += 1
            if _resident_bytes() - self._memory > _GROWTH_BYTES:
                self._left = 0
            self._changed.notify_all()

    def stop(self) -> None:
        """Let no further run enter."""
        with self._changed:
            self._left = 0
            self._changed.notify_all()

    def wait(self, seconds: float) -> None:
        """Return when all runs are recorded, or after `seconds` and the end of what runs then."""
        with self._changed:
            self._changed.wait_for(lambda: self._left == 0, seconds)
            self._left = 0
            self._changed.wait_for(lambda: self._running == 0)


class Profiler:
    """What profiles of one model version are recorded with."""

    def __init__(self, load: Open) -> None:
        self._load = load
        self.recording: Recording | None = None

    def tap(self, model: Runs) -> Runs:
        """Return `model` so that its runs can be recorded."""
        return _Tapped(model, self)

    def record(self, directory: Path, runs: int, seconds: float, begun: Callable[[Recording], None]) -> "Profile":
        """Record the next `runs` runs, or those of the next `seconds`, and return when that is done.

        Of several instances that run at once, one is recorded at a time.
        `begun` hears when the recording begins; the session is loaded and warmed up by then. Raises Failure if the
        model does not load.
        """
        model = self._load(directory / "trace")
        warm_up(model, model.signature)
        since = (time.time_ns() - model.session.get_profiling_start_time_ns()) / 1e3
        recording = Recording(model, runs)
        begun(recording)
        self.recording = recording
        try:
            recording.wait(seconds)
        finally:
            self.recording = None
        return end(model, since)


@dataclass(frozen=True, slots=True)
class Profile:
    """A recorded profile: its file, and the sum of it less the warm-up."""

    trace: Path
    summary: Summary


def end(model: Model, since: float) -> Profile:
    """End the recording of `model` and sum up what came at or after `since`, in microseconds of the trace."""
    trace = Path(model.session.end_profiling())
    with trace.open("rb") as lines:
        return Profile(trace, summarise(lines, since))


class _Tapped:
    """Runs a model, or while a profile is recorded the session that records."""

    def __init__(self, model: Runs, profiler: Profiler) -> None:
        self._model = model
        self._profiler = profiler

    def run(self, inputs: Mapping[str, Tensor], outputs: Sequence[str]) -> list[Tensor]:
        recording = self._profiler.recording
        if recording is not None and recording.enter():
            try:
                return recording.model.run(inputs, outputs)
            except ModelFailedError:
                pass  # A profile costs nobody an answer, say for want of memory: the model's own session decides.
            finally:
                recording.leave()
        return self._model.run(inputs, outputs)


def _resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_bytes().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
