"""What a server says of the model's test data, made safe to keep: what runs in the pod may be anybody's image."""

from typing import Any

from onnx_operator.decide.finding import sentence

Object = dict[str, Any]

# It is kept in an annotation, and shown in the status.
MOST_SETS = 1000
MOST_FAILURES = 3
LONGEST = 300  # characters


def golden_of(reported: Any) -> Object | None:
    """Return ``golden`` of docs/contract.md with a few of its failures; None if there is none, or it is malformed."""
    if not isinstance(reported, dict):
        return None
    try:
        sets, passed = _count(reported["sets"]), _count(reported["passed"])
        failures = [{part: _text(one[part]) for part in ("set", "message")} for one in reported["failures"]]
        message = _text(reported.get("message", ""))
    except (KeyError, TypeError):
        return None
    if passed > sets or (passed == sets) != (not failures):
        return None
    return {"sets": sets, "passed": passed, "failures": failures[:MOST_FAILURES], "message": message}


def mismatch(golden: Object | None) -> str | None:
    """Return in a sentence how a model fails its own test data; None if it does not, as far as is known."""
    if golden is None or golden["passed"] == golden["sets"]:
        return None
    first = golden["failures"][0]
    how = sentence(f"{first['set']}: {first['message']}")
    return f"{golden['sets'] - golden['passed']} of {golden['sets']} sets of its own test data fail. {how}"


def _count(found: object) -> int:
    # In Python, True is an int.
    if not isinstance(found, int) or isinstance(found, bool) or not 0 <= found <= MOST_SETS:
        raise TypeError
    return found


def _text(found: object) -> str:
    if not isinstance(found, str):
        raise TypeError
    kept = "".join(character if character.isprintable() else " " for character in found[: LONGEST + 1])
    return kept if len(kept) <= LONGEST else kept[: LONGEST - 1] + "…"
