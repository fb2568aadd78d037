"""Who answers which request, as one split has it. Pure."""

from collections.abc import Collection
from typing import Final

from onnx_server.traffic import sticky
from onnx_server.traffic.arms import CANDIDATE, PREVIEW, STABLE, UNCOUNTED, Arm
from onnx_server.traffic.message import FORWARDED

_NO = frozenset({b"", b"0", b"false"})


class Rules:
    """They never change, so that who keeps what they said of a head has to look only whether they are the same ones."""

    __slots__ = ("_observed", "_preview_header", "_read", "_revision", "_sticky_by", "_usual", "_weight")

    def __init__(
        self,
        revision: str | None = None,
        weight: int = 0,
        *,
        observed: bool = False,
        sticky_by: bytes | None = None,
        preview_header: bytes | None = None,
    ) -> None:
        """`weight` is in percent. `sticky_by` and `preview_header` are names in lower case.

        `observed` is whether requests count for a comparison while nothing is forwarded.
        """
        self._revision = revision
        self._weight = weight
        self._observed = observed
        self._sticky_by = sticky_by
        self._preview_header = preview_header
        self._read: Final = frozenset({FORWARDED, sticky_by, preview_header})
        self._usual = self._arm((), None)

    def arm(self, headers: Collection[tuple[bytes, bytes]], version: str | None) -> Arm | None:
        """Return who answers a request with these headers (names in lower case) that asks for `version`, if any.

        None: whom the dice choose.
        """
        if version:
            return self._arm(headers, version)
        read = self._read
        for name, _ in headers:
            if name in read:
                return self._arm(headers, version)
        return self._usual

    def _arm(self, headers: Collection[tuple[bytes, bytes]], version: str | None) -> Arm | None:
        user, preview = None, False
        for name, value in headers:
            if name == FORWARDED:
                return UNCOUNTED
            if name == self._sticky_by and user is None:
                user = value
            if name == self._preview_header and value.strip().lower() not in _NO:
                preview = True
        revision = self._revision
        if revision is None or (version and not revision.endswith(f"-{version}")):
            return UNCOUNTED  # this pod's version was asked by name
        if preview:
            return PREVIEW
        if self._weight == 0:
            return STABLE if self._observed else UNCOUNTED
        if user is None:
            return None
        return CANDIDATE if sticky.to_candidate(revision, user, self._weight) else STABLE
