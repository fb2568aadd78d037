"""The command: measures, keeps the results, prints the section, and writes it into a page if asked.

The exit code is 0 whatever was measured; it is 1 when a bad version was not caught by what is to catch it.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from benchmarks import machine
from benchmarks.page import write_section
from benchmarks.results import Results
from benchmarks.rollout import cost, rounds
from benchmarks.rollout.report import COST, ROUNDS, section
from benchmarks.rollout.stage import built
from tests.cluster.errors import ClusterError
from tests.cluster.paths import TREE
from tests.cluster.progress import note
from tests.e2e.stage import StageError

RESULTS: Final = TREE / "build/benchmarks/rollout.json"
USUAL_ROUNDS: Final = 3
USUAL_SECONDS: Final = 30


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return the exit code."""
    chosen = _parser().parse_args(arguments)
    results, conditions = Results.read(chosen.results), {"machine": machine.describe()}
    try:
        with built() as stage:
            if chosen.rounds:
                results.add(ROUNDS, rounds.play(stage, chosen.rounds), conditions)
                results.write(chosen.results)
            if chosen.seconds:
                results.add(COST, cost.play(stage, chosen.seconds), conditions)
                results.write(chosen.results)
    except (AssertionError, ClusterError, StageError) as error:
        note(f"error: {error}")
        return 1
    made = section(results)
    print(made)
    if chosen.write:
        write_section(chosen.write, made)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.rollout", description="Measure how soon bad versions are found out, and the cost."
    )
    parser.add_argument("--rounds", type=_count, default=USUAL_ROUNDS, help=f"of each bad version ({USUAL_ROUNDS})")
    parser.add_argument("--seconds", type=_count, default=USUAL_SECONDS, help=f"to measure cost ({USUAL_SECONDS})")
    parser.add_argument("--write", type=Path, help="write the section into this page, too; its other sections stay")
    parser.add_argument("--results", type=Path, default=RESULTS, help="where results are kept")
    return parser


def _count(text: str) -> int:
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f"expected a whole number, got {text}")
    return int(text)
