"""A clock for tests: what is to be called later is called when the test says so."""

from collections.abc import Callable


class Timers:
    """Calls later; `pass_` lets time pass."""

    def __init__(self) -> None:
        self.now = 0.0
        self.due: list[tuple[float, _Timer]] = []

    def later(self, seconds: float, callback: Callable[[], None]) -> "_Timer":
        timer = _Timer(callback)
        self.due.append((self.now + seconds, timer))
        return timer

    def pass_(self, seconds: float) -> None:
        self.now += seconds
        for moment, timer in sorted(self.due, key=lambda pair: pair[0]):
            if moment <= self.now:
                timer.fire()
        self.due = [(moment, timer) for moment, timer in self.due if timer.callback is not None]

    @property
    def pending(self) -> int:
        return sum(timer.callback is not None for _, timer in self.due)


class _Timer:
    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None

    def fire(self) -> None:
        callback, self.callback = self.callback, None
        if callback is not None:
            callback()
