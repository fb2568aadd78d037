"""Times as they are stored: RFC 3339, UTC, with microseconds, so that their order as text is their order in time."""

from datetime import UTC, datetime

STORED_FORMAT = "%Y-%m-%dT%H:%M:%S.%fZ"


def stamp(moment: datetime) -> str:
    """Return the form in which a time is stored."""
    return moment.strftime(STORED_FORMAT)


def seconds_since(stored: str, now: datetime) -> float:
    """Return how long ago a stored time was; 0 if it is in the future: the clock went back, or is another one."""
    then = moment(stored)
    return max(0.0, (now - then).total_seconds()) if then else 0.0


def clock_time(stored: str) -> str:
    """Return the time of day for a sentence, e.g. 12:00:05Z."""
    return f"{stored[11:19]}Z"


def moment(stored: str) -> datetime | None:
    """Return a stored time; None if somebody edited it."""
    try:
        found = datetime.fromisoformat(stored)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
