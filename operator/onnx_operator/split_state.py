"""Reads what a pod says of its split, the state document of docs/contract.md. Pure.

What runs in the pod may be anybody's, so nothing of it is believed that is not as the contract has it.
"""

from typing import Any

from onnx_operator.rollout import Address, Arm, SplitState

Object = dict[str, Any]

LONGEST_TEXT = 1024  # characters
MOST_CANDIDATES = 5000
MOST_KINDS = 32
# Larger counters are no counts, and JSON's numbers are exact up to there.
LARGEST = 2**53


def split_state(document: object, pod_uid: str) -> SplitState | None:
    """Return the state of the pod with this UID; None if the document is not one, or is another pod's."""
    try:
        state = _state(_object(document))
    except (KeyError, TypeError, ValueError):
        return None
    return state if state.pod_uid == pod_uid else None


def _state(found: Object) -> SplitState:
    arms, breaker = _object(found["arms"]), _object(found["breaker"])
    return SplitState(
        pod_uid=_text(found["podUid"]),
        boot_id=_text(found["bootId"]),
        generation=_count(found["generation"]),
        revision=None if found["revision"] is None else _text(found["revision"]),
        weight=_percent(found["weight"]),
        applied_weight=_percent(found["appliedWeight"]),
        hand_over=_bool(found["handOver"]),
        candidates=_addresses(found["candidates"]),
        breaker=(_text(breaker["reason"]) or "open") if _bool(breaker["open"]) else "",
        open_connections=_count(found["openConnections"]),
        stable=_arm(_object(arms["stable"])),
        candidate=_arm(_object(arms["candidate"])),
    )


def _addresses(found: object) -> tuple[Address, ...]:
    if not isinstance(found, list) or len(found) > MOST_CANDIDATES:
        raise TypeError
    return tuple(Address(_text(one["podUid"]), _text(one["address"])) for one in map(_object, found))


def _arm(found: Object) -> Arm:
    failures = _object(found.get("failures", {}))
    if len(failures) > MOST_KINDS:
        raise ValueError
    return Arm(
        requests=_count(found["requests"]),
        errors=_count(found["errors"]),
        answered=_count(found.get("answered", 0)),
        failures={_text(kind): _count(count) for kind, count in failures.items()},
    )


def _object(found: object) -> Object:
    if not isinstance(found, dict):
        raise TypeError
    return found


def _text(found: object) -> str:
    if not isinstance(found, str) or len(found) > LONGEST_TEXT:
        raise TypeError
    return found


def _bool(found: object) -> bool:
    if not isinstance(found, bool):
        raise TypeError
    return found


def _count(found: object) -> int:
    # In Python, True is an int.
    if not isinstance(found, int) or isinstance(found, bool) or not 0 <= found <= LARGEST:
        raise TypeError
    return found


def _percent(found: object) -> int:
    if (value := _count(found)) > 100:
        raise ValueError
    return value
