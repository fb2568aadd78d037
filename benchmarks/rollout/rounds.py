"""Rounds: each bad version asked for anew, under load, until it is taken back."""

from dataclasses import asdict

from benchmarks.results import Object
from benchmarks.rollout.cases import CASES, Case
from benchmarks.rollout.stage import Stage
from tests.cluster.progress import note, step


def play(stage: Stage, rounds: int, cases: tuple[Case, ...] = CASES) -> dict[str, list[Object]]:
    """Return by case what came of each round, as `scenario_table.Judged` has it.

    Raises AssertionError if a version is not taken back by a check that is to catch it, or if a request was lost.
    """
    found: dict[str, list[Object]] = {case.name: [] for case in cases}
    for number in range(rounds):
        for case in cases:
            with step(f"{case.name}, round {number + 1} of {rounds}"), stage.judging() as judging:
                judging.serve(case.stable(), rollout=case.rollout)
                new = judging.scenario.ask(case.bad())
                judged = judging.caught(case.name, new, *case.checks)
            note(f"  {judged.caught}: {judged.verdict:.1f} s from the first step")
            found[case.name].append(asdict(judged))
    return found
