"""Users of the model in the background: they ask all the time, check every answer, and never retry."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import cycle
from types import TracebackType
from typing import Final

import numpy as np

from .accuracy import Accuracy
from .client import FAILURES, Endpoint, ask
from .digits import Images, Labels
from .local_run import Answers

INTERVAL: Final = 0.04
"""Seconds between an answer and the next request."""

CLIENTS: Final = 2
ROWS: Final = 4
KEPT: Final = 5


@dataclass
class Count:
    """What happened to the requests: `failures` are the first few, in words; `slowest` and times are in seconds.

    `first_failure` and `last_failure` are on the monotonic clock, and None without any. `accuracy` and `lowest` are
    those of Accuracy.
    """

    answered: int = 0
    failed: int = 0
    slowest: float = 0.0
    by_version: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    first_failure: float | None = None
    last_failure: float | None = None
    accuracy: float | None = None
    lowest: float | None = None

    def answer(self, version: str, seconds: float) -> None:
        """Count an answer."""
        self.answered += 1
        self.by_version[version] += 1
        self.slowest = max(self.slowest, seconds)

    def failure(self, words: str, at: float) -> None:
        """Count a request that got no answer, or a wrong one."""
        self.failed += 1
        self.first_failure = at if self.first_failure is None else self.first_failure
        self.last_failure = at
        if len(self.failures) < KEPT:
            self.failures.append(words)

    @property
    def outage(self) -> float:
        """Seconds from the first failure to the last."""
        return (
            0.0 if self.first_failure is None or self.last_failure is None else self.last_failure - self.first_failure
        )


class Traffic:
    """Two clients that ask until the block ends: one over one connection, one with a new connection for each request.

    `images` is float32 [N, 64], N a multiple of `ROWS`; an answer counts when it equals one of `allowed`, each int64
    [N]; `truth`, int64 [N], is what the images show.
    """

    def __init__(self, endpoint: Endpoint, images: Images, allowed: Sequence[Labels], truth: Labels) -> None:
        self._endpoint = endpoint
        self._images = images
        self._allowed = list(allowed)
        self._truth = truth
        self._accuracy = Accuracy(len(images))
        self._count = Count()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(CLIENTS)
        self._workers: list[Future[None]] = []

    def __enter__(self) -> "Traffic":
        self._workers = [self._pool.submit(self._steady), self._pool.submit(self._fresh)]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        if error is None:
            self._check_workers()

    def stop(self) -> None:
        """Let the requests that are on their way end, and send no more."""
        self._stop.set()
        self._pool.shutdown()

    @property
    def count(self) -> Count:
        """What happened until now."""
        self._check_workers()
        with self._lock:
            count = self._count
            return Count(
                count.answered,
                count.failed,
                count.slowest,
                count.by_version.copy(),
                list(count.failures),
                count.first_failure,
                count.last_failure,
                self._accuracy.now,
                self._accuracy.lowest,
            )

    def wait_calm(self, seconds: float, limit: float) -> bool:
        """Wait until no request failed for `seconds`; return False when that takes longer than `limit` seconds."""
        began = time.monotonic()
        while (now := time.monotonic()) < began + limit:
            count = self.count
            since = began if count.last_failure is None else count.last_failure
            if count.answered and now - max(since, began) >= seconds:
                return True
            time.sleep(INTERVAL)
        return False

    def _check_workers(self) -> None:
        for worker in self._workers:
            if worker.done():
                worker.result()

    def _steady(self) -> None:
        client = self._endpoint.client()
        try:
            self._repeat(1, lambda rows: ask(client, self._endpoint.model, rows))
        finally:
            client.close()

    def _fresh(self) -> None:
        def once(rows: Images) -> tuple[Answers, str]:
            client = self._endpoint.client()
            try:
                return ask(client, self._endpoint.model, rows)
            finally:
                client.close()

        self._repeat(2, once)

    def _repeat(self, seed: int, send: Callable[[Images], tuple[Answers, str]]) -> None:
        order = np.random.default_rng(seed).permutation(len(self._images)).reshape(-1, ROWS)
        for chosen in cycle(order):
            if self._stop.is_set():
                break
            began = time.monotonic()
            try:
                answers, version = send(self._images[chosen])
            except FAILURES as error:
                with self._lock:
                    self._count.failure(f"{type(error).__name__}: {error}", time.monotonic())
            else:
                seconds = time.monotonic() - began
                labels = answers.labels
                with self._lock:
                    right = int(np.sum(labels == self._truth[chosen]))
                    self._accuracy.saw(seed, right, ROWS, CLIENTS)
                    if any(np.array_equal(labels, known[chosen]) for known in self._allowed):
                        self._count.answer(version, seconds)
                    else:
                        self._count.failure(f"version {version} answered wrongly: {labels}", time.monotonic())
            self._stop.wait(INTERVAL)
