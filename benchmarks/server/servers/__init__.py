"""The servers that are measured, each in a module of its own."""

from typing import Final

from benchmarks.server.servers.kserve import KServe
from benchmarks.server.servers.mlserver import MLServer
from benchmarks.server.servers.ours import Ours
from benchmarks.server.servers.pytriton import PyTriton
from benchmarks.server.servers.server import Server

OURS: Final = Ours.name
SERVERS: Final[dict[str, Server]] = {server.name: server for server in (Ours(), KServe(), MLServer(), PyTriton())}
"""By name: what `--servers` takes."""
