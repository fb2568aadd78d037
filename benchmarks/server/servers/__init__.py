"""The servers that are measured, each in a module of its own."""

from typing import Final

from benchmarks.server.servers.ours import Ours
from benchmarks.server.servers.server import Server

SERVERS: Final[dict[str, Server]] = {server.name: server for server in (Ours(),)}
"""By name: what `--servers` takes."""
