"""Runs as a program."""

import sys

from benchmarks.rollout.cli import main

if __name__ == "__main__":
    sys.exit(main())
