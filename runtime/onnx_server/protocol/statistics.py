"""A model version's statistics in the form of Triton's statistics extension."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol


class Duration(Protocol):
    """How often something was done, and how many seconds it took in all."""

    @property
    def count(self) -> int: ...  # noqa: D102
    @property
    def seconds(self) -> float: ...  # noqa: D102


class Counters(Protocol):
    """What a model version has done since it was loaded; engine/statistics.py says what is counted."""

    @property
    def success(self) -> Duration: ...  # noqa: D102
    @property
    def failures(self) -> Mapping[Any, Duration]: ...  # noqa: D102
    @property
    def queue(self) -> Duration: ...  # noqa: D102
    @property
    def compute_input(self) -> Duration: ...  # noqa: D102
    @property
    def compute_infer(self) -> Duration: ...  # noqa: D102
    @property
    def compute_output(self) -> Duration: ...  # noqa: D102
    @property
    def inference_count(self) -> int: ...  # noqa: D102
    @property
    def execution_count(self) -> int: ...  # noqa: D102
    @property
    def last_inference(self) -> float: ...  # noqa: D102
    @property
    def batches(self) -> Mapping[int, Duration]: ...  # noqa: D102
    @property
    def cache_hit(self) -> Duration: ...  # noqa: D102
    @property
    def cache_miss(self) -> Duration: ...  # noqa: D102


@dataclass(frozen=True)
class _Sum:
    count: int = 0
    seconds: float = 0.0


def document(versions: Iterable[tuple[str, str, Counters]]) -> dict[str, object]:
    """Return the document of these (model, version, counters); counts are ints, times nanoseconds, moments Unix ms."""
    return {"model_stats": [_of_version(name, version, counters) for name, version, counters in versions]}


def _of_version(name: str, version: str, counters: Counters) -> dict[str, object]:
    failed = counters.failures.values()
    return {
        "name": name,
        "version": version,
        "last_inference": round(counters.last_inference * 1e3),
        "inference_count": counters.inference_count,
        "execution_count": counters.execution_count,
        "inference_stats": {
            "success": _duration(counters.success),
            "fail": _duration(_Sum(sum(one.count for one in failed), sum(one.seconds for one in failed))),
            "queue": _duration(counters.queue),
            "compute_input": _duration(counters.compute_input),
            "compute_infer": _duration(counters.compute_infer),
            "compute_output": _duration(counters.compute_output),
            "cache_hit": _duration(counters.cache_hit),
            "cache_miss": _duration(counters.cache_miss),
        },
        "response_stats": {},
        "batch_stats": [_of_batch(size, counters.batches[size]) for size in sorted(counters.batches)],
        "memory_usage": [],
    }


def _of_batch(size: int, executed: Duration) -> dict[str, object]:
    """Decoding and encoding belong to a request, not to the batch that it ran in: no time of theirs is counted here."""
    aside = _duration(_Sum(executed.count))
    return {
        "batch_size": size,
        "compute_input": aside,
        "compute_infer": _duration(executed),
        "compute_output": aside,
    }


def _duration(duration: Duration) -> dict[str, int]:
    return {"count": duration.count, "ns": round(duration.seconds * 1e9)}
