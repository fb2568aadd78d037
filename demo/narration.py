"""What the demo says: headings with the time, the commands that it runs, their output; lines of at most 100 columns."""

import os
import shlex
import sys
import textwrap
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final, TextIO

WIDTH: Final = 100
INDENT: Final = "  "
BOLD, DIM, GREEN, RED, YELLOW = "1", "2", "32", "31", "33"


def duration(seconds: float) -> str:
    """Return a duration as people say it: `0.4 s`, `12 s`, `4 min 32 s`."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def shown(command: Sequence[str], width: int = WIDTH) -> list[str]:
    """Return a command as a person would type it, over several lines where one is too short.

    Lines break before an option or an argument, never within one, so that they can be pasted back.
    """
    lines, line = [], f"{INDENT}$"
    words = [shlex.quote(word) for word in command]
    # An option and its value stay together.
    groups: list[str] = []
    for word in words:
        if groups and groups[-1].startswith("-") and "=" not in groups[-1] and " " not in groups[-1] and word[0] != "-":
            groups[-1] += f" {word}"
        else:
            groups.append(word)
    for group in groups:
        if len(line) + len(group) + 3 > width and line.strip() != "$":
            lines.append(f"{line} \\")
            line = f"{INDENT}   "
        line += f" {group}"
    return [*lines, line]


class Narrator:
    """Writes to a terminal, or to a log without any control characters."""

    def __init__(self, out: TextIO | None = None, now: Callable[[], float] = time.monotonic) -> None:
        self._out = out or sys.stdout
        self._now = now
        self._began = now()
        self._colours = self._out.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        self._number = 0

    @property
    def elapsed(self) -> float:
        """Seconds since the demo began."""
        return self._now() - self._began

    @contextmanager
    def step(self, title: str, total: int) -> Iterator[None]:
        """Tell one step: a numbered heading, and the step's own time when it is done."""
        self._number += 1
        began = self._now()
        left = f"── {self._number}/{total} {title} "
        right = f" {duration(self.elapsed)} ──"
        self._line("")
        self._line(left + "─" * max(2, WIDTH - len(left) - len(right)) + right, BOLD)
        yield
        self._line(f"{INDENT}✓ done in {duration(self._now() - began)}", GREEN)

    def say(self, text: str) -> None:
        """Say something in a sentence or two, wrapped."""
        for line in textwrap.wrap(text, WIDTH - len(INDENT), break_long_words=False, break_on_hyphens=False):
            self._line(INDENT + line)

    def good(self, text: str) -> None:
        """Say what was checked and holds."""
        self._wrapped("✓", text, GREEN)

    def bad(self, text: str) -> None:
        """Say what is wrong."""
        self._wrapped("✗", text, RED)

    def command(self, command: Sequence[str]) -> None:
        """Show a command as a person would type it."""
        self.typed(shown(command))

    def typed(self, lines: Sequence[str]) -> None:
        """Show lines that a person would type, as they are."""
        for line in lines:
            self._line(line, YELLOW)

    def output(self, text: str) -> None:
        """Show what a command wrote, as it is."""
        for line in text.rstrip().splitlines():
            self._line(f"{INDENT}{INDENT}{line.rstrip()}", DIM)

    def lines(self, lines: Sequence[str]) -> None:
        """Show lines as they are."""
        for line in lines:
            self._line(f"{INDENT}{line}".rstrip())

    def progress(self, seconds: float, text: str) -> None:
        """Show one change of something that is waited for, and when it came."""
        self._wrapped(f"{INDENT}{seconds:5.1f} s ", text)

    def _wrapped(self, mark: str, text: str, colour: str = "") -> None:
        start = f"{INDENT}{mark} "
        for line in textwrap.wrap(
            text,
            WIDTH,
            initial_indent=start,
            subsequent_indent=" " * len(start),
            break_long_words=False,
            break_on_hyphens=False,
        ):
            self._line(line, colour)

    def _line(self, text: str, style: str = "") -> None:
        styled = f"\x1b[{style}m{text}\x1b[0m" if style and self._colours and text else text
        encoding = self._out.encoding or "utf-8"
        print(styled.encode(encoding, "replace").decode(encoding), file=self._out, flush=True)
