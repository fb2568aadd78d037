"""The API server's audit log: which writes were made, and by whom. Leases and access reviews are not in it."""

import json
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

from tests.cluster.plane import ControlPlane
from tests.cluster.rest import Object

OPERATOR = "onnx-operator/"


@dataclass(frozen=True)
class Audit:
    """The audit log of one control plane."""

    plane: ControlPlane

    def position(self) -> int:
        """Return a place in the log behind everything that was answered up to now."""
        marker = uuid.uuid4().hex
        query = {"dryRun": "All", "fieldManager": marker}
        begin = self.plane.audit_log.stat().st_size
        self.plane.rest.call("PATCH", "/api/v1/namespaces/default", {}, content_type=_MERGE, query=query)
        deadline = time.monotonic() + 10
        while marker.encode() not in (content := self._from(begin)):
            assert time.monotonic() < deadline, "the API server does not write its audit log"
            time.sleep(0.02)
        return begin + content.rindex(b"\n") + 1

    def _from(self, position: int) -> bytes:
        with self.plane.audit_log.open("rb") as log:
            log.seek(position)
            return log.read()

    def writes(self, since: int = 0, *, agent: str = OPERATOR, namespace: str | None = None) -> list[Object]:
        """Return the write requests answered since a position, oldest first.

        Only those whose user agent begins with `agent`, and which concern `namespace` if one is given.
        """
        return [
            event
            for event in self.events(since)
            if event["stage"] == "ResponseComplete"
            and str(event.get("userAgent", "")).startswith(agent)
            and namespace in (None, event.get("objectRef", {}).get("namespace"))
        ]

    def events(self, since: int = 0) -> Iterator[Object]:
        """Yield all that was logged between a position and now, oldest first."""
        end = self.position()
        with self.plane.audit_log.open("rb") as log:
            log.seek(since)
            while log.tell() < end:
                yield json.loads(log.readline())


_MERGE = "application/merge-patch+json"


def said(writes: list[Object]) -> list[str]:
    """Return write requests in words, for the message of an assertion."""
    return [f"{write['verb']} {write['requestURI']} -> {write['responseStatus'].get('code')}" for write in writes]
