"""Who answers which request, as one split has it. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from onnx_server.traffic import sticky
from onnx_server.traffic.arms import CANDIDATE, PREVIEW, STABLE, UNCOUNTED, Arm
from onnx_server.traffic.message import FORWARDED

_NO = frozenset({b"", b"0", b"false"})


@dataclass(frozen=True, slots=True, eq=False)
class Rules:
    """They never change, so that who keeps what they said of a head has to look only whether they are the same ones.

    `weight` is in percent. `sticky_by` and `preview_header` are names in lower case. `observed` is whether requests
    count for a comparison while nothing is forwarded.
    """

    revision: str | None = None
    weight: int = 0
    observed: bool = False
    sticky_by: bytes | None = None
    preview_header: bytes | None = None

    def arm(self, headers: Iterable[tuple[bytes, bytes]], version: str | None) -> Arm | None:
        """Return who answers a request with these headers (names in lower case) that asks for `version`, if any.

        None: whom the dice choose.
        """
        user, preview = None, False
        for name, value in headers:
            if name == FORWARDED:
                return UNCOUNTED
            if name == self.sticky_by and user is None:
                user = value
            if name == self.preview_header and value.strip().lower() not in _NO:
                preview = True
        revision = self.revision
        if revision is None or (version and not revision.endswith(f"-{version}")):
            return UNCOUNTED  # this pod's version was asked by name
        if preview:
            return PREVIEW
        if self.weight == 0:
            return STABLE if self.observed else UNCOUNTED
        if user is None:
            return None
        return CANDIDATE if sticky.to_candidate(revision, user, self.weight) else STABLE
