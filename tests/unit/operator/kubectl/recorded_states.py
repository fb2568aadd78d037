"""Models and pods as the API server shows them, a file a state, as ``kubectl get onnxmodel,pods -o yaml`` prints."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

Object = dict[str, Any]

HERE = Path(__file__).parent / "recorded"
REVISIONS = "revisions"
STATES = sorted(path.stem for path in HERE.glob("*.yaml") if path.stem != REVISIONS)
# Half an hour into the lives of them all.
NOW = datetime(2026, 11, 28, 12, 34, 10, tzinfo=UTC)


def model(state: str) -> Object:
    """Return the ONNXModel in a state."""
    return next(item for item in _items(state) if item["kind"] == "ONNXModel")


def pods(state: str) -> list[Object]:
    """Return its pods."""
    return [item for item in _items(state) if item["kind"] == "Pod"]


def revisions() -> list[Object]:
    """Return the ControllerRevisions of a model, the newest first; the second is a refresh of the first."""
    return _items(REVISIONS)


def _items(name: str) -> list[Object]:
    found: list[Object] = yaml.safe_load((HERE / f"{name}.yaml").read_text())["items"]
    return found
