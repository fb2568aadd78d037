"""The operator's answer to a manual action."""

from typing import Any

from rich.text import Text

from onnx_operator.kubectl.actions import Action
from onnx_operator.kubectl.render.words import BAD, GOOD, QUIET, joined


def is_accepted(answer: dict[str, Any]) -> bool:
    """Return whether the operator acts on it."""
    return bool(answer["result"] == "Accepted")


def answer_line(action: Action, answer: dict[str, Any]) -> Text:
    """Return what the operator said: accepted or ignored, and what comes of it or why."""
    sign, style = ("✓", GOOD) if is_accepted(answer) else ("✗", BAD)
    return joined(Text(f"{sign} {answer['result'].lower()}", style), str(action), answer["message"])


def asked_line(action: Action, model: str) -> Text:
    """Return the word that nobody waits for the answer, and where it will be."""
    return joined(f"asked {action}", Text(f"kubectl onnx status {model} shows the answer.", QUIET))
