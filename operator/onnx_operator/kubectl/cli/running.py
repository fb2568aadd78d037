"""What commands need to run: the clock, the screen and the loop."""

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TypeVar

from rich.console import Console

from onnx_operator.kubectl.access import Flags, cluster_of
from onnx_operator.kubectl.cluster import Cluster

T = TypeVar("T")

# Characters in a line of what is not read on a terminal: so many that few lines are broken.
PIPED = 160


def on_cluster(flags: Flags, command: Callable[[Cluster], Awaitable[T]]) -> T:
    """Run a command on the cluster that is meant."""

    async def run() -> T:
        async with cluster_of(flags) as cluster:
            return await command(cluster)

    return asyncio.run(run())


def screen() -> Console:
    """Return standard output. What it cannot show (a sign, in an old terminal) becomes a question mark."""
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure:
        reconfigure(errors="replace")
    console = Console(highlight=False)
    if not console.is_terminal and not os.environ.get("COLUMNS"):
        console.width = PIPED
    return console


def now() -> datetime:
    """Return the time, in UTC."""
    return datetime.now(UTC)


def print_json(value: object, indent: int | None = 2) -> None:
    """Write JSON to standard output; on one line with ``indent`` None."""
    sys.stdout.write(json.dumps(value, indent=indent) + "\n")
    sys.stdout.flush()
