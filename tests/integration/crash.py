"""Killing an operator right after one of its writes: the API server's audit log says when that is."""

import time
from dataclasses import dataclass

from tests.integration.audit import OPERATOR, Audit
from tests.integration.namespace import Namespace
from tests.integration.operator_process import OperatorProcess

GLANCE = 0.0005
"""Seconds between two looks at the log. A write of the operator's takes some milliseconds."""


@dataclass(frozen=True)
class Watch:
    """Counts the operator's writes in a namespace from the moment it is made."""

    audit: Audit
    namespace: Namespace
    since: int

    @classmethod
    def begin(cls, audit: Audit, namespace: Namespace) -> "Watch":
        """Count what is written from now on."""
        return cls(audit, namespace, audit.position())

    def kill_after(self, count: int, operator: OperatorProcess, patience: float) -> None:
        """Kill the operator as soon as the log has so many writes; also when it has no more after `patience` seconds.

        The operator may be a write further when it ends; `landed` tells.
        """
        deadline = time.monotonic() + patience
        ours = f'"{self.namespace.name}"'.encode()
        seen, rest = 0, b""
        with self.audit.plane.audit_log.open("rb") as log:
            log.seek(self.since)
            while seen < count and time.monotonic() < deadline:
                *lines, rest = (rest + log.read()).split(b"\n")
                seen += sum(OPERATOR.encode() in line and ours in line and ANSWERED in line for line in lines)
                if not lines:
                    time.sleep(GLANCE)
        operator.kill()

    def landed(self) -> int:
        """Return how many writes the API server has answered by now."""
        return len(self.audit.writes(self.since, namespace=self.namespace.name))

    def all_landed(self, quiet: float = 2.0, patience: float = 60.0) -> int:
        """Return the number of writes once there are some, and no more for `quiet` seconds."""
        deadline = time.monotonic() + patience
        count, last = 0, time.monotonic()
        while not count or time.monotonic() - last < quiet:
            assert time.monotonic() < deadline, f"{count} writes within {patience:.0f} s, and no end of them"
            if (found := self.landed()) != count:
                count, last = found, time.monotonic()
            time.sleep(0.1)
        return count


ANSWERED = b'"stage":"ResponseComplete"'
