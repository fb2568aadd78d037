"""The process that copies: `python -m onnx_server.traffic.mirror DESCRIPTOR SENDER`, started by `apart`.

DESCRIPTOR is its end of a pair of sockets; it ends when nobody is at the other end.
"""

import contextlib
import os
import sys
from pathlib import Path


def _stand_back() -> None:
    """Run from now on only while nothing else of the pod wants the CPU."""
    with contextlib.suppress(AttributeError, OSError):  # not Linux, or a sandbox that has no such thing
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


if __name__ == "__main__":
    # Importing takes far longer than anything later: a pod that is always busy would put it off for minutes.
    os.nice(10)
    # When memory is short, this process is to go first.
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")
    from onnx_server.traffic.mirror import standing

    _stand_back()
    standing.run(int(sys.argv[1]), sys.argv[2].encode())
