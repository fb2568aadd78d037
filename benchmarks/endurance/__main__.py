"""Runs as a program."""

import sys

from benchmarks.endurance.cli import main

if __name__ == "__main__":
    sys.exit(main())
