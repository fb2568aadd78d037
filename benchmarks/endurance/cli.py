"""The command: plays all, keeps the results, prints the section, and writes it into a page if asked.

The exit code is 0 whatever was lost; it is 1 when a malformed request was not refused as it has to be.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from benchmarks import machine
from benchmarks.endurance import plays
from benchmarks.endurance.report import FRAMES, GRPC_DRAIN, HTTP_DRAIN, REQUESTS, section
from benchmarks.forwarding.cli import count
from benchmarks.page import write_section
from benchmarks.results import Results
from tests.cluster.paths import TREE
from tests.cluster.progress import note

RESULTS: Final = TREE / "build/benchmarks/endurance.json"
USUAL_DRAINS: Final = 5
USUAL_SECONDS: Final = 120


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return the exit code."""
    chosen = _parser().parse_args(arguments)
    results, conditions = Results(), {"machine": machine.describe()}
    try:
        results.add(HTTP_DRAIN, plays.http_drains(chosen.drains), conditions)
        results.add(GRPC_DRAIN, plays.grpc_drains(chosen.drains), conditions)
        results.add(REQUESTS, plays.malformed_requests(chosen.seconds, chosen.seed), conditions)
        results.add(FRAMES, plays.malformed_frames(chosen.seconds, chosen.seed), conditions)
    except AssertionError as error:
        note(f"error: {error}")
        return 1
    results.write(chosen.results)
    made = section(results)
    print(made)
    if chosen.write:
        write_section(chosen.write, made)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.endurance",
        description="Count what is lost when a server ends under load, and what malformed requests do to it.",
    )
    parser.add_argument("--drains", type=count, default=USUAL_DRAINS, help=f"of each protocol ({USUAL_DRAINS})")
    parser.add_argument("--seconds", type=count, default=USUAL_SECONDS, help=f"of malformed input ({USUAL_SECONDS})")
    parser.add_argument("--seed", type=count, default=1, help="which malformed input (1)")
    parser.add_argument("--write", type=Path, help="write the section into this page, too; its other sections stay")
    parser.add_argument("--results", type=Path, default=RESULTS, help="where results are kept")
    return parser
