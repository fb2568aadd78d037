"""The operator's replicas as others see them: all addresses behind one name, and what each answers."""

import asyncio
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

LEADER = "onnx_operator_leader"


class UnreachableError(Exception):
    """Nobody answers; the message says at which address, and how."""


@dataclass(frozen=True)
class Replica:
    """One replica: where it is, whether it is ready, whether it leads."""

    address: str
    ready: bool
    leads: bool


async def ask(url: str, timeout: float) -> list[Replica]:
    """Ask every replica behind a URL such as http://NAME:8080; ``timeout`` is in seconds, for each answer.

    Raises:
        UnreachableError: the name has no address, or one of its addresses does not answer.
    """
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or 80
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise UnreachableError(f"the name {host} has no address ({error})") from error
    addresses = sorted({str(info[4][0]) for info in found})
    limit = aiohttp.ClientTimeout(total=timeout)
    async with aiohttp.ClientSession(timeout=limit) as session:
        return list(await asyncio.gather(*(_ask(session, address, port) for address in addresses)))


async def _ask(session: aiohttp.ClientSession, address: str, port: int) -> Replica:
    base = f"http://[{address}]:{port}" if ":" in address else f"http://{address}:{port}"
    try:
        async with session.get(f"{base}/readyz") as answer:
            ready = answer.status == 200
        async with session.get(f"{base}/metrics") as answer:
            text = await answer.text()
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise UnreachableError(f"{base} does not answer ({error or type(error).__name__})") from error
    return Replica(address, ready, leads(text))


def leads(metrics: str) -> bool:
    """Return whether a replica's metrics, in Prometheus' text format, say that it leads."""
    samples = (sample for family in text_string_to_metric_families(metrics) for sample in family.samples)
    return any(sample.name == LEADER and sample.value == 1 for sample in samples)
