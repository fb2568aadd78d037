"""Reads what a pod says of its split, the state document of docs/contract.md. Pure.

What runs in the pod may be anybody's, so nothing of it is believed that is not as the contract has it.
"""

from onnx_operator.believed import Object, count, counts, flag, listed, mapping, percent, text
from onnx_operator.evidence_state import evidence, memory
from onnx_operator.rollout import Address, Arm, Copies, SplitState

MOST_CANDIDATES = 5000
MOST_KINDS = 32


def split_state(document: object, pod_uid: str) -> SplitState | None:
    """Return the state of the pod with this UID; None if the document is not one, or is another pod's."""
    try:
        state = _state(mapping(document))
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    return state if state.pod_uid == pod_uid else None


def _state(found: Object) -> SplitState:
    arms, breaker = mapping(found["arms"]), mapping(found["breaker"])
    shadow, remembered = found.get("shadow"), found.get("memory")
    copies = _copies(mapping(shadow)) if shadow is not None else None
    return SplitState(
        pod_uid=text(found["podUid"]),
        boot_id=text(found["bootId"]),
        generation=count(found["generation"]),
        revision=None if found["revision"] is None else text(found["revision"]),
        weight=percent(found["weight"]),
        applied_weight=percent(found["appliedWeight"]),
        hand_over=flag(found["handOver"]),
        candidates=listed(found["candidates"], _address, MOST_CANDIDATES),
        breaker=(text(breaker["reason"]) or "open") if flag(breaker["open"]) else "",
        open_connections=count(found["openConnections"]),
        stable=_arm(mapping(arms["stable"])),
        candidate=_arm(mapping(arms["candidate"])),
        shadow=copies,
        # Servers older than analysis do not have the key.
        evidence=evidence(found["evidence"], copies) if "evidence" in found else None,
        memory=memory(mapping(remembered)) if remembered is not None else None,
    )


def _address(found: object) -> Address:
    one = mapping(found)
    return Address(text(one["podUid"]), text(one["address"]))


def _arm(found: Object) -> Arm:
    return Arm(
        requests=count(found["requests"]),
        errors=count(found["errors"]),
        answered=count(found.get("answered", 0)),
        failures=counts(found.get("failures", {}), MOST_KINDS),
    )


def _copies(found: Object) -> Copies:
    return Copies(
        percent=percent(found["percent"]),
        sampled=count(found["sampled"]),
        under_way=count(found["underWay"]),
        compared=count(found["compared"]),
        failed=count(found["failed"]),
        replayed=count(found["replayed"]),
        dropped=counts(found["dropped"], MOST_KINDS),
    )
