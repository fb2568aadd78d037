"""Copies of requests, drawn from answers that two versions gave to the same inputs."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from onnx_server.comparison.comparisons import Comparisons
from onnx_server.protocol.datatypes import BY_NAME, Tensor
from onnx_server.protocol.signature import TensorSpec
from tests.unit.server.comparison import sequential

COPIES = 200
Answers = Sequence[Tensor]
"""A version's answers, one a request."""


def spec(datatype: str = "FP32", *shape: int, name: str = "y") -> TensorSpec:
    """Return the spec of an output; without a shape it declares none."""
    return TensorSpec(name, BY_NAME[datatype], shape)


def comparisons(*outputs: TensorSpec, keep: bool = False, seed: int = 1, relative: float = 0.005) -> Comparisons:
    """Return comparisons with the default tolerance."""
    return Comparisons(outputs, relative, 0.0, keep, random.Random(seed))


def output(made: Comparisons, place: int = 0) -> dict[str, Any]:
    """Return what is said of one output."""
    described = made.describe()["outputs"]
    assert isinstance(described, list)
    return dict(described[place])


def twice(runs: int) -> dict[str, int]:
    """Return what is said of so many runs of a stable version that always answers the same."""
    return {"samples": runs, "equal": runs, "judged": runs, "agreed": runs}


def compare(made: Comparisons, stable: Tensor, candidate: Tensor, inputs: Mapping[str, Tensor] | None = None) -> None:
    """Compare one copy of a model with the output `y`."""
    made.compare(inputs or {"x": np.zeros(1, np.float32)}, {"y": stable}, {"y": candidate}, 1_764_363_600.0)


@dataclass(frozen=True)
class Pair:
    """Answers of the stable version and of a candidate to the same requests, of one output."""

    output: TensorSpec
    stable: Answers
    candidate: Answers
    relative: float = 0.005

    def broken(self, defect: Callable[[Tensor], Tensor], of_stable: bool = False) -> "Pair":
        """Return the pair whose candidate's answers have this defect; with `of_stable`, the stable version's have."""
        return Pair(
            self.output,
            self.stable,
            [defect(one) for one in (self.stable if of_stable else self.candidate)],
            self.relative,
        )

    def unrelated(self) -> "Pair":
        """Return the pair whose candidate answers another request than it was asked."""
        moved = [*self.candidate[7:], *self.candidate[:7]]
        fitting = [np.resize(one, own.shape) for one, own in zip(moved, self.stable, strict=True)]
        return Pair(self.output, self.stable, fitting, self.relative)

    def all(self, seed: int = 1) -> dict[str, Any]:
        """Return what is said of the output after every request was copied once, in random order."""
        made = comparisons(self.output, seed=seed, relative=self.relative)
        for place in np.random.default_rng(seed).permutation(len(self.stable)):
            compare(made, self.stable[place], self.candidate[place])
        return output(made)

    def caught(self, measure: "Measure", runs: int = 200) -> float:
        """Return the share of rollouts, each of 200 random copies, in which the measure fails the candidate."""
        return sum(self._caught(measure, seed) for seed in range(runs)) / runs

    def _caught(self, measure: "Measure", seed: int) -> bool:
        made = comparisons(self.output, seed=seed, relative=self.relative)
        for place in np.random.default_rng(seed).integers(len(self.stable), size=COPIES):
            compare(made, self.stable[place], self.candidate[place])
            if measure(output(made)):
                return True
        return False


Measure = Callable[[dict[str, Any]], bool]


def retrained(seen: dict[str, Any]) -> bool:
    """Whether the candidate fails with `change: Retrained`."""
    return sequential.fails(seen["samples"] - seen["learning"], seen["agreed"], sequential.RETRAINED)


def equivalent(seen: dict[str, Any]) -> bool:
    """Whether the candidate fails with `change: Equivalent`."""
    return sequential.fails(seen["samples"], seen["equal"], sequential.EQUIVALENT)


def health(seen: dict[str, Any]) -> bool:
    """Whether the candidate fails by NaN or by answers that stay the same."""
    sound = seen["samples"] - seen["nonFinite"]
    moved = seen["changed"] - seen["stuck"]
    return sequential.fails(seen["samples"], sound, 0.99) or sequential.fails(seen["changed"], moved, 0.50)


def agreement(seen: dict[str, Any]) -> float:
    """Return the share that agrees as an honest retrain does."""
    return float(seen["agreed"] / max(1, seen["samples"] - seen["learning"]))


def equality(seen: dict[str, Any]) -> float:
    """Return the share that is equal within the tolerance."""
    return float(seen["equal"] / seen["samples"])
