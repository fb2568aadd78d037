"""Models and pods as the API server shows them, a file a state, as ``kubectl get onnxmodel,pods -o yaml`` prints.

Nobody writes them by hand: they are the ends of the stories in ``played_states``, and a test holds them to these.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from tests.unit.operator.kubectl.played_states import STORIES

Object = dict[str, Any]

HERE = Path(__file__).parent / "recorded"
REVISIONS = "revisions"
STATES = sorted(STORIES)
# Half an hour into the lives of nearly all.
NOW = datetime(2026, 11, 28, 12, 34, 10, tzinfo=UTC)


def model(state: str) -> Object:
    """Return the ONNXModel in a state."""
    return next(item for item in items_of(state) if item["kind"] == "ONNXModel")


def pods(state: str) -> list[Object]:
    """Return its pods."""
    return [item for item in items_of(state) if item["kind"] == "Pod"]


def revisions() -> list[Object]:
    """Return the ControllerRevisions of a model, the newest first; the second is a refresh of the first."""
    return items_of(REVISIONS)


def write(state: str, items: list[Object]) -> None:
    """Record a state anew."""
    listed = {"apiVersion": "v1", "kind": "List", "items": items}
    (HERE / f"{state}.yaml").write_text(yaml.safe_dump(listed, sort_keys=False, width=115, allow_unicode=True))


def items_of(name: str) -> list[Object]:
    """Return what a file lists."""
    found: list[Object] = yaml.safe_load((HERE / f"{name}.yaml").read_text())["items"]
    return found
