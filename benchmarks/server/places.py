"""Where things run: cores, ports, and the cache for what is installed, outside the tree."""

from pathlib import Path
from typing import Final

from tests.cluster.paths import cache_dir

SERVER_CORE: Final = 0
LOAD_CORE: Final = 1

HOST: Final = "127.0.0.1"
HTTP_PORT: Final = 28100
GRPC_PORT: Final = 28101
METRICS_PORT: Final = 28102
CONTROL_PORT: Final = 28103
PORTS: Final = (HTTP_PORT, GRPC_PORT, METRICS_PORT, CONTROL_PORT)


def cache() -> Path:
    """Return where the benchmark keeps environments; beside the cluster's tools."""
    return cache_dir() / "benchmarks"
