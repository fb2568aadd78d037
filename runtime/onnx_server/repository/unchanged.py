"""Whether a model's files are still those that were loaded, as far as the file system tells without comparing bytes."""

import time
from pathlib import Path

from onnx_server.failures import Failure, Reason
from onnx_server.repository.external import external_files


class Unchanged:
    """The state of the model's file when this is made, which is before it is loaded."""

    def __init__(self, model: Path) -> None:
        self._model = model
        self._since = time.time_ns()
        self._state = _state(model)

    def check(self) -> None:
        """Raise Failure ContentChanged if the model, or a file of its weights, was written or replaced since."""
        changed = [self._model] if _state(self._model) != self._state else []
        if not changed:
            # A file's ctime is set whenever it is written or put in a place, and cannot be set back.
            weights = external_files(self._model)
            changed = [file for file in weights if file.stat().st_ctime_ns >= self._since]
        if changed:
            message = f"{changed[0]} has changed since the model was loaded: load the model again"
            raise Failure(Reason.CONTENT_CHANGED, message)


def _state(file: Path) -> tuple[int, int, int] | None:
    try:
        state = file.stat()
    except OSError:
        return None
    return state.st_ino, state.st_size, state.st_mtime_ns
