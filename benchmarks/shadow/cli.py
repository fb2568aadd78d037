"""The command: measures, keeps the results, prints the section, and writes it into a page if asked.

The exit code is 0 whatever was measured; it is 1 when a pod failed.
"""

import argparse
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from benchmarks import machine
from benchmarks.forwarding.cli import count
from benchmarks.forwarding.pods import candidate_core
from benchmarks.page import write_section
from benchmarks.results import Object, Results
from benchmarks.server.errors import BenchmarkError
from benchmarks.server.installing import install_tools
from benchmarks.server.places import LOAD_CORE, SERVER_CORE, cache
from benchmarks.server.rounds import Plan
from benchmarks.shadow.report import NAME, section
from benchmarks.shadow.turns import WAYS, play
from tests.cluster.errors import ClusterError
from tests.cluster.lock import only_one
from tests.cluster.paths import TREE
from tests.cluster.progress import note

RESULTS: Final = TREE / "build/benchmarks/shadow.json"
USUAL: Final = Plan(rounds=20, seconds=1)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return the exit code."""
    chosen = _parser().parse_args(arguments)
    plan = Plan(chosen.rounds, chosen.seconds)
    results = Results()
    try:
        results.add(NAME, _measured(plan), {"machine": machine.describe(), "candidateCore": _candidate_core()})
    except (BenchmarkError, ClusterError) as error:
        note(f"error: {error}")
        return 1
    results.write(chosen.results)
    made = section(results)
    print(made)
    if chosen.write:
        write_section(chosen.write, made)
    return 0


def _measured(plan: Plan) -> Object:
    with only_one(cache(), "running this benchmark"), tempfile.TemporaryDirectory(prefix="bench-shadow-") as folder:
        install_tools()
        for way in WAYS:
            way.install()
        try:
            os.sched_setaffinity(0, {LOAD_CORE})
        except OSError as error:
            raise BenchmarkError(
                f"two cores are needed, {SERVER_CORE} for the pod and {LOAD_CORE} for loads"
            ) from error
        return play(Path(folder), plan)


def _candidate_core() -> str:
    """Say where the candidate runs, after `The candidate`."""
    shared = candidate_core() == LOAD_CORE
    return "shares the load tool's core, and runs only while nothing else does" if shared else "has a core, too"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.shadow", description="Measure what copies of requests cost clients."
    )
    parser.add_argument(
        "--rounds", type=count, default=USUAL.rounds, help=f"loads of either state without a pause ({USUAL.rounds})"
    )
    parser.add_argument("--seconds", type=count, default=USUAL.seconds, help=f"of one load ({USUAL.seconds})")
    parser.add_argument("--write", type=Path, help="write the section into this page, too; its other sections stay")
    parser.add_argument("--results", type=Path, default=RESULTS, help="where results are kept")
    return parser
