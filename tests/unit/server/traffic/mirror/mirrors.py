"""What tests ask mirrors for, and the processes that there are."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from onnx_server.protocol.datatypes import BY_NAME
from onnx_server.protocol.signature import Signature, TensorSpec
from onnx_server.traffic.mirror.apart import Apart
from onnx_server.traffic.mirror.chosen import Chosen
from onnx_server.traffic.mirror.messages import Begin, Copy, Heard, Told
from onnx_server.traffic.split import Shadowing

SPEC = TensorSpec("x", BY_NAME["FP32"], (-1, 1))
SIGNATURE = Signature((SPEC,), (TensorSpec("y", BY_NAME["FP32"], (-1, 1)),))
ONE, TWO = ({name: np.array([[value]], np.float32)} for name, value in (("x", 1.0), ("y", 2.0)))


def children() -> set[int]:
    """Return the processes that this one's main thread has started, and that run."""
    found = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return {int(pid) for pid in found if _runs(Path("/proc") / pid / "stat")}


def _runs(stat: Path) -> bool:
    try:
        return stat.read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def copy(comparisons: int = 1) -> Copy:
    return Copy(comparisons, ONE, TWO, limit=1000, patience=30.0)


async def told_of(mirror: Apart | Chosen, comparisons: int = 1) -> Told:
    """Have a copy of ONE compared with TWO."""
    return await answered(lambda heard: mirror.ask(copy(comparisons), heard))


async def answered(ask: Callable[[Heard], None]) -> Told:
    """Return what is heard of a question."""
    future: asyncio.Future[Told] = asyncio.get_running_loop().create_future()
    ask(future.set_result)
    return await future


def begin(mirror: Apart | Chosen, comparisons: int = 1) -> None:
    mirror.begin(Begin(comparisons, "digits", SIGNATURE, Shadowing(100, keep_inputs=True)))
