"""Shows what runs and for how long, on a terminal and in a log."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

LOG_INTERVAL: Final = 15.0
"""Seconds between signs of life where the output is no terminal."""


def seconds(value: float) -> str:
    """Return a duration as people say it: `0.4s`, `12s`, `4m32s`."""
    if value < 10:
        return f"{value:.1f}s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes}m{rest:02d}s" if minutes else f"{rest}s"


def note(text: str) -> None:
    """Print one line; on stderr, so that what a command answers can be piped."""
    print(text, file=sys.stderr, flush=True)


@contextmanager
def step(text: str) -> Iterator[None]:
    """Show `text` with a running clock while the block runs, then its time and whether it failed."""
    start = time.monotonic()
    done = threading.Event()
    live = sys.stderr.isatty()
    over = "\r\x1b[K" if live else ""

    def tick() -> None:
        while not done.wait(1.0 if live else LOG_INTERVAL):
            line = f"… {text} ({seconds(time.monotonic() - start)})"
            print(over + line, end="" if live else "\n", file=sys.stderr, flush=True)

    ticker = threading.Thread(target=tick, daemon=True)
    ticker.start()
    mark = "✗"
    try:
        yield
        mark = "✓"
    finally:
        done.set()
        ticker.join()
        note(f"{over}{mark} {text} ({seconds(time.monotonic() - start)})")
