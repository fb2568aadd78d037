"""How a rollout stands: phase, step, weight and copies, and what it waits for."""

from datetime import datetime
from typing import Any

from rich.text import Text

from onnx_operator.kubectl.render.age import age
from onnx_operator.kubectl.render.words import GOOD, MOVING, PHASES, QUIET, WAITING, bar, joined

Object = dict[str, Any]

# The phases in which a step goes on.
STEPPING = {"Progressing", "Paused"}


def step_of(rollout: Object) -> str:
    """Return which step it is of how many, ``2/4``; empty where there are none, as in Recreate."""
    step, steps = rollout.get("step"), rollout.get("steps")
    return f"{step}/{steps}" if steps and step is not None else ""


def headline(rollout: Object, now: datetime) -> Text:
    """Return phase, step and times in one line."""
    phase, step = rollout["phase"], step_of(rollout)
    begun, since = age(rollout.get("startedAt"), now), age(rollout.get("stepStartedAt"), now)
    return joined(
        Text(phase, f"bold {PHASES.get(phase, WAITING)}"),
        f"{rollout.get('strategy', 'Canary')} of {rollout.get('revision', 'nothing yet')}",
        f"step {step}" if step else "",
        Text(f"begun {begun} ago" if begun else "", QUIET),
        Text(f"this step {since} ago" if since and step and phase in STEPPING else "", QUIET),
    )


def rollout_lines(rollout: Object) -> list[Text]:
    """Return the lines below the headline."""
    lines = [_weight(rollout)]
    if message := rollout.get("message"):
        lines.append(Text(message, PHASES.get(rollout["phase"], "")))
    if preview := rollout.get("previewUrl"):
        lines.append(joined("preview", Text(preview, MOVING)))
    return lines


def _weight(rollout: Object) -> Text:
    asked, applied = int(rollout.get("weight", 0)), int(rollout.get("appliedWeight", 0))
    agreed, shadow = asked == applied, rollout.get("shadow")
    return joined(
        bar(applied, GOOD if agreed else WAITING),
        f"{applied} % of requests",
        Text(f"shadow {shadow} %" if shadow else "", MOVING),
        "" if agreed else Text(f"{asked} % asked, not yet acknowledged by every stable pod", WAITING),
    )
