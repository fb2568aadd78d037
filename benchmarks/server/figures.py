"""Reads figures out of results: each is a list with a value of every round. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from statistics import median
from typing import Final

from benchmarks.quantiles import spread
from benchmarks.results import Object, Results

BATCH_1: Final = "batch1"
BATCH_32: Final = "batch32"


def rounds(results: Results, model: str, server: str) -> list[Object]:
    """Return what was measured of a server with a model; nothing if it was not."""
    found = results.of(f"{model} {server}")
    return [] if found is None else list(found["rounds"])


@dataclass(frozen=True)
class PerSecond:
    """Answers a second."""

    model: str
    case: str

    def of(self, results: Results, server: str) -> list[float]:
        """Return them, a round each."""
        return [value for value, _ in _loads(results, self.model, server, self.case)]


@dataclass(frozen=True)
class OfRaw:
    """Answers a second as a share of the rows a second of ONNX Runtime alone, in the same round."""

    model: str
    case: str
    batch: str

    def of(self, results: Results, server: str) -> list[float]:
        """Return the shares."""
        return [value / made["raw"][self.batch] for value, made in _loads(results, self.model, server, self.case)]


@dataclass(frozen=True)
class OfCase:
    """Answers a second as a share of those of another case, in the same round."""

    model: str
    case: str
    other: str

    def of(self, results: Results, server: str) -> list[float]:
        """Return the shares."""
        return [
            value / made["loads"][self.other]["perSecond"]
            for value, made in _loads(results, self.model, server, self.case)
            if made["loads"].get(self.other, {}).get("perSecond")
        ]


@dataclass(frozen=True)
class Of:
    """A value of the process: `pssMB`, `pssAfterLoadsMB`, `rssMB` or `readyAfter` (s)."""

    model: str
    what: str

    def of(self, results: Results, server: str) -> list[float]:
        """Return it."""
        return [float(made[self.what]) for made in rounds(results, self.model, server)]


Figure = PerSecond | OfRaw | OfCase | Of


def in_its_best_way(figure: OfRaw, results: Results, server: str) -> OfRaw:
    """Return the figure of the case with as many connections in which a server did best: it may lack the asked way."""
    asked = figure.case.rsplit(" ", 1)[1]
    cases = {case for made in rounds(results, figure.model, server) for case in made["loads"]}
    same = [replace(figure, case=case) for case in sorted(cases) if case.rsplit(" ", 1)[1] == asked]
    return max(same, key=lambda one: median(one.of(results, server)), default=figure)


def spread_of(values: list[float]) -> Object | None:
    """Return least, middle and greatest; None of nothing."""
    return spread(values, 4) if values else None


def _loads(results: Results, model: str, server: str, case: str) -> Iterator[tuple[float, Object]]:
    for made in rounds(results, model, server):
        if case in made["loads"]:
            yield float(made["loads"][case]["perSecond"]), made
