"""Waits for an object to become what it should, by `kubectl get --watch`, and tells each change that counts."""

import codecs
import json
import os
import queue
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any, Final, TypeVar

from .errors import DemoError
from .shell import Shell

Object = dict[str, Any]
T = TypeVar("T")
BLOCK: Final = 65536
AGAIN: Final = 0.2
"""Seconds until a watch that ended is started anew."""


def documents(blocks: Iterable[bytes]) -> Iterator[Object]:
    """Yield the JSON objects that stand one after the other in a stream, as soon as each is complete."""
    decoder, characters = json.JSONDecoder(), codecs.getincrementaldecoder("utf-8")("replace")
    text = ""
    for block in blocks:
        text += characters.decode(block)
        while text := text.lstrip():
            try:
                found, end = decoder.raw_decode(text)
            except ValueError:  # it goes on in the next block
                break
            yield found
            text = text[end:]


@dataclass(frozen=True)
class Seen:
    """A state of an object, and when it was seen, in seconds on the monotonic clock."""

    object: Object
    at: float


@contextmanager
def watched(shell: Shell, *what: str) -> "Iterator[queue.Queue[Seen]]":
    """Watch objects (`kubectl get WHAT --watch`) while the block runs; every state of each goes into the queue."""
    found: queue.Queue[Seen] = queue.Queue()
    stop = threading.Event()
    running: list[subprocess.Popen[bytes]] = []

    def watch() -> None:
        while not stop.is_set():
            process = shell.start("kubectl", "get", *what, "--watch", "-o", "json")
            running[:] = [process]
            if stop.is_set():
                process.terminate()
            for document in documents(_blocks(process.stdout)):
                found.put(Seen(document, time.monotonic()))
            process.communicate()
            stop.wait(AGAIN)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        stop.set()
        for process in running:
            process.terminate()
        thread.join(timeout=5)


def wait(
    states: "queue.Queue[Seen]",
    check: Callable[[Seen], T | None],
    *,
    what: str,
    limit: float,
    look: Iterable[str] = (),
) -> T:
    """Return the first thing that `check` makes of a state; raise DemoError after `limit` seconds."""
    deadline = time.monotonic() + limit
    while (left := deadline - time.monotonic()) > 0:
        try:
            state = states.get(timeout=left)
        except queue.Empty:
            break
        if (result := check(state)) is not None:
            return result
    raise DemoError(f"{what}: that did not happen within {limit:.0f} s.", *look)


def _blocks(stream: IO[bytes] | None) -> Iterator[bytes]:
    if stream is None:
        return
    while block := os.read(stream.fileno(), BLOCK):
        yield block
