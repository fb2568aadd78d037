"""How a request ran: the header `onnx-ran` of answers between pods, and what of two servers may be compared."""

import re
from dataclasses import dataclass

from onnx_server.engine.work import Run

_FORM = re.compile(rb"rows=(\d{1,12}) elements=(\d{1,15}) compute=(\d{1,12}) work=(\d{1,12}) lead=([01])").fullmatch
_SAME_UP_TO = 8


@dataclass(frozen=True, slots=True)
class Ran:
    """`rows` and `elements` of the inputs of the batch that the request was part of; durations in seconds.

    `compute` is that of the batch's execution, `work` that of all the server did for the request, without waiting in
    its queue. Each batch has one request with `lead`.
    """

    rows: int
    elements: int
    compute: float
    work: float
    lead: bool

    def header(self) -> bytes:
        """Return the header's value."""
        compute, work = self.compute * 1e6, self.work * 1e6
        return b"rows=%d elements=%d compute=%d work=%d lead=%d" % (self.rows, self.elements, compute, work, self.lead)


def ran(run: Run, work: float) -> Ran | None:
    """Return how a request ran that took `work` seconds; None where the model was not run for it."""
    return Ran(run.rows, run.elements, run.computed, max(0.0, work), run.lead) if run.rows else None


def parsed(value: bytes | None) -> Ran | None:
    """Return what the header says; None without one, or for what is none."""
    found = None if value is None else _FORM(value)
    if found is None:
        return None
    rows, elements, compute, work, lead = map(int, found.groups())
    return Ran(rows, elements, compute / 1e6, work / 1e6, bool(lead))


def alike(rows: int, elements: int, others_rows: int, others_elements: int) -> bool:
    """Return whether two batches are the same work: of as many rows and elements, above 8 up to an eighth."""
    return _near(rows, others_rows) and _near(elements, others_elements)


def _near(one: int, other: int) -> bool:
    return one == other or (min(one, other) > _SAME_UP_TO and abs(one - other) * 8 <= max(one, other))
