"""How long ago something was, as kubectl writes it."""

from datetime import datetime

UNITS = ((86400, "d"), (3600, "h"), (60, "m"), (1, "s"))


def moment(text: str) -> datetime:
    """Return the time that an RFC 3339 text names.

    Raises:
        ValueError: it names none.
    """
    return datetime.fromisoformat(text)


def age(text: str | None, now: datetime) -> str:
    """Return how long ago a time was, in its two largest units: ``3m12s``, ``4d2h``; empty if it is no time."""
    try:
        seconds = max(0, int((now - moment(text or "")).total_seconds()))
    except ValueError:
        return ""
    for index, (size, unit) in enumerate(UNITS):
        if seconds >= size or size == 1:
            whole, rest = divmod(seconds, size)
            more = rest // UNITS[index + 1][0] if index + 1 < len(UNITS) else 0
            return f"{whole}{unit}{more}{UNITS[index + 1][1]}" if more else f"{whole}{unit}"
    raise AssertionError("the last unit is one second")
