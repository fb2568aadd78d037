"""The Lease: of several replicas only its holder writes.

All waiting is by the local monotonic clock, as in client-go's leader election: a Lease is expired when nobody has
renewed it, as seen from here, for its whole duration. The time stamps in it are for people.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from onnx_operator.kube.errors import ConflictError, KubeError
from onnx_operator.kube.kinds import LEASE
from onnx_operator.kube.protocol import Kube

Object = dict[str, Any]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LeaseTimes:
    """Durations in seconds.

    A holder that could not renew for ``renew_deadline`` writes no more. Others take over two looks before ``duration``
    is over, so that they lead within it. What lies between is what a write that is on its way may still take: it is
    longer than a request's time-out.
    """

    duration: float = 15.0
    renew_deadline: float = 7.5
    renew_every: float = 2.0
    look_every: float = 1.0

    @classmethod
    def of(cls, duration: float) -> "LeaseTimes":
        """Return times in the usual proportion."""
        return cls(duration, duration / 2, duration / 8, min(1.0, duration / 15))

    def __post_init__(self) -> None:
        if not self.renew_every < self.renew_deadline < self.takeover(self.duration):
            raise ValueError("the times of a Lease must be renew_every < renew_deadline < duration - 2 * look_every")

    def takeover(self, duration: float) -> float:
        """Return after how many silent seconds a Lease of this duration may be taken over."""
        return duration - 2 * self.look_every


class Lease:
    """One replica's part in the Lease ``namespace/name``; ``identity`` is unique to this process."""

    def __init__(
        self,
        kube: Kube,
        namespace: str,
        name: str,
        identity: str,
        times: LeaseTimes | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._kube, self._namespace, self._name, self._identity = kube, namespace, name, identity
        self._times, self._clock = times or LeaseTimes(), clock
        self._valid_until = float("-inf")
        # The version of the Lease seen last, since when, and whose it was.
        self._seen_version, self._seen_at, self._holder = "", float("-inf"), ""
        self._released_at: int | None = None

    @property
    def held(self) -> bool:
        """Whether this replica may write, now."""
        return self._clock() < self._valid_until

    @property
    def released_at(self) -> int | None:
        """The resource version at which the holder before this one gave the Lease back; its last write was before that.

        None if nobody gave it back: the holder was killed, or there was none.
        """
        return self._released_at

    async def acquire(self) -> None:
        """Return when the Lease is this replica's."""
        self._released_at = None
        while not await self._attempt():  # noqa: ASYNC110  (only the API server knows when)
            await asyncio.sleep(self._times.look_every)
        log.info("%s holds the lease", self._identity)

    async def hold(self) -> None:
        """Renew the Lease; return when it is lost."""
        while True:
            remaining = self._valid_until - self._clock()
            if remaining <= 0:
                log.warning("%s could not renew the lease and writes no more", self._identity)
                return
            await asyncio.sleep(min(self._times.renew_every, remaining))
            if not self.held:
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._valid_until - self._clock()):
                    if await self._attempt() or self._holder in ("", self._identity):
                        continue
                    log.warning("%s lost the lease to %s", self._identity, self._holder)
                    self._valid_until = float("-inf")

    async def release(self) -> None:
        """Let another replica take over at once. Nothing of this process may write any more when this is called."""
        if not self.held:
            return
        self._valid_until = float("-inf")
        try:
            live = await self._kube.get(LEASE, self._namespace, self._name)
            if live is not None and live["spec"].get("holderIdentity") == self._identity:
                await self._kube.replace({**live, "spec": {**live["spec"], "holderIdentity": "", **self._stamp()}})
        except KubeError as error:
            log.warning("the lease was not released, and expires: %s", error)

    async def _attempt(self) -> bool:
        """Take or renew the Lease if that is possible now; errors are a no."""
        sent = self._clock()
        try:
            live = await self._kube.get(LEASE, self._namespace, self._name)
            if live is None:
                await self._kube.create(self._manifest())
            elif not self._may_take(live):
                return False
            else:
                await self._kube.replace(self._taken(live))
        except ConflictError:
            return False  # somebody was quicker
        except KubeError as error:
            log.warning("the lease cannot be read or written: %s", error)
            return False
        if live is not None and self._holder == "":
            self._released_at = int(live["metadata"]["resourceVersion"])
        # From when the request was sent: the API server may have written it at any time since.
        self._valid_until = sent + self._times.renew_deadline
        self._holder = self._identity
        return True

    def _may_take(self, live: Object) -> bool:
        spec, version = live["spec"], live["metadata"]["resourceVersion"]
        self._holder = spec.get("holderIdentity") or ""
        if version != self._seen_version:
            self._seen_version, self._seen_at = version, self._clock()
        if self._holder in ("", self._identity):
            return True
        duration = float(spec.get("leaseDurationSeconds", self._times.duration))
        return self._clock() - self._seen_at >= self._times.takeover(duration)

    def _taken(self, live: Object) -> Object:
        spec = live["spec"]
        mine = spec.get("holderIdentity") == self._identity
        taken = {
            **spec,
            "holderIdentity": self._identity,
            "leaseDurationSeconds": int(self._times.duration),
            "leaseTransitions": spec.get("leaseTransitions", 0) + (0 if mine else 1),
            **self._stamp(),
        }
        if not mine:
            taken["acquireTime"] = taken["renewTime"]
        return {**live, "apiVersion": LEASE.api_version, "kind": LEASE.kind, "spec": taken}

    def _manifest(self) -> Object:
        stamp = self._stamp()
        return {
            "apiVersion": LEASE.api_version,
            "kind": LEASE.kind,
            "metadata": {"name": self._name, "namespace": self._namespace},
            "spec": {
                "holderIdentity": self._identity,
                "leaseDurationSeconds": int(self._times.duration),
                "leaseTransitions": 0,
                "acquireTime": stamp["renewTime"],
                **stamp,
            },
        }

    def _stamp(self) -> dict[str, str]:
        return {"renewTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")}
