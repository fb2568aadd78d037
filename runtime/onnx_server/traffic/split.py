"""The split as the operator pushes it, and which push replaces which."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Address:
    """A candidate pod: where it answers HTTP."""

    pod_uid: str
    address: str
    port: int


@dataclass(frozen=True, slots=True)
class Split:
    """What is asked of this pod. `weight` is in percent; header names are in lower case, None if there is none."""

    generation: int = 0
    revision: str | None = None
    weight: int = 0
    candidates: tuple[Address, ...] = ()
    sticky_by: bytes | None = None
    preview_header: bytes | None = None
    hand_over: bool = False


class StaleGenerationError(Exception):
    """A push is older than the one that applies."""

    def __init__(self, generation: int, applied: int) -> None:
        super().__init__(f"generation: {generation} is lower than {applied}, which applies")


def begins_anew(applied: Split, pushed: Split) -> bool:
    """Return whether counters begin at 0 with `pushed`. Raises StaleGenerationError if it is to be refused."""
    if pushed.generation < applied.generation:
        raise StaleGenerationError(pushed.generation, applied.generation)
    return pushed.generation > applied.generation
