"""Whole rollouts, many at a time: every look at every step, with all checks at once."""

from dataclasses import dataclass

import numpy as np

from benchmarks.analysis.truth import Plan, Truth, sides
from benchmarks.analysis.vectorised import (
    SIDES,
    Counts,
    Flags,
    Floats,
    against_at_most,
    pairs_against,
    rates,
    refutes_at_most_more,
)
from onnx_operator.decide.analysis import budget
from onnx_operator.decide.analysis.pairs import GRADES

CHECKS = ("errors", "batches", "requests", "outputs", "health")


@dataclass(frozen=True)
class Outcome:
    """Of so many rollouts: how many were aborted, by which checks, how many waited in vain, and how long the rest took.

    One that waited in vain goes on to the next step, as with ``whenInconclusive: Promote``, so that it is looked at as
    often as can be. ``seconds`` is the median of those that came through.
    """

    rollouts: int
    aborted: int
    by: dict[str, int]
    inconclusive: int
    seconds: float | None


class Rollouts:
    """So many rollouts of one candidate; the counts are those of ``Evidence``."""

    def __init__(self, truth: Truth, plan: Plan, rate: float, rollouts: int, seed: int) -> None:
        self.truth, self.plan, self.rate = truth, plan, rate
        self._random = np.random.default_rng(seed)
        zero = np.zeros(rollouts, dtype=np.int64)
        self.step, self.begun, self.owed = zero.copy(), zero.copy(), np.zeros(rollouts)
        self.requests, self.errors = zero.copy(), zero.copy()
        self.stable_requests, self.stable_errors = zero.copy(), zero.copy()
        self.batches = np.zeros((rollouts, len(SIDES)), dtype=np.int64)
        self.works = self.batches.copy()
        self.copies, self.non_finite, self.stuck = zero.copy(), zero.copy(), zero.copy()
        self.apart = np.zeros((rollouts, len(truth.apart)), dtype=np.int64)
        self.seconds, self.waited = zero.copy(), np.zeros(rollouts, dtype=np.bool_)
        self.failed = {check: np.zeros(rollouts, dtype=np.bool_) for check in CHECKS}

    def run(self) -> Outcome:
        """Run all to their ends."""
        rollouts, now = len(self.step), 0
        going = np.arange(rollouts)
        while len(going):
            now += self.plan.look_seconds
            self._requests(going)
            failed, passed = self._judge(going)
            self.seconds[going] = now
            spent = now - self.begun[going]
            over = spent >= self.plan.step_seconds + self.plan.wait_seconds
            self.waited[going] |= over & ~passed & ~failed
            on = ~failed & ((passed & (spent >= self.plan.step_seconds)) | over)
            self.step[going[on]] += 1
            self.begun[going[on]] = now
            going = going[~failed & (self.step[going] < len(self.plan.steps))]
        aborted = np.logical_or.reduce(list(self.failed.values()))
        through = ~aborted & ~self.waited
        return Outcome(
            rollouts=rollouts,
            aborted=int(aborted.sum()),
            by={check: int(flags.sum()) for check, flags in self.failed.items() if flags.any()},
            inconclusive=int((self.waited & ~aborted).sum()),
            seconds=float(np.median(self.seconds[through])) if through.any() else None,
        )

    def _requests(self, going: Counts) -> None:
        """Let clients ask until the next look, each request by itself and without pauses."""
        asked = self.rate * self.plan.look_seconds
        kinds, percents = zip(*self.plan.steps, strict=True)
        shadow = np.array([kind == "shadow" for kind in kinds])[self.step[going]]
        share = np.array(percents)[self.step[going]] / 100
        self.owed[going] += asked * share
        here = self.owed[going].astype(np.int64)
        self.owed[going] -= here
        stable = np.where(shadow, round(asked), np.maximum(0, round(asked) - here))
        draw, truth = self._random, self.truth
        self.requests[going] += here
        self.errors[going] += draw.binomial(here, truth.errors)
        self.stable_requests[going] += stable
        self.stable_errors[going] += draw.binomial(stable, truth.stable_errors)
        probable = sides(truth, GRADES)
        self.batches[going] += draw.multinomial(np.minimum(here, stable), probable)
        copies = np.where(shadow, here, 0)
        if copies.any():
            self.works[going] += draw.multinomial(copies, probable)
            self.copies[going] += copies
            self.non_finite[going] += draw.binomial(copies, truth.non_finite)
            self.stuck[going] += draw.binomial(copies, truth.stuck)
            for place, apart in enumerate(truth.apart):
                self.apart[going, place] += draw.binomial(copies, apart)

    def _judge(self, going: Counts) -> tuple[Flags, Flags]:
        """Return which fail and which pass, by all checks at once."""
        plan, passed = self.plan, np.ones(len(going), dtype=np.bool_)
        requests, errors = self.requests[going], self.errors[going]
        stable, own = self.stable_requests[going], self.stable_errors[going]
        beyond = rates(errors, requests) > rates(own, stable) + plan.errors
        passed &= ~beyond & (requests >= plan.requests)
        failed = refutes_at_most_more(requests, errors, stable, own, plan.errors, budget.ERRORS)
        self.failed["errors"][going] |= failed & beyond
        for check, all_sides, error in (
            ("batches", self.batches, budget.COMPUTE),
            ("requests", self.works, budget.WORK),
        ):
            pairs = all_sides[going]
            slower = 2 * pairs[:, SIDES > 0].sum(axis=1) > pairs.sum(axis=1)
            self.failed[check][going] |= slower & _beyond(pairs_against(pairs), error)
            passed &= ~slower & (pairs.sum(axis=1) >= plan.pairs)
        copies, outputs = self.copies[going], self.apart.shape[1]
        passed &= copies >= plan.copies
        for place in range(outputs):
            passed &= self._rate(going, "outputs", copies, self.apart[going, place], plan.apart, outputs)
        parts = 2 * outputs
        passed &= self._rate(going, "health", copies, self.non_finite[going], plan.non_finite, parts)
        passed &= self._rate(going, "health", copies, self.stuck[going], plan.stuck, parts)
        return np.logical_or.reduce([flags[going] for flags in self.failed.values()]), passed

    def _rate(self, going: Counts, check: str, tries: Counts, hits: Counts, most: float, parts: int) -> Flags:
        error = (budget.OUTPUTS if check == "outputs" else budget.HEALTH) / parts
        beyond = rates(hits, tries) > most
        self.failed[check][going] |= beyond & _beyond(against_at_most(tries, hits, most), error)
        return ~beyond


def _beyond(log_e: Floats, error: float) -> Flags:
    flags: Flags = log_e >= -np.log(error)
    return flags
