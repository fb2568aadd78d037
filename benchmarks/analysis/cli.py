"""The command line: prints the tables that docs/analysis.md has."""

import argparse

from benchmarks.analysis.report import detections, edge, equal, peers

TABLES = {"peers": peers, "detections": detections, "edge": edge, "equal": equal}


def main() -> int:
    """Simulate, print the tables, and return 0."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.analysis", description=__doc__)
    parser.add_argument("tables", nargs="*", metavar="TABLE", help=f"{', '.join(TABLES)} (default: all)")
    parser.add_argument("--rollouts", type=int, default=2000, help="how many of each kind (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of all that is drawn (default: %(default)s)")
    asked = parser.parse_args()
    for name in asked.tables or TABLES:
        print(TABLES[name](asked.rollouts, asked.seed), flush=True)
    return 0
