"""A page of sections, each below a title of its own (`# …`), each written by its own benchmark."""

import re
from itertools import pairwise
from pathlib import Path
from typing import Final

TITLE: Final = re.compile(r"^# .+$", re.MULTILINE)


def with_section(page: str, section: str) -> str:
    """Return the page with the section in place of the one with its title, or after all others. Pure.

    A section begins with its title, a line `# …`, and has no other; code blocks hold no line that begins like one.
    """
    title = section.split("\n", 1)[0]
    starts = [*(found.start() for found in TITLE.finditer(page)), len(page)]
    parts = [page[begin:end].rstrip("\n") + "\n" for begin, end in pairwise(starts)]
    titles = [part.split("\n", 1)[0] for part in parts]
    made = section.rstrip("\n") + "\n"
    if title in titles:
        parts[titles.index(title)] = made
    else:
        parts.append(made)
    return page[: starts[0]] + "\n".join(parts)


def write_section(file: Path, section: str) -> None:
    """Write the section into the page, which is made if it is not there."""
    file.write_text(with_section(file.read_text() if file.exists() else "", section))
