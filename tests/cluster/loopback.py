"""Claims a network of loopback addresses: one for each control plane, so that several share a machine and no port.

Linux answers at all of 127.0.0.0/8. Whoever claims a network holds a port at its first address; the claim ends with
the process, however that ends.
"""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Network
from typing import Final

from .errors import ClusterError

CLAIM_PORT: Final = 9000
"""The pods' control port, too: who listens there at every address of the machine is noticed at once."""

NETWORKS: Final = tuple(IPv4Network(f"127.{number}.0.0/16") for number in range(16, 240))


@contextmanager
def claimed() -> Iterator[IPv4Network]:
    """Hold a network that nobody else holds, other processes included."""
    # Processes begin at different networks, so that they seldom try each other's.
    first = os.getpid() % len(NETWORKS)
    for network in (*NETWORKS[first:], *NETWORKS[:first]):
        with socket.socket() as claim:
            try:
                claim.bind((str(network[0]), CLAIM_PORT))
            except OSError:
                continue
            claim.listen()
            yield network
            return
    raise ClusterError(
        f"no network of 127.0.0.0/8 is free: something listens on port {CLAIM_PORT} at all addresses "
        f"(see `ss -ltnp sport = :{CLAIM_PORT}`), or {len(NETWORKS)} control planes are up"
    )
