"""Two pods of one model: the stable one, which is asked, and a candidate on ports of its own."""

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from benchmarks.forwarding.control import POD_UID, Control
from benchmarks.server.places import CONTROL_PORT, GRPC_PORT, HOST, HTTP_PORT, LOAD_CORE, METRICS_PORT
from benchmarks.server.process import Command, running
from benchmarks.server.servers.ours import COMMAND
from benchmarks.server.subject import Subject

STABLE_PORTS: Final = (HTTP_PORT, GRPC_PORT, METRICS_PORT, CONTROL_PORT)
CANDIDATE_PORTS: Final = (28110, 28111, 28112, 28113)
OPTIONS: Final = ("--http-port", "--grpc-port", "--metrics-port", "--control-port")
CANDIDATE_VERSION: Final = "2"
THREE_CORES: Final = 3


@dataclass(frozen=True)
class Pods:
    """The stable pod's process, and its control port."""

    pid: int
    control: Control
    revision: str

    def split(self, weight: int, shadow: int = 0, *, observed: bool = False) -> None:
        """Let the stable pod forward `weight` percent, and copy `shadow` percent."""
        self.control.split(self.revision, weight, CANDIDATE_PORTS[0], shadow, observed=observed)


def candidate_core() -> int:
    """Return the candidate's core: one of its own where there are three, else the load tool's."""
    return LOAD_CORE + 1 if (os.cpu_count() or 1) >= THREE_CORES else LOAD_CORE


@contextlib.contextmanager
def pods(subject: Subject, *, candidate_yields: bool = False) -> Iterator[Pods]:
    """Run both pods. They answer with the same numbers, so that every answer can be checked.

    A candidate that yields runs only while nothing else wants its core: where nobody waits for it, it would else hold
    up the load tool, and with it the times that this one measures.
    """
    folder = subject.folder / "forwarding"
    folder.mkdir(exist_ok=True)
    live, name = folder / "live", subject.model.name
    control = Control(live)
    stable = _command(subject, folder, "1", STABLE_PORTS, live)
    candidate = _command(subject, folder, CANDIDATE_VERSION, CANDIDATE_PORTS, None)
    if candidate_yields:
        candidate = replace(candidate, arguments=["chrt", "--idle", "0", *candidate.arguments])
    with (
        running(candidate, name, folder / "candidate.log"),
        running(stable, name, folder / "stable.log") as process,
    ):
        yield Pods(process.pid, control, f"{name}-{CANDIDATE_VERSION}")


def _command(subject: Subject, folder: Path, version: str, ports: tuple[int, ...], live: Path | None) -> Command:
    config = folder / f"server-{version}.yaml"
    config.write_text(json.dumps({"model": {"name": subject.model.name, "version": version}, "drainSeconds": 0}))
    arguments = [*COMMAND, str(subject.file), "--config", str(config), "--host", HOST]
    arguments += [part for option, port in zip(OPTIONS, ports, strict=True) for part in (option, str(port))]
    if live is None:
        return Command(arguments, core=candidate_core(), ports=ports)
    return Command([*arguments, "--live", str(live)], {"POD_UID": POD_UID}, ports=ports)
