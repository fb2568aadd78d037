"""Runs as a program."""

import sys

from benchmarks.forwarding.cli import main

if __name__ == "__main__":
    sys.exit(main())
