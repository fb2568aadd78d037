"""Reads ``evidence`` and ``memory`` of a pod's split document (docs/contract.md). Pure.

Raises:
    KeyError, TypeError, ValueError: it is not as the contract has it, or counts more of a kind than of all.
"""

from onnx_operator.believed import Object, count, listed, mapping, number, text
from onnx_operator.evidence import Evidence, Memory, Output, Worst
from onnx_operator.rollout import Copies

MOST_OUTPUTS = 32
MOST_WORST = 32
MOST_SAMPLES = 32
# Pairs of durations are counted by the candidate's percentage of the stable revision's, at most this.
LONGEST_RATIO = 1000
LONGEST_COURSE = 64


def evidence(document: object, copies: Copies | None) -> Evidence:
    """Return what the pod has seen; nothing in no course if it says null. ``copies`` is what it says of its shadow."""
    if document is None:
        return Evidence("")
    found = mapping(document)
    stable, candidate = mapping(found["stable"]), mapping(found["candidate"])
    course, requests = text(found["course"]), count(candidate["requests"])
    if len(course) > LONGEST_COURSE:
        raise ValueError
    return Evidence(
        course=course,
        stable_requests=count(stable["requests"]),
        stable_errors=_part(stable["errors"], count(stable["requests"])),
        requests=requests,
        errors=_part(candidate["errors"], requests),
        late=_part(candidate["late"], requests),
        copies=copies.compared if copies else 0,
        failed_copies=copies.failed if copies else 0,
        dropped=sum(copies.dropped.values()) if copies else 0,
        compute=_ratios(found["compute"]),
        work=_ratios(found["work"]),
        outputs=listed(found["outputs"], _output, MOST_OUTPUTS),
        worst=listed(found["worst"], _worst, MOST_WORST),
    )


def memory(found: Object) -> Memory:
    """Return what the pod says of its memory."""
    limit = found["limitBytes"]
    return Memory(
        bytes=count(found["bytes"]),
        limit=None if limit is None else count(limit),
        samples=listed(found["samples"], _sample, MOST_SAMPLES),
    )


def _output(document: object) -> Output:
    found = mapping(document)
    twice = mapping(found["self"])
    samples, self_samples = count(found["samples"]), count(twice["samples"])
    changed, learning = _part(found["changed"], samples), _part(found["learning"], samples)
    # Older servers do not say how many runs of their own agree, and by then have let the candidate off themselves.
    judged = count(twice.get("judged", self_samples))
    return Output(
        name=text(found["name"]),
        datatype=text(found["datatype"]),
        kind=text(found["kind"]),
        samples=samples,
        learning=learning,
        unsure=_part(found.get("unsure", 0), learning),
        unlike=count(found["unlike"]),
        agreed=_part(found["agreed"], samples),
        equal=_part(found["equal"], samples),
        non_finite=_part(found["nonFinite"], samples),
        changed=changed,
        stuck=_part(found["stuck"], changed),
        elements=count(found["elements"]),
        outside=_part(found["outside"], count(found["elements"])),
        max_absolute_error=_maybe(found["maxAbsoluteError"]),
        mean_absolute_error=_maybe(found["meanAbsoluteError"]),
        cosine=_maybe(found["cosine"]),
        top1=None if found["top1"] is None else count(found["top1"]),
        top_k=None if found["topK"] is None else count(found["topK"]),
        self_samples=self_samples,
        self_equal=_part(twice["equal"], self_samples),
        self_judged=judged,
        self_agreed=_part(twice.get("agreed", judged), judged),
        noise=_positive(found["noise"]),
    )


def _worst(document: object) -> Worst:
    found = mapping(document)
    return Worst(text(found["digest"]), text(found["output"]), number(found["maxAbsoluteError"]), text(found["at"]))


def _sample(document: object) -> tuple[int, int]:
    requests, size = listed(document, count, 2)
    return requests, size


def _ratios(document: object) -> dict[int, int]:
    found = {_ratio(ratio): count(pairs) for ratio, pairs in mapping(document).items()}
    return {ratio: pairs for ratio, pairs in found.items() if pairs}


def _ratio(found: str) -> int:
    if not found.isascii() or not found.isdecimal() or len(found) > 4 or int(found) > LONGEST_RATIO:
        raise ValueError
    return int(found)


def _part(found: object, of: int) -> int:
    if (value := count(found)) > of:
        raise ValueError
    return value


def _maybe(found: object) -> float | None:
    return None if found is None else number(found)


def _positive(found: object) -> float:
    if (value := number(found)) < 0:
        raise ValueError
    return value
