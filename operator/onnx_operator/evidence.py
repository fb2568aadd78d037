"""What the stable revision's pods have seen of both revisions since a rollout began, and what pods say of their memory.

Values only, as docs/contract.md ("The split") has them; the judgement is in ``decide/analysis``. Everything is a sum
over pods, so that what a look finds depends on no look before it.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Output:
    """How an output of the candidate compares with the stable revision's, in copies of requests.

    ``kind`` is scores, values or exact. Of ``samples`` compared, ``equal`` are within the tolerances and ``agreed`` as
    an honest retrain agrees, but for ``learning`` ones, which served to learn the output's spread. ``unsure`` of these
    differ, and too few different outputs were seen to say whether by much. ``unlike`` had other shapes and count in
    none. ``non_finite`` had NaN or infinities where the stable revision's had none. In ``changed`` the stable
    revision's output was another than in the copy before, and in ``stuck`` of these the candidate's was not. Of
    ``self_samples`` that the stable revision ran twice, ``self_equal`` were equal, and of ``self_judged`` of them
    ``self_agreed`` agreed as a retrain has to; ``noise`` is how much they differed, in tolerances. The rest describes
    the differences and decides nothing.
    """

    name: str
    datatype: str
    kind: str
    samples: int = 0
    learning: int = 0
    unsure: int = 0
    unlike: int = 0
    agreed: int = 0
    equal: int = 0
    non_finite: int = 0
    changed: int = 0
    stuck: int = 0
    elements: int = 0
    outside: int = 0
    max_absolute_error: float | None = None
    mean_absolute_error: float | None = None
    cosine: float | None = None
    top1: int | None = None
    top_k: int | None = None
    self_samples: int = 0
    self_equal: int = 0
    self_judged: int = 0
    self_agreed: int = 0
    noise: float = 0.0


@dataclass(frozen=True)
class Worst:
    """A copy whose outputs differed most: the digest of its inputs, which output, by how much, and when."""

    digest: str
    output: str
    max_absolute_error: float
    at: str


@dataclass(frozen=True)
class Evidence:
    """Counts of requests, pairs of durations by the candidate's percentage of the stable one's, and comparisons.

    ``requests`` and ``errors`` are the candidate's, copies included; ``late`` answers are no ``errors``. ``copies`` is
    how many copies were compared, ``failed_copies`` how many got an error or no answer in time, and ``dropped`` how
    many there was no room for.
    """

    course: str
    stable_requests: int = 0
    stable_errors: int = 0
    requests: int = 0
    errors: int = 0
    late: int = 0
    copies: int = 0
    failed_copies: int = 0
    dropped: int = 0
    compute: Mapping[int, int] = field(default_factory=dict)
    work: Mapping[int, int] = field(default_factory=dict)
    outputs: tuple[Output, ...] = ()
    worst: tuple[Worst, ...] = ()


@dataclass(frozen=True)
class Memory:
    """What a pod says of its memory: bytes now, the container's limit if there is one, and (requests, bytes) since."""

    bytes: int
    limit: int | None
    samples: tuple[tuple[int, int], ...]


def together(course: str, seen: Iterable[Evidence]) -> Evidence:
    """Return the sum of what pods have seen in this course; what is of another course counts for nothing."""
    these = [one for one in seen if one.course == course]
    compute: Counter[int] = Counter()
    work: Counter[int] = Counter()
    for one in these:
        compute.update(one.compute)
        work.update(one.work)
    outputs: dict[str, Output] = {}
    for output in (output for one in these for output in one.outputs):
        outputs[output.name] = _joined(outputs[output.name], output) if output.name in outputs else output
    return Evidence(
        course=course,
        stable_requests=sum(one.stable_requests for one in these),
        stable_errors=sum(one.stable_errors for one in these),
        requests=sum(one.requests for one in these),
        errors=sum(one.errors for one in these),
        late=sum(one.late for one in these),
        copies=sum(one.copies for one in these),
        failed_copies=sum(one.failed_copies for one in these),
        dropped=sum(one.dropped for one in these),
        compute=dict(sorted(compute.items())),
        work=dict(sorted(work.items())),
        outputs=tuple(outputs.values()),
        worst=tuple(sorted((w for one in these for w in one.worst), key=lambda w: -w.max_absolute_error)[:5]),
    )


def _joined(one: Output, other: Output) -> Output:
    counts = {name: getattr(one, name) + getattr(other, name) for name in _COUNTS}
    return Output(
        name=one.name,
        datatype=one.datatype,
        kind=one.kind,
        **counts,
        max_absolute_error=_largest(one.max_absolute_error, other.max_absolute_error),
        mean_absolute_error=_mean(one, one.mean_absolute_error, other, other.mean_absolute_error),
        cosine=_mean(one, one.cosine, other, other.cosine),
        top1=_sum(one.top1, other.top1),
        top_k=_sum(one.top_k, other.top_k),
        noise=max(one.noise, other.noise),
    )


_COUNTS = (
    "samples", "learning", "unsure", "unlike", "agreed", "equal", "non_finite", "changed", "stuck", "elements",
    "outside", "self_samples", "self_equal", "self_judged", "self_agreed",
)  # fmt: skip


def _largest(one: float | None, other: float | None) -> float | None:
    return max((value for value in (one, other) if value is not None), default=None)


def _sum(one: int | None, other: int | None) -> int | None:
    return one if other is None else other if one is None else one + other


def _mean(one: Output, of_one: float | None, other: Output, of_other: float | None) -> float | None:
    if of_one is None or of_other is None or not one.samples + other.samples:
        return of_one if of_other is None else of_other
    return (of_one * one.samples + of_other * other.samples) / (one.samples + other.samples)
