"""The split as the operator pushes it, and which push replaces which."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Address:
    """A candidate pod: where it answers HTTP."""

    pod_uid: str
    address: str
    port: int


@dataclass(frozen=True, slots=True)
class Shadowing:
    """What of the requests is copied to the candidate: `percent` of those that this pod answered itself.

    At most `max_in_flight` copies of `max_bytes` in all are under way. Two outputs are equal within the tolerances.
    """

    percent: int
    max_in_flight: int = 2
    max_bytes: int = 64 * 1024 * 1024
    relative_tolerance: float = 0.005
    absolute_tolerance: float = 0.0
    keep_inputs: bool = False
    replay: bool = False


@dataclass(frozen=True, slots=True)
class Split:
    """What is asked of this pod. `weight` is in percent; header names are in lower case, None if there is none.

    `course` names the rollout: evidence is of it and the revision.
    """

    generation: int = 0
    revision: str | None = None
    weight: int = 0
    candidates: tuple[Address, ...] = ()
    sticky_by: bytes | None = None
    preview_header: bytes | None = None
    hand_over: bool = False
    course: str = ""
    shadow: Shadowing | None = None


class StaleGenerationError(Exception):
    """A push is older than the one that applies."""

    def __init__(self, generation: int, applied: int) -> None:
        super().__init__(f"generation: {generation} is lower than {applied}, which applies")


def begins_anew(applied: Split, pushed: Split) -> bool:
    """Return whether counters begin at 0 with `pushed`. Raises StaleGenerationError if it is to be refused."""
    if pushed.generation < applied.generation:
        raise StaleGenerationError(pushed.generation, applied.generation)
    return pushed.generation > applied.generation
