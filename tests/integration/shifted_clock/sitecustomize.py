"""Imported by Python at its start where this folder is on PYTHONPATH: the wall clock jumps as a file says.

The file that `SHIFTED_CLOCK` names holds seconds; as long as there is none, the clock is right. What is shifted is
`time.time` and `datetime.now`, `utcnow` and `today`; the monotonic clock goes on, as where a machine's clock is set.
"""

import datetime
import os
import time
from typing import Any

RIGHT_TIME = time.time
RIGHT_DATETIME = datetime.datetime


def shift() -> float:
    """Return by how many seconds the clock is wrong."""
    try:
        with open(os.environ["SHIFTED_CLOCK"], encoding="ascii") as file:  # noqa: PTH123  (pathlib is not loaded yet)
            return float(file.read() or 0)
    except FileNotFoundError:
        return 0.0


class EitherDatetime(type):
    """What C code makes is still the unshifted class."""

    def __instancecheck__(cls, instance: object) -> bool:
        """Return whether it is a datetime of either class."""
        return isinstance(instance, RIGHT_DATETIME)


class ShiftedDatetime(RIGHT_DATETIME, metaclass=EitherDatetime):
    """The datetime class by the wrong clock."""

    @classmethod
    def now(cls, tz: datetime.tzinfo | None = None) -> Any:
        """Return the wrong time."""
        return cls.fromtimestamp(time.time(), tz)

    @classmethod
    def utcnow(cls) -> Any:
        """Return the wrong time, in UTC."""
        return cls.now(datetime.UTC).replace(tzinfo=None)

    @classmethod
    def today(cls) -> Any:
        """Return the wrong time, locally."""
        return cls.now()


def shifted_time() -> float:
    """Return the wrong time."""
    return RIGHT_TIME() + shift()


time.time = shifted_time
datetime.datetime = ShiftedDatetime  # type: ignore[misc]
