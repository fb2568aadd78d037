"""The command: plays scenarios, keeps their results, prints the tables, and writes them into a page if asked.

The exit code is 0 whatever was measured; it is 1 when a scenario failed: models that never settled, objects missing.
"""

import argparse
import asyncio
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Final

from benchmarks.operator.api import ApiError
from benchmarks.operator.conditions import conditions
from benchmarks.operator.errors import ScenarioError
from benchmarks.operator.population import lead, settle
from benchmarks.operator.report import page
from benchmarks.operator.scenarios import AT_ONCE, NAMES, SCENARIOS, Scenario, at_once
from benchmarks.operator.stage import Stage, stage
from benchmarks.page import write_section
from benchmarks.results import Results
from tests.cluster.errors import ClusterError
from tests.cluster.paths import TREE
from tests.cluster.progress import note, step

Play = Callable[[Results], None]

SETTLED: Final = 1000
RESULTS: Final = TREE / "build/benchmarks/operator.json"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return the exit code."""
    chosen = _parser().parse_args(arguments)
    results = Results.read(chosen.results)
    failed = []
    for name, play in _plays(chosen.only, chosen.sizes, chosen.rounds, chosen.settled):
        try:
            play(results)
        except (ScenarioError, ApiError, ClusterError, AssertionError, TimeoutError) as error:
            failed.append(name)
            note(f"{name} failed: {error or type(error).__name__}")
        results.write(chosen.results)
    made = page(results)
    print(made)
    if chosen.write:
        write_section(chosen.write, made)
    return 1 if failed else 0


def _plays(only: Sequence[str], sizes: Sequence[int], rounds: int, settled: int) -> Iterator[tuple[str, Play]]:
    wanted = [scenario for scenario in SCENARIOS if scenario.name in only]
    for crowded, group in groupby(wanted, key=lambda scenario: scenario.crowded):
        scenarios = list(group)
        name = ", ".join(scenario.name for scenario in scenarios)
        yield name, partial(_on_one_stage, settled if crowded else 0, scenarios)
    if AT_ONCE in only:
        for size in sizes:
            yield at_once.name(size), partial(_at_once, size, rounds)


def _at_once(size: int, rounds: int, results: Results) -> None:
    results.add(at_once.name(size), at_once.play(size, rounds), conditions())


def _on_one_stage(models: int, scenarios: Sequence[Scenario], results: Results) -> None:
    with stage() as made:
        with step(f"an operator with {models} models"):
            asyncio.run(_prepare(made, models))
        for scenario in scenarios:
            with step(scenario.name):
                values = {"models": models, **asyncio.run(scenario.play(made))}
                results.add(scenario.name, values, conditions())


async def _prepare(made: Stage, models: int) -> None:
    await lead(made)
    await made.settle_in()
    async with made.api() as api:
        if models:
            await settle(api, models)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.operator", description="Measure the operator against a real API server."
    )
    parser.add_argument("--only", nargs="+", choices=NAMES, default=NAMES, metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--sizes", type=_sizes, default=[100, 1000, 5000], help="models at once (100,1000,5000)")
    parser.add_argument("--rounds", type=int, default=at_once.ROUNDS, help="runs of each size up to 1,000 (3)")
    parser.add_argument(
        "--settled", type=int, default=SETTLED, help="settled models of rest, restart and api-restart (1000)"
    )
    parser.add_argument("--write", type=Path, help="write the tables into this page, too; its other sections stay")
    parser.add_argument(
        "--results", type=Path, default=RESULTS, help="where results are kept; those of scenarios not played stay"
    )
    return parser


def _sizes(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]
