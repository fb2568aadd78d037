"""Print what is rendered as a terminal of a fixed width would, without colours."""

import io

from rich.console import Console, RenderableType


def printed(what: RenderableType, width: int = 100) -> str:
    """Return the text, without spaces at the ends of lines."""
    console = Console(file=io.StringIO(), width=width, highlight=False, color_system=None, legacy_windows=False)
    with console.capture() as captured:
        console.print(what)
    return "".join(f"{line.rstrip()}\n" for line in captured.get().splitlines())
