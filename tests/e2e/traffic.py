"""A client that never retries, asking all the time, so that a lost request is seen."""

import threading
import time
from collections import Counter
from types import TracebackType

from tests.e2e.models import factor_answered


class Traffic:
    """Asks in several threads, a new connection each time, from entering to leaving the ``with`` block."""

    def __init__(self, address: str, model: str, clients: int = 4, pause: float = 0.01) -> None:
        self._address, self._model, self._pause = address, model, pause
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(clients)]
        self._lock = threading.Lock()
        self.answers: Counter[float] = Counter()
        self.lost: list[str] = []

    def __enter__(self) -> "Traffic":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _ask(self) -> None:
        while not self._stop.is_set():
            try:
                answer = factor_answered(self._address, self._model)
                with self._lock:
                    self.answers[answer] += 1
            except Exception as error:
                with self._lock:
                    self.lost.append(f"{time.strftime('%H:%M:%S')} {error!r}")
            time.sleep(self._pause)
