"""What a pod and its mirror say to each other. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from onnx_server.protocol.datatypes import Tensor
from onnx_server.protocol.signature import Signature
from onnx_server.traffic.evidence import Copied
from onnx_server.traffic.mirror.contention import NOTHING, Contended
from onnx_server.traffic.split import Address, Shadowing


@dataclass(frozen=True, slots=True)
class Begin:
    """Comparisons begin anew, of a model's outputs by these settings. Later messages name them by `comparisons`."""

    comparisons: int
    model: str
    signature: Signature
    settings: Shadowing


@dataclass(frozen=True, slots=True)
class Copy:
    """A request that the pod has answered: inputs as the client sent them, outputs by name.

    The candidate's answer may have `limit` bytes, and is late after `patience` seconds.
    """

    comparisons: int
    inputs: Mapping[str, Tensor]
    outputs: Mapping[str, Tensor]
    limit: int
    patience: float


@dataclass(frozen=True, slots=True)
class Twice:
    """Two answers of the pod itself to the same request."""

    comparisons: int
    first: Mapping[str, Tensor]
    second: Mapping[str, Tensor]


@dataclass(frozen=True, slots=True)
class Told:
    """What came of a copy, or of an answer given twice.

    `ran` is the candidate's header, `described` the comparisons' part of the state document as JSON. `seconds` is the
    CPU time that was measured, `contended` how the mirror came by it. `late` goes with `failed`; so
    does a `bug`, a traceback, for which no candidate is to blame. `interrupted` is what had no end: the mirror ended,
    or began other comparisons.
    """

    outcome: Copied
    late: bool = False
    ran: bytes | None = None
    seconds: float = 0.0
    contended: Contended = NOTHING
    described: bytes | None = None
    bug: str = ""


Heard = Callable[[Told], None]
"""Who asked; called once, and never before the question has returned."""


class Mirror(Protocol):
    """Who sends copies and compares."""

    @property
    def starts(self) -> int:
        """How often it began with nothing: comparisons of an earlier start are lost."""

    def start(self, max_bytes: int) -> None:
        """Be there, from now on, for copies of so many bytes that are under way together."""

    def order(self, candidates: tuple[Address, ...]) -> None:
        """Ask these pods from now on."""

    def begin(self, message: Begin) -> None:
        """Begin comparisons."""

    def prepared(self, message: Copy | Twice) -> object:
        """Return what `ask` takes in its place. Any thread may do so: with large arrays it takes long."""

    def ask(self, message: object, heard: Heard, patience: float = 0.0) -> None:
        """Have a Copy compared, for which a candidate is asked, or a Twice; or what `prepared` made of one.

        A mirror that takes far longer than `patience`, in seconds, is given up.
        """

    async def kept(self, digest: str) -> Mapping[str, Tensor] | None:
        """Return the inputs of one of the worst copies, by its digest; None if they were not kept."""

    def end(self) -> None:
        """Forget all, and be gone until `start`. What is under way is interrupted."""
