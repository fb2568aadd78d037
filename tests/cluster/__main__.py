"""`python -m tests.cluster`."""

from .cli import run

run()
