"""A load that does not wait for answers: requests come at random moments, so many a second on average.

A few hundred users who know nothing of each other are such a load (a Poisson process). It takes a third of a core for
10,000 requests a second, with what the kernel does for it.
"""

import gc
import random
import select
import socket
import time
from collections import deque
from typing import Final

from benchmarks.server.errors import BenchmarkError
from benchmarks.server.places import HOST
from benchmarks.shadow.talks import Begin, Talk

CONNECTIONS: Final = 32
"""More than are ever busy at half of what a pod can do: else requests would wait here."""
PATIENCE: Final = 10.0
SEED: Final = 7
READ: Final = 1 << 18


class _Connection:
    """A connection, and since when its request counts."""

    def __init__(self, port: int, talk: Talk) -> None:
        self.socket = socket.create_connection((HOST, port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.talk = talk
        self.since = 0.0
        self.socket.sendall(talk.greeting())

    def fileno(self) -> int:
        return self.socket.fileno()

    def ask(self, since: float) -> None:
        self.since = since
        self.socket.sendall(self.talk.request())


class Paced:
    """Connections that ask at a pace. They stay: the first request of one takes longer, and one in a hundred counts."""

    def __init__(self, begin: Begin, port: int) -> None:
        """Connect. `begin` makes what is said on a connection."""
        self._idle = deque(_Connection(port, begin()) for _ in range(CONNECTIONS))
        self._everyone = list(self._idle)

    def __enter__(self) -> "Paced":
        """Do nothing more."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the connections."""
        for connection in self._everyone:
            connection.socket.close()

    def load(self, rate: float, seconds: float) -> list[float]:
        """Ask so many times a second for so long; return what each request took, in milliseconds.

        Raises BenchmarkError if an answer is wrong or does not come.

        A request's time begins when it is sent; of one that finds no connection idle it begins when it was due.
        """
        gc.disable()
        try:
            return [taken * 1e3 for taken in _play(self._idle, rate, seconds)]
        except OSError as error:
            raise BenchmarkError(f"a paced load broke: {error!r}") from error
        finally:
            gc.enable()


def _play(idle: deque[_Connection], rate: float, seconds: float) -> list[float]:
    chance = random.Random(SEED)  # the same moments in each load
    taken: list[float] = []
    busy: list[_Connection] = []
    late: deque[float] = deque()
    now = time.perf_counter()
    end = now + seconds
    due = now + chance.expovariate(rate)
    while due < end or busy:
        now = time.perf_counter()
        while due <= now and due < end:
            if idle:
                busy.append(idle.popleft())  # in turn: a pod ends a connection that is idle for long
                busy[-1].ask(time.perf_counter())
            else:
                late.append(due)
            due += chance.expovariate(rate)
        pause = due - now if due < end else end + PATIENCE - now
        if pause < 0 and due >= end:
            raise BenchmarkError(f"{len(busy)} paced requests were not answered within {PATIENCE:g} s")
        ready, _, _ = select.select(busy, (), (), max(0.0, pause))
        for connection in ready:
            data = connection.socket.recv(READ)
            if not data:
                raise BenchmarkError("a pod ended a paced connection")
            if connection.talk.answered(data):
                taken.append(time.perf_counter() - connection.since)
                if late:
                    connection.ask(late.popleft())
                else:
                    busy.remove(connection)
                    idle.append(connection)
    return taken
