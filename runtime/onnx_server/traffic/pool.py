"""A revision's pods, and the connections to them."""

from collections.abc import Iterator, Sequence

from onnx_server.traffic.balance import least_loaded
from onnx_server.traffic.candidate import CONNECT_SECONDS, Candidate
from onnx_server.traffic.split import Address


class Pool:
    """Those of the split that applies. `sender` is the revision of this pod."""

    def __init__(self, sender: bytes, connect_seconds: float = CONNECT_SECONDS) -> None:
        self._sender = sender
        self._connect_seconds = connect_seconds
        self._pods: tuple[Candidate, ...] = ()
        self._turn = 0

    def __bool__(self) -> bool:
        return bool(self._pods)

    def __iter__(self) -> Iterator[Candidate]:
        return iter(self._pods)

    def replace(self, addresses: Sequence[Address]) -> None:
        """Have these pods and no others; connections to those that stay are kept."""
        known = {pod.address: pod for pod in self._pods}
        self._pods = tuple(
            known.pop(address) if address in known else Candidate(address, self._sender, self._connect_seconds)
            for address in addresses
        )
        for pod in known.values():
            pod.retire()

    def choose(self, now: float) -> Candidate | None:
        """Return who is to get the next request; None if nobody may be asked at `now` (time.monotonic())."""
        self._turn += 1
        return least_loaded(self._pods, now, self._turn)
