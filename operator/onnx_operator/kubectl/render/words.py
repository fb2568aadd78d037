"""The colours and signs of what is shown: one meaning, one look."""

from rich.text import Text

GOOD, MOVING, WAITING, BAD, QUIET = "green", "cyan", "yellow", "red", "dim"

PHASES = {
    "Preflight": MOVING,
    "Progressing": MOVING,
    "Paused": WAITING,
    "Promoting": MOVING,
    "HandingOver": GOOD,
    "RollingBack": WAITING,
    "Aborted": BAD,
}
ROLES = {"Stable": GOOD, "Candidate": MOVING, "Rejected": BAD, "Retired": QUIET}
VERDICTS = {"Pass": ("✓", GOOD), "Fail": ("✗", BAD), "Unknown": ("?", WAITING)}
# Whether a condition that is True is good news.
WELCOME = {"Ready": True, "Reconciling": None, "Stalled": False}

CELLS = 20


def joined(*parts: Text | str, by: str = "  ") -> Text:
    """Return the parts that are not empty in one line."""
    kept = [part if isinstance(part, Text) else Text(part) for part in parts if part]
    return Text(by).join(kept)


def bar(percent: int, style: str) -> Text:
    """Return a bar of 20 cells for 0 to 100 percent; what is more than nothing shows at least one cell."""
    full = max(round(CELLS * percent / 100), 1 if percent > 0 else 0)
    return Text.assemble(("█" * full, style), ("░" * (CELLS - full), QUIET))


def condition_sign(type_: str, status: str) -> tuple[str, str]:
    """Return the sign and the colour of a condition."""
    welcome = WELCOME.get(type_)
    if status == "Unknown":
        return "?", WAITING
    if welcome is None:
        return ("●", MOVING) if status == "True" else ("·", QUIET)
    if (status == "True") == welcome:
        return ("✓", GOOD) if welcome else ("·", QUIET)
    return "✗", BAD
